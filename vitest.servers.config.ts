// Suites against real servers: each file is run by the script beside it in test/servers/, which starts its server. The built bin is needed.
import { defineConfig } from 'vitest/config'
import { fileURLToPath } from 'node:url'

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  resolve: { alias: { 'trueup/testing': at('./src/testing.ts'), trueup: at('./src/index.ts') } },
  test: {
    pool: 'forks',
    maxWorkers: 2,
    restoreMocks: true,
    unstubEnvs: true,
    retry: 0,
    allowOnly: process.env['CI'] === undefined,
    sequence: { shuffle: true },
    setupFiles: [at('./test/support/network-guard.ts')],
    include: ['test/servers/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
