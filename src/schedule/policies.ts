// Facts about a target come in as plain data; whether it may act now, or from when on, goes out. Pure: the time is an argument.
// A policy must never allow sooner than it says, nor announce a time before which it would allow: the schedule looks again only then.

import { digestBytes } from '../util/digest.js'

/**
 * - `allow`: it may act now
 * - `wait`: not before `until` (UTC ms), whatever else happens; then it is asked again
 * - `deny`: no time will change that; a change of data does, and that makes the target due by itself
 */
export type Verdict =
  | { readonly kind: 'allow' }
  | { readonly kind: 'wait'; readonly until: number; readonly reason: string }
  | { readonly kind: 'deny'; readonly reason: string }

/** @param now UTC ms */
export type Policy = (now: number) => Verdict

export const ALLOW: Verdict = { kind: 'allow' }

/** What several policies say together, with the reason of each that does not allow. */
export interface Combined {
  readonly verdict: Verdict
  readonly reasons: readonly string[]
}

/** Deny beats wait, the latest wait wins, and all must allow. */
export function combine(policies: readonly Policy[], now: number): Combined {
  const verdicts = policies.map((policy) => policy(now))
  const reasons = verdicts.flatMap((verdict) => (verdict.kind === 'allow' ? [] : [verdict.reason]))
  const verdict = verdicts.reduce(stricter, ALLOW)
  return { verdict, reasons }
}

/** When the schedule must look again, UTC ms; undefined where time changes nothing. */
export function nextEvaluationTime(verdict: Verdict): number | undefined {
  return verdict.kind === 'wait' ? verdict.until : undefined
}

function stricter(a: Verdict, b: Verdict): Verdict {
  if (a.kind === 'deny' || b.kind === 'allow') return a
  if (b.kind === 'deny' || a.kind === 'allow') return b
  return b.until > a.until ? b : a
}

function from(start: number, now: number, reason: string): Verdict {
  return now < start ? { kind: 'wait', until: start, reason } : ALLOW
}

export interface Soak {
  /** The environment before this one, for the reason. */
  readonly before: string
  /** UTC ms of the most recent success there; null: none yet. A later success begins the soak anew. */
  readonly succeededAt: number | null
  readonly soakMs: number
}

/** Not before the environment before has run well for a while. */
export function soakTime({ before, succeededAt, soakMs }: Soak): Policy {
  return (now) =>
    succeededAt === null
      ? { kind: 'deny', reason: `${before} has not succeeded yet` }
      : from(succeededAt + soakMs, now, `soaking in ${before}`)
}

export interface Rollout {
  /** UTC ms. */
  readonly startedAt: number
  /** Place of this target in the order, from 0: see {@link rolloutOrder}. */
  readonly position: number
  /** `linear`: one target each interval. `linear-normalised`: all of them, however many, spread over one duration. */
  readonly pace:
    | { readonly kind: 'linear'; readonly intervalMs: number }
    | { readonly kind: 'linear-normalised'; readonly durationMs: number; readonly count: number }
}

/** One target after the other. The first may act at once. */
export function gradualRollout({ startedAt, position, pace }: Rollout): Policy {
  const offset =
    pace.kind === 'linear'
      ? position * pace.intervalMs
      : Math.floor((position * pace.durationMs) / Math.max(1, pace.count))
  return (now) => from(startedAt + offset, now, `its turn in the rollout (${String(position + 1)}.)`)
}

/**
 * An order that nobody chose and that is the same everywhere: by the SHA-256 of seed and key. Another seed (a revision, say) gives another
 * order, so that it is not always the same target that goes first.
 * @returns place by key, from 0
 */
export function rolloutOrder(keys: Iterable<string>, seed: string): ReadonlyMap<string, number> {
  const hashed = [...new Set(keys)].map((key) => [digestBytes(`${seed}\0${key}`), key])
  hashed.sort(([a = ''], [b = '']) => (a < b ? -1 : 1))
  return new Map(hashed.map(([, key = ''], place) => [key, place]))
}

/** A while after it was applied last. @param appliedAt UTC ms; null: it never was */
export function coolDown({
  appliedAt,
  coolDownMs,
}: {
  readonly appliedAt: number | null
  readonly coolDownMs: number
}): Policy {
  return (now) => (appliedAt === null ? ALLOW : from(appliedAt + coolDownMs, now, 'cooling down after its last apply'))
}

/** One consent, from reviewed data. */
export interface Consent {
  readonly by: string
  /** UTC ms; null: from ever. */
  readonly from: number | null
  /** The last instant, UTC ms. */
  readonly until: number
}

/** Only with somebody's consent, while it lasts. */
export function needsApproval(consents: readonly Consent[]): Policy {
  return (now) => {
    if (consents.some((one) => (one.from ?? now) <= now && now <= one.until)) return ALLOW
    const next = consents
      .flatMap(({ by, from: begins, until }) =>
        begins !== null && begins > now && begins <= until ? [{ by, begins }] : [],
      )
      .sort((a, b) => a.begins - b.begins)[0]
    if (next !== undefined) return { kind: 'wait', until: next.begins, reason: `approved by ${next.by} from then on` }
    const last = [...consents].sort((a, b) => b.until - a.until)[0]
    const reason =
      last === undefined
        ? 'nobody has approved it'
        : `the approval by ${last.by} expired at ${new Date(last.until).toISOString()}`
    return { kind: 'deny', reason }
  }
}

/** Not from one instant to another (which is allowed again). Both UTC ms. */
export function freezeBetween(freeze: {
  readonly from: number
  readonly until: number
  readonly reason: string
}): Policy {
  return (now) =>
    freeze.from <= now && now < freeze.until ? { kind: 'wait', until: freeze.until, reason: freeze.reason } : ALLOW
}
