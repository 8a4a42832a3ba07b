// In: the built checkout. Packs it once and lets publint and attw judge the very file that npm would publish.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const folder = mkdtempSync(join(tmpdir(), 'trueup-pack-'))

try {
  const packed = run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], 'pipe')
  const tarball = join(folder, JSON.parse(packed)[0].filename)
  run('npx', ['--no-install', 'publint', 'run', tarball, '--strict'])
  run('npx', ['--no-install', 'attw', tarball, '--profile', 'esm-only', '--no-definitely-typed'])
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function run(command, args, stdout = 'inherit') {
  const { status, error, ...result } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', stdout, 'inherit'],
    encoding: 'utf8',
  })
  if (error) throw error
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${String(status)}`)
  return result.stdout
}
