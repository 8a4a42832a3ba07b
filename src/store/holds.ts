// Holds: what stops the applies of one target, of shards or objects of it, or of all, until an end. In: reason, length and who. Out: what is in force
// now. Judged by the store's clock alone: the machines that place and obey a hold may disagree about the time. Never takes a damaged one for none.
import type { RunActor } from '../event.js'
import { readDocument, writeDocument, type DocumentType, type FoundDocument } from './document.js'
import { ifUnchanged, storeKey, storePrefix, type Missing, type ObjectStore, type StoreKey } from './object-store.js'

/**
 * One document for a target and its parts: an apply asks for it each time. Version 1 was one hold, of a target as a whole; whoever knows only that
 * must not go on beside holds of parts.
 */
const HOLDS: DocumentType<HoldsThere | Hold> = { kind: 'hold', version: 2 }

interface HoldsThere {
  /** Of one target, or of all; of the whole and of each part at most one. */
  readonly holds: readonly Hold[]
}

/** A shard, or a single object, by its key. */
export interface HoldPart {
  readonly kind: 'shard' | 'object'
  readonly key: string
}

export interface Hold {
  /** null: of all targets. */
  readonly target: string | null
  /** What alone of the target is held. @defaultValue all of it */
  readonly part?: HoldPart
  readonly reason: string
  /** When it was placed; by the store's clock, UTC ms. */
  readonly since: number
  /** In force before this instant; by the store's clock, UTC ms. */
  readonly until: number
  readonly by: Pick<RunActor, 'actor' | 'host' | 'url'>
}

export interface HoldRequest extends Pick<Hold, 'target' | 'reason' | 'by'> {
  readonly forMs: number
}

export interface PartsRequest extends Omit<HoldRequest, 'target'> {
  readonly target: string
  readonly parts: readonly HoldPart[]
}

export interface PlacedHold {
  readonly hold: Hold
  /** The one in force whose place it took. */
  readonly replaced: Hold | undefined
}

function keyOf(target: string | null): StoreKey {
  return target === null ? storeKey('holds', 'all') : storeKey('holds', 'target', target)
}

/** What stops the applies of this target now, or of parts of it: its own holds and that of all targets; the later end first. */
export async function holdsOn(store: ObjectStore, target: string): Promise<readonly Hold[]> {
  const found = await Promise.all([target, null].map((whose) => readDocument(store, keyOf(whose), HOLDS)))
  return inForce(store, found.flatMap(holdsIn))
}

/** Every hold in force, the later end first. */
export async function allHolds(store: ObjectStore): Promise<readonly Hold[]> {
  const found: Hold[] = []
  for await (const { key } of store.list(storePrefix('holds')))
    found.push(...holdsIn(await readDocument(store, key, HOLDS)))
  return inForce(store, found)
}

/** Those of all holds that stop this target, or parts of it. */
export function holdsFor(target: string, holds: readonly Hold[]): readonly Hold[] {
  return holds.filter((hold) => hold.target === null || hold.target === target)
}

/** Whether it is the hold of this part; undefined: of the whole. */
export function isHoldOf(part: HoldPart | undefined, { part: held }: Pick<Hold, 'part'>): boolean {
  return part?.kind === held?.kind && part?.key === held?.key
}

/** Places a hold of a target as a whole, or with null of all targets, in place of one that is there. */
export async function placeHold(store: ObjectStore, request: HoldRequest): Promise<PlacedHold> {
  const [placed] = await place(store, request, [undefined])
  if (placed === undefined) throw new Error('Internal error: no hold was placed')
  return placed
}

/** Places a hold of each of these parts, in place of those that are there; all of them or none. */
export function placeParts(store: ObjectStore, { parts, ...request }: PartsRequest): Promise<readonly PlacedHold[]> {
  return place(store, request, parts)
}

/** Ends the hold of a target as a whole or of this part of it, or with null that of all targets; undefined when none was in force. */
export async function endHold(store: ObjectStore, target: string | null, part?: HoldPart): Promise<Hold | undefined> {
  return (await end(store, target, [part]))[0]
}

/** Ends the holds of these parts. @returns those that were in force, in the order of the parts */
export function endParts(
  store: ObjectStore,
  { target, parts }: Pick<PartsRequest, 'target' | 'parts'>,
): Promise<readonly Hold[]> {
  return end(store, target, parts)
}

/** Removes what has ended. */
export async function tidyHolds(store: ObjectStore): Promise<void> {
  for await (const { key } of store.list(storePrefix('holds'))) {
    const found = await readDocument(store, key, HOLDS)
    const now = holdsIn(found).length === 0 ? 0 : await store.now()
    const left = holdsIn(found).filter(({ until }) => now < until)
    // Where another was placed meanwhile, that one is left, and tidied another time.
    if (left.length < holdsIn(found).length) await keep(store, { key, found, holds: left })
  }
}

async function place(
  store: ObjectStore,
  { forMs, ...given }: HoldRequest,
  parts: readonly (HoldPart | undefined)[],
): Promise<readonly PlacedHold[]> {
  const key = keyOf(given.target)
  for (;;) {
    const found = await readDocument(store, key, HOLDS)
    const since = await store.now()
    const before = holdsIn(found).filter(({ until }) => since < until)
    const placed = parts.map((part): PlacedHold => ({
      hold: { ...given, ...(part === undefined ? {} : { part }), since, until: since + forMs },
      replaced: before.find((hold) => isHoldOf(part, hold)),
    }))
    const holds = [...without(before, parts), ...placed.map(({ hold }) => hold)]
    // Otherwise somebody else was quicker: what is replaced is theirs, and that is to be said.
    if (await keep(store, { key, found, holds })) return placed
  }
}

async function end(
  store: ObjectStore,
  target: string | null,
  parts: readonly (HoldPart | undefined)[],
): Promise<readonly Hold[]> {
  const key = keyOf(target)
  for (;;) {
    const found = await readDocument(store, key, HOLDS)
    if (found.kind === 'missing') return []
    const now = await store.now()
    const before = holdsIn(found).filter(({ until }) => now < until)
    if (await keep(store, { key, found, holds: without(before, parts) }))
      return parts.flatMap((part) => before.find((hold) => isHoldOf(part, hold)) ?? [])
  }
}

interface Kept {
  readonly key: StoreKey
  readonly found: FoundDocument<HoldsThere | Hold> | Missing
  readonly holds: readonly Hold[]
}

/** Written only over what was read. @returns false when somebody else has written it meanwhile */
async function keep(store: ObjectStore, { key, found, holds }: Kept): Promise<boolean> {
  if (found.kind === 'found' && holds.length === 0) return (await store.delete(key, found)).kind !== 'conflict'
  return (await writeDocument(store, key, HOLDS, { holds }, { condition: ifUnchanged(found) })).kind === 'stored'
}

function without(holds: readonly Hold[], parts: readonly (HoldPart | undefined)[]): readonly Hold[] {
  return holds.filter((hold) => !parts.some((part) => isHoldOf(part, hold)))
}

function holdsIn(found: FoundDocument<HoldsThere | Hold> | Missing): readonly Hold[] {
  if (found.kind === 'missing') return []
  return 'holds' in found.value ? found.value.holds : [found.value]
}

async function inForce(store: ObjectStore, holds: readonly Hold[]): Promise<readonly Hold[]> {
  // Asking for the time is a write in a folder store: not for nothing.
  if (holds.length === 0) return []
  const now = await store.now()
  return holds.filter(({ until }) => now < until).sort((a, b) => b.until - a.until)
}
