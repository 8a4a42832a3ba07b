// In: the built checkout (or another copy of bin/trueup.js, as the only argument). Out: the main job, step by step, in a real git repository,
// on files and on a real PostgreSQL: each command with its real output. Exits 1 as soon as a step is not what it announces. Leaves nothing behind.
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { databaseTour } from './demo/database.mjs'
import { filesTour } from './demo/files.mjs'
import { createStage } from './demo/stage.mjs'
import { startPostgresServer } from './postgres-server.mjs'

const bin = resolve(process.argv[2] ?? join(dirname(dirname(fileURLToPath(import.meta.url))), 'bin/trueup.js'))
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'trueup-demo-')))
// As root the server runs as another user.
chmodSync(folder, 0o755)
process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }))

// What is running is ended, then all of it is taken down in order.
const stop = new AbortController()
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
]) {
  process.once(signal, () => {
    process.exitCode = code
    stop.abort()
  })
}

let server
try {
  const stage = createStage({ folder, bin, signal: stop.signal })
  await filesTour(stage)
  const place = join(folder, 'postgres')
  mkdirSync(place)
  server = await startPostgresServer(place)
  stop.signal.throwIfAborted()
  await databaseTour(stage, server)
  stage.say(`\nEvery step did what it announced. What to read next: README.md`)
} catch (error) {
  if (!stop.signal.aborted) {
    process.stderr.write(`\ndemo: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  }
} finally {
  await server?.stop()
}
