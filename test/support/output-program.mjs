// Bundled with src/cli/output.ts by its test: writes what its arguments ask for, as a command of the CLI would.
import { createOutput } from '../../src/cli/output.ts'

const [size = '0', mode = 'drain'] = process.argv.slice(2)
const output = createOutput(process.stdout, process.stderr)
const head = '{"filler":"'
const tail = '"}\n'
output.out(head + 'é😀'.repeat((Number(size) - head.length - tail.length) / 6) + tail)
await output.drain()
if (output.failure !== null) {
  output.err(`lost: ${output.failure.code}\n`)
  await output.drain()
  process.exitCode = 1
}
// With everything drained even this loses nothing.
if (mode === 'exit') process.exit(0)
