// Three projects: `unit` (no built files needed), `cli` (runs the built bin: `npm run build` first), `types` (compiles test/types).
import { defineConfig } from 'vitest/config'
import { fileURLToPath } from 'node:url'

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** Suites against real servers have their own runs; fixtures are input, not suites. */
const neverHere = ['test/servers/**', 'test/fixtures/**', 'node_modules/**', 'dist/**']
const builtBin = ['test/cli/**/*.test.ts', 'test/package.test.ts', 'test/docs.test.ts']

export default defineConfig({
  resolve: { alias: { 'trueup/testing': at('./src/testing.ts'), trueup: at('./src/index.ts') } },
  test: {
    pool: 'forks',
    maxWorkers: 2,
    globals: false,
    restoreMocks: true,
    unstubEnvs: true,
    unstubGlobals: true,
    retry: 0,
    allowOnly: process.env['CI'] === undefined,
    sequence: { shuffle: true },
    setupFiles: [at('./test/support/network-guard.ts')],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [...neverHere, ...builtBin],
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        extends: true,
        test: { name: 'cli', include: builtBin, exclude: neverHere, testTimeout: 120_000, hookTimeout: 120_000 },
      },
      {
        extends: true,
        test: {
          name: 'types',
          include: [],
          setupFiles: [],
          typecheck: {
            enabled: true,
            only: true,
            include: ['test/types/**/*.test-d.ts'],
            tsconfig: at('./tsconfig.check.json'),
            // Errors elsewhere are the build's and `npm run check`'s to report.
            ignoreSourceErrors: true,
          },
        },
      },
    ],
  },
})
