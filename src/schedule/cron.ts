// A cron expression and a time zone come in; a function that gives the next time after an instant goes out. Pure.
import { Cron } from 'croner'
import { toError, TrueupError } from '../errors.js'

export interface CronTime {
  /** Five fields, `0 9 * * 1-5`. A time that the change to summer time leaves out is the next that there is. */
  readonly cron: string
  /** IANA name. @defaultValue `UTC` */
  readonly timeZone?: string
}

/**
 * @param what - what the expression is of, for the message: `window`
 * @returns the first time after an instant, both UTC ms; undefined where there is none any more
 * @throws usage for an expression or a time zone that is none
 */
export function cronTimes({ cron, timeZone = 'UTC' }: CronTime, what: string): (after: number) => number | undefined {
  try {
    const pattern = new Cron(cron, { paused: true, timezone: timeZone, mode: '5-part' })
    // Asked once here, so that a time zone that is none is an error now and not in the middle of the night.
    pattern.nextRun(new Date(0))
    return (after) => pattern.nextRun(new Date(after))?.getTime()
  } catch (thrown) {
    const error = toError(thrown)
    throw new TrueupError(
      'usage',
      `the ${what} "${cron}" (${timeZone}) cannot be read: ${error.message.replace(/^Cron\w+: /, '')}. Use five fields and an IANA time zone: "0 9 * * 1-5" in Europe/Berlin.`,
      { cause: error, details: { cron, timeZone } },
    )
  }
}
