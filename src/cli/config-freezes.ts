// Recurring times at which a daemon applies nothing (`freezes`), and schedules of targets: their shape, and what is wrong with those of a
// trueup.yaml, with its line. Looks at no clock.
import { toError } from '../errors.js'
import { cronTimes } from '../schedule/cron.js'
import { didYouMean } from '../util/suggest.js'
import type { Shape } from './config-shape.js'
import type { Config } from './config-types.js'

const TEXT = 'a text that is not empty'

/** `freezes:` at the top of the file. */
export const FREEZES: Shape = {
  kind: 'list',
  description: 'Recurring times at which a daemon applies nothing; plans go on.',
  of: {
    kind: 'object',
    description: 'One freeze.',
    required: ['schedule', 'for', 'reason'],
    keys: {
      schedule: {
        kind: 'text',
        description: "When it begins: a cron expression, '0 17 * * 5'.",
        expected: "a cron expression ('0 17 * * 5')",
      },
      for: { kind: 'duration', description: 'How long it lasts from there, in real time: 63h.' },
      timeZone: {
        kind: 'text',
        description: 'IANA time zone of the schedule: Europe/Berlin. Default UTC.',
        expected: TEXT,
      },
      reason: { kind: 'text', description: 'Why, for those whom it stops.', expected: TEXT },
      targets: {
        kind: 'list',
        description: 'The targets that it stops. Default: all.',
        of: { kind: 'text', description: 'The name of a target.', expected: TEXT },
      },
    },
  },
}

/** One sentence for each fault, with the line of the key. */
export function scheduleFaults({
  targets = {},
  freezes = [],
  lines,
}: Pick<Config, 'targets' | 'freezes' | 'lines'>): readonly { readonly line: number; readonly message: string }[] {
  const faults: { line: number; message: string }[] = []
  const check = (at: string, fn: () => void): void => {
    try {
      fn()
    } catch (thrown) {
      faults.push({ line: lines[at] ?? lines[at.split(/[.[]/)[0] ?? ''] ?? 1, message: toError(thrown).message })
    }
  }
  for (const [name, { schedule }] of Object.entries(targets)) {
    if (schedule !== undefined) check(`targets.${name}.schedule`, () => void cronTimes({ cron: schedule }, 'schedule'))
  }
  const names = Object.keys(targets)
  for (const [index, { schedule, timeZone, targets: stopped = [] }] of freezes.entries()) {
    const time = { cron: schedule, ...(timeZone === undefined ? {} : { timeZone }) }
    check(`freezes[${String(index)}].schedule`, () => void cronTimes(time, 'schedule of a freeze'))
    for (const name of stopped.filter((one) => !names.includes(one))) {
      const line = lines[`freezes[${String(index)}].targets`] ?? lines['freezes'] ?? 1
      faults.push({ line, message: `a freeze names "${name}", but there is no such target.${didYouMean(name, names)}` })
    }
  }
  return faults
}
