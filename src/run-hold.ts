// What a hold does to a run: an apply ends before it changes anything, a dry run says so and goes on. In: the session. Out: nothing, or a `held`
// error. Holds that cannot be read stop an apply too.
import { toError, TrueupError } from './errors.js'
import { byText, dateTime, utcTime } from './report/format.js'
import type { RunSession } from './run-session.js'
import { holdsOn, type Hold } from './store/holds.js'

/** @throws held; also what the store says when it cannot tell */
export async function refuseHeld({ request, target }: RunSession): Promise<void> {
  const holds = await holdsOn(target.store, request.target)
  if (holds.length === 0) return
  const ends = holds.map((hold) => `trueup release ${hold.target ?? '--all'}${request.place ?? ''}`)
  throw new TrueupError(
    'held',
    `${heldText(request.target, holds)}\nNothing was changed. To end ${holds.length === 1 ? 'the hold' : 'both holds'}: ${ends.join(' && ')}`,
    { retryable: true, details: { target: request.target, holds: holds.map(holdFacts) } },
  )
}

/** Says that an apply of what is planned now would be refused. */
export async function tellHeld({ deps, request, target }: RunSession): Promise<void> {
  const warn = (message: string, details = {}): void => {
    deps.reporter.report({ kind: 'warned', target: request.target, message, details })
  }
  try {
    const holds = await holdsOn(target.store, request.target)
    if (holds.length > 0)
      warn(`${heldText(request.target, holds)} Until then it can be planned, not applied.`, {
        holds: holds.map(holdFacts),
      })
  } catch (thrown) {
    warn(`whether ${request.target} is held cannot be told: ${toError(thrown).message}`)
  }
}

/** `billing-db is held until … by jane on ci-7: the release is cut.`; of several holds the one that ends last first. */
function heldText(target: string, holds: readonly Hold[]): string {
  return holds
    .map((hold, index) => {
      const subject = index === 0 ? `${target} is held` : 'It is also held'
      const text = `${subject}${hold.target === null ? ', as all targets are,' : ''} ${holdText(hold, true)}`
      return /[.!?]$/.test(text) ? text : `${text}.`
    })
    .join(' ')
}

/** `until 2026-11-20 18:00 UTC by jane on ci-7 (https://…): the release is cut`. */
export function holdText({ until, reason, by }: Hold, utc: boolean): string {
  return `until ${dateTime(until, utc)}${utc ? ' UTC' : ''} ${byText(by)}: ${reason}`
}

/** As it stands in JSON. */
export function holdFacts({ target, reason, since, until, by: { actor, host, url } }: Hold): object {
  return { target, reason, since: utcTime(since), until: utcTime(until), by: { actor, host, url } }
}
