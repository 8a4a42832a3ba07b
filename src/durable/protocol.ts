// What a durable call is made with, and how its troubles are worded. Types and texts: nothing here acts.
import { TrueupError } from '../errors.js'
import type { DurableAnswer } from '../durable-types.js'
import type { FoundDocument } from '../store/document.js'
import type { ObjectStore } from '../store/object-store.js'
import type { Clock } from '../util/clock.js'
import { formatDuration } from '../util/duration.js'
import type { Claimant, DurableCall } from './durable-call.js'
import type { DurableDefinition } from './definition.js'
import type { SecretCheck } from './refuse-bent.js'
import type { Renewals } from './renewals.js'

/** How long a claim holds after it was last written, ms. */
export const CLAIM_MS = 60_000
/** How long a caller waits for another process that is at the same call, ms. */
export const WAIT_MS = 600_000

/** Everything from outside that calls of one namespace need; time, chance and identity included, so that they can be replayed. */
export interface Surroundings {
  readonly store: ObjectStore
  readonly namespace: string
  readonly clock: Clock
  /** From 0 up to 1, for the back-off. */
  readonly random: () => number
  /** Never twice the same. */
  readonly newId: () => string
  readonly claimant: Claimant
  /** Whether a process of this host is gone for certain. */
  readonly isDead: (claimant: Claimant) => boolean
  readonly leaseMs: number
  readonly waitMs: number
  /** Aborted: no claim is made any more. */
  readonly stop: AbortSignal
  /** Aborted: what throws from now on has been cut off, and its effect is in doubt. */
  readonly giveUp: AbortSignal
  /** Asked before a claim and before its effect; undefined outside of applies. @throws lease-lost */
  readonly lease: { check(): Promise<void>; token(shard: string): number } | undefined
  /** Asked once, before the first claim: may this store be trusted with one? @throws store-refused */
  readonly admitStore: (store: ObjectStore) => Promise<void>
  readonly isSecret: SecretCheck | undefined
  /** Takes secrets out of a text that is kept. */
  readonly redact: (text: string) => string
  readonly onWait: (message: string) => void
}

/** With what the calls of one namespace have in common in this process. */
export interface SharedSurroundings extends Surroundings {
  readonly renewals: Renewals
}

/** Which call it is. */
export interface CallIdentity {
  /** 64 hex digits; the last part of its key in the store. */
  readonly id: string
  /** Digest of the checked arguments. */
  readonly args: string
  readonly label: string | null
}

/** One call, ready to be answered. */
export interface PendingCall {
  readonly definition: DurableDefinition
  readonly identity: CallIdentity
  readonly args: readonly unknown[]
  /** Empty outside of shards. */
  readonly shard: string
  /** Runs the author's function (or probe) so that it knows whose call it is in. */
  readonly enter: <T>(fn: () => T) => T
}

export interface Settled {
  readonly text: string
  readonly how: DurableAnswer
}

export type StoredCall = FoundDocument<DurableCall>

/**
 * What a durable function throws when it cannot know whether its effect happened (a time-out after the request was sent): the call is then in doubt, as
 * after a crash. Everything else that it throws says: it has not happened, call again.
 */
export function unknownOutcome(cause: unknown): TrueupError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new TrueupError('outcome-unknown', `nobody can tell whether it happened: ${why}`, { cause })
}

export function shortId(id: string): string {
  return id.slice(0, 12)
}

function nameOf({ name, label }: Pick<DurableCall, 'name' | 'label'>, id: string): string {
  return `${name} (${label === null ? shortId(id) : label})`
}

/** `host ci-7, pid 412, run 01JD…, https://…` */
export function claimantText({ host, pid, run, url }: Claimant): string {
  return [`${host}, pid ${String(pid)}`, ...(run === null ? [] : [`run ${run}`]), ...(url === null ? [] : [url])].join(
    ', ',
  )
}

export function inDoubt(call: DurableCall, id: string, cause?: unknown): TrueupError {
  const because = cause instanceof Error ? ` (${cause.message})` : ''
  return new TrueupError(
    'durable-in-doubt',
    `${nameOf(call, id)} is in doubt${because}: it was started by ${claimantText(call.claim)} at ${new Date(call.claim.at).toISOString()} and nobody saw its end, so it is not started again. Find out, then: trueup doubts resolve ${shortId(id)} --done | --absent`,
    { cause, details: { id, name: call.name, version: call.version, run: call.claim.run, args: call.args } },
  )
}

export function unrecorded(call: DurableCall, id: string, cause: unknown): TrueupError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new TrueupError(
    'durable-in-doubt',
    `${nameOf(call, id)} was carried out, but that could not be written (${why}), so it is in doubt. When the store is back: trueup doubts resolve ${shortId(id)} --done`,
    { cause, details: { id, name: call.name, version: call.version, run: call.claim.run, args: call.args } },
  )
}

export function otherArguments(
  call: Pick<DurableCall, 'name' | 'label' | 'args'>,
  { id, args }: CallIdentity,
): TrueupError {
  return new TrueupError(
    'durable-conflict',
    `${nameOf(call, id)} was called with other arguments: their digest was ${call.args}, now it is ${args}. One key must mean one call: put into \`key\` what differs, or leave it out of \`checked\`.`,
    { details: { id, name: call.name, recorded: call.args, given: args } },
  )
}

export function busy(call: DurableCall, id: string, waitedMs: number): TrueupError {
  return new TrueupError(
    'durable-busy',
    `${nameOf(call, id)} has been under way elsewhere for longer than ${formatDuration(waitedMs)}: ${claimantText(call.claim)}. Try again when it has ended.`,
    { retryable: true, details: { id, name: call.name, holder: call.claim } },
  )
}

export function waitingText(call: DurableCall, id: string): string {
  return `waiting for ${nameOf(call, id)}, which is under way: ${claimantText(call.claim)}`
}

/** The result that could not be stored, for the call that made it and for all that follow. */
export function unstorable(call: DurableCall, id: string): TrueupError {
  const { path = '', found = '' } = call.unstorable ?? {}
  const place = path === '' ? 'its result' : `${path} of its result`
  return new TrueupError(
    'value-unsupported',
    `${nameOf(call, id)}: ${place} is ${found}. The effect has happened and will not happen again, but what it gave is lost: return less (and raise \`version\` only if it may happen again).`,
    { details: { id, name: call.name, path, found } },
  )
}
