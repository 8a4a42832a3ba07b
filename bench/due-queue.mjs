// Rows of the due queue, in a process of its own: against a Map that is scanned for what is due, and in absolute figures.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('due-queue-program.mjs', import.meta.url))

/** @type {readonly import('./command.mjs').Bench[]} */
export const dueQueueBenches = [{ name: 'due-queue', measure }]

function measure(place) {
  const args = ['--expose-gc', PROGRAM, place.built, String(place.rounds)]
  const found = JSON.parse(
    execFileSync(process.execPath, args, { cwd: place.folder, env: place.env, encoding: 'utf8' }),
  )
  const row = (label, value, unit, target, note) => ({ label: `due queue, ${label}`, value, unit, target, note })
  return [
    row('nothing due of 1,000,000', found.idleUs, ' us', 1),
    row('next of 1,000,000', found.nextUs, ' us', 1),
    row('schedule one of 1,000,000', found.scheduleUs, ' us', 1, `moved sooner: ${found.moveUs.toFixed(2)} us`),
    row('pop 1 % due of 100,000', found.popMs, ' ms', 2),
    row(
      'the same, against a scanned Map',
      found.popRatio,
      'x',
      1,
      `the scan alone takes ${found.scanMs.toFixed(2)} ms`,
    ),
    row('nothing due of 100,000, against a scanned Map', found.idleRatio, 'x', 0.001),
    row('memory of an entry beyond its key', found.bytes, ' B', 100),
  ]
}
