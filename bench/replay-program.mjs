// A whole process that does nothing but replay, once replay.mjs has bundled it. In: the kept log, pretty or json, a file for the memory. Out: the
// replayed log on stdout; what /proc tells of the process at its end, in that file.
import { readFileSync, writeFileSync } from 'node:fs'
import { createOutput } from '../src/cli/output.js'
import { createLogReporter } from '../src/report/log-reporter.js'
import { createStyle } from '../src/report/style.js'

void replay(...process.argv.slice(2))

async function replay(file, format, status) {
  const log = JSON.parse(readFileSync(file, 'utf8'))
  const output = createOutput(process.stdout, process.stderr)
  const reporter = await createLogReporter({
    write: (text) => {
      output.out(`${text}\n`)
    },
    writeLines: (lines) => {
      output.out(lines)
    },
    format,
    level: 'debug',
    style: createStyle({ color: true, unicode: true, width: 80 }),
    showTarget: false,
    clock: { now: () => 0 },
  })
  const entry = { target: 'bench', entry: '5d1c40b2', run: '01JD', ageMs: 60_000, expiresAt: 0, zone: 'local' }
  reporter.report({ kind: 'replayed', ...entry, ...log })
  await output.drain()
  if (process.platform === 'linux') writeFileSync(status, readFileSync('/proc/self/status'))
}
