// Rows of the scheduler, in a process of its own: a day on a simulated clock, against looking at every target each five minutes.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('schedule-program.mjs', import.meta.url))

/** @type {readonly import('./command.mjs').Bench[]} */
export const scheduleBenches = [{ name: 'schedule', measure }]

function measure(place) {
  const found = JSON.parse(
    execFileSync(process.execPath, [PROGRAM, place.built], { cwd: place.folder, env: place.env, encoding: 'utf8' }),
  )
  const row = (label, value, unit, target, note) => ({ label: `scheduler, ${label}`, value, unit, target, note })
  const [least, middle, most] = found.load
  return [
    row('wake-ups in 24 h with nothing due', found.quietWakeUps, '', 24, 'one an hour, to notice a clock that was set'),
    row(
      '24 h with 100,000 targets, simulated in',
      found.seconds,
      ' s',
      60,
      `${found.cpuSeconds.toFixed(0)} s of processor time; ${found.runs} runs; delay p50 ${found.p50.toFixed(1)} s, p99 ${found.p99.toFixed(1)} s, longest ${found.p100.toFixed(1)} s; runs an hour ${least} to ${most}, median ${middle}`,
    ),
    row('busiest minute of those 24 h, of the mean', found.peak, 'x', 1.3),
    row(
      'runs, of what looking at all each 5 minutes does',
      found.runs / found.lookedAt,
      'x',
      0.1,
      `${(found.lookedAt / found.runs).toFixed(1)} times fewer at a mean interval of one hour`,
    ),
  ]
}
