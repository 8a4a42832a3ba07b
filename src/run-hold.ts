// What a hold does to a run: an apply of a target that is held ends before it changes anything; of parts that are held it leaves the changes out; a
// dry run says so and goes on. In: the session, and its plan. Out: the parts that are held and what of the plan that is. Holds that cannot be read
// stop an apply too.
import { toError, TrueupError } from './errors.js'
import type { HeldPart, LimitCheck, PlannedChange } from './event.js'
import { some } from './reconcile/limit-text.js'
import { byText, dateTime, utcTime } from './report/format.js'
import type { PlannedRun } from './run-plan.js'
import type { RunSession } from './run-session.js'
import { holdsOn, type Hold, type HoldPart } from './store/holds.js'
import { shellWord } from './util/shell-word.js'

/** A hold of a part. */
export type PartHold = Hold & Required<Pick<Hold, 'part'>>

/**
 * @returns the holds of parts that are in force
 * @throws held; also what the store says when it cannot tell
 */
export async function refuseHeld({ request, target }: RunSession): Promise<readonly PartHold[]> {
  const holds = await holdsOn(target.store, request.target)
  const whole = holds.filter(({ part }) => part === undefined)
  if (whole.length === 0) return holds.filter(isOfPart)
  const ends = whole.map((hold) => releaseCommand({ target: hold.target, parts: [] }, request.place ?? ''))
  throw new TrueupError(
    'held',
    `${heldText(request.target, whole)}\nNothing was changed. To end ${whole.length === 1 ? 'the hold' : 'both holds'}: ${ends.join(' && ')}`,
    { retryable: true, details: { target: request.target, holds: whole.map(holdFacts) } },
  )
}

/** Says that an apply of what is planned now would be refused. @returns the holds of parts that are in force */
export async function tellHeld({ deps, request, target }: RunSession): Promise<readonly PartHold[]> {
  const warn = (message: string, details = {}): void => {
    deps.reporter.report({ kind: 'warned', target: request.target, message, details })
  }
  try {
    const holds = await holdsOn(target.store, request.target)
    const whole = holds.filter(({ part }) => part === undefined)
    if (whole.length > 0)
      warn(`${heldText(request.target, whole)} Until then it can be planned, not applied.`, {
        holds: whole.map(holdFacts),
      })
    return holds.filter(isOfPart)
  } catch (thrown) {
    warn(`whether ${request.target} is held cannot be told: ${toError(thrown).message}`)
    return []
  }
}

/**
 * The changes of a plan that are held, each by the hold that ends last. Of a shard is also what leaves it: an object that the ledger has there, and
 * another shard desires now.
 */
export function heldParts(
  { built, planning }: PlannedRun,
  { target, holds }: { readonly target: string; readonly holds: readonly PartHold[] },
): readonly HeldPart[] {
  if (holds.length === 0) return []
  const byEnd = [...holds].sort((a, b) => b.until - a.until)
  const holdOf = ({ key, shard }: PlannedChange): PartHold | undefined => {
    const entry = planning.ledger.entryOf(key)
    const shards = [shard, entry?.target === target ? entry.shard : null]
    return byEnd.find(({ part }) => (part.kind === 'object' ? part.key === key : shards.includes(part.key)))
  }
  const keys = new Map<PartHold, string[]>()
  for (const change of built.data.changes) {
    const hold = holdOf(change)
    if (hold !== undefined) keys.set(hold, [...(keys.get(hold) ?? []), change.key])
  }
  return byEnd.flatMap((hold) => {
    const { part, reason, since, until, by } = hold
    const held = keys.get(hold)
    const [shard, key] = part.kind === 'shard' ? [part.key, null] : [null, part.key]
    return held === undefined ? [] : [{ shard, key, reason, since, until, by, keys: held }]
  })
}

/** One word on each among the limits; blocks nothing. */
export function heldChecks(held: readonly HeldPart[]): readonly LimitCheck[] {
  return held.map((one) => ({
    rule: 'held',
    limit: `until ${utcTime(one.until)}`,
    actual: `${String(one.keys.length)} held`,
    shard: one.shard,
    blocked: false,
    override: null,
    message: `${partText(one)} ${holdText(one, true)}; left out: ${some(one.keys)}`,
    allow: null,
    keys: one.keys,
  }))
}

/** Why each of these changes was left out, by key. */
export function heldReasons(held: readonly HeldPart[]): ReadonlyMap<string, string> {
  return new Map(
    held.flatMap((one) => {
      const why = `${one.shard === null ? '' : `shard ${one.shard} is `}held ${holdText(one, true)}`
      return one.keys.map((key) => [key, why] as const)
    }),
  )
}

/** What is said of an apply that has left out what is held; undefined where nothing was. */
export function leftHeld({ request }: RunSession, held: readonly HeldPart[]): TrueupError | undefined {
  if (held.length === 0) return undefined
  const { target, place = '' } = request
  const parts = held.map((one) => `${partText(one)} is held ${holdText(one, true)}`)
  return new TrueupError(
    'held',
    `${target}: left out ${some(held.flatMap(({ keys }) => keys))}: ${parts.join('; ')}\nTo end ${held.length === 1 ? 'the hold' : 'the holds'}: ${releaseCommand({ target, parts: held.map(partOf) }, place)}`,
    {
      retryable: true,
      details: { target, holds: held.map((one) => holdFacts({ target, part: partOf(one), ...one })) },
    },
  )
}

function isOfPart(hold: Hold): hold is PartHold {
  return hold.part !== undefined
}

function partOf({ shard, key }: HeldPart): PartHold['part'] {
  return shard === null ? { kind: 'object', key: key ?? '' } : { kind: 'shard', key: shard }
}

function partText({ shard, key }: HeldPart): string {
  return shard === null ? (key ?? '') : `shard ${shard}`
}

/** `trueup release billing-db`, with the flags that say where. */
export function releaseCommand({ target, parts }: Released, place: string): string {
  const only = parts.map(({ kind, key }) => ` ${kind === 'shard' ? '--shard' : '--key'} ${shellWord(key)}`)
  return `trueup release ${target ?? '--all'}${only.join('')}${place}`
}

interface Released {
  readonly target: string | null
  /** Empty for the hold of all of it. */
  readonly parts: readonly HoldPart[]
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
export function holdText({ until, reason, by }: Pick<Hold, 'until' | 'reason' | 'by'>, utc: boolean): string {
  return `until ${dateTime(until, utc)}${utc ? ' UTC' : ''} ${byText(by)}: ${reason}`
}

/** As it stands in JSON. */
export function holdFacts({ target, part, reason, since, until, by: { actor, host, url } }: Hold): object {
  return {
    target,
    shard: part?.kind === 'shard' ? part.key : null,
    key: part?.kind === 'object' ? part.key : null,
    reason,
    since: utcTime(since),
    until: utcTime(until),
    by: { actor, host, url },
  }
}
