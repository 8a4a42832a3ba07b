// Holds: what stops the applies of one target, or of all, until an end. In: reason, length and who. Out: what is in force now.
// Judged by the store's clock alone: the machines that place and obey a hold may disagree about the time. Never takes a damaged one for none.
import type { RunActor } from '../event.js'
import { readDocument, writeDocument, type DocumentType } from './document.js'
import { storeKey, storePrefix, type ObjectStore, type StoreKey } from './object-store.js'

const HOLD: DocumentType<Hold> = { kind: 'hold', version: 1 }

export interface Hold {
  /** null: of all targets. */
  readonly target: string | null
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

export interface PlacedHold {
  readonly hold: Hold
  /** The one in force whose place it took. */
  readonly replaced: Hold | undefined
}

function keyOf(target: string | null): StoreKey {
  return target === null ? storeKey('holds', 'all') : storeKey('holds', 'target', target)
}

/** What stops the applies of this target now: its own hold and that of all targets; the later end first. */
export async function holdsOn(store: ObjectStore, target: string): Promise<readonly Hold[]> {
  return inForce(store, await Promise.all([target, null].map((whose) => readDocument(store, keyOf(whose), HOLD))))
}

/** Every hold in force, the later end first. */
export async function allHolds(store: ObjectStore): Promise<readonly Hold[]> {
  const found: Found[] = []
  for await (const { key } of store.list(storePrefix('holds'))) found.push(await readDocument(store, key, HOLD))
  return inForce(store, found)
}

/** Those of all holds that stop this target. */
export function holdsFor(target: string, holds: readonly Hold[]): readonly Hold[] {
  return holds.filter((hold) => hold.target === null || hold.target === target)
}

/** Places a hold, in place of one that is there. */
export async function placeHold(store: ObjectStore, { forMs, ...given }: HoldRequest): Promise<PlacedHold> {
  const key = keyOf(given.target)
  for (;;) {
    const found = await readDocument(store, key, HOLD)
    const since = await store.now()
    const hold: Hold = { ...given, since, until: since + forMs }
    const condition =
      found.kind === 'found' ? ({ kind: 'if-etag', etag: found.etag } as const) : ({ kind: 'if-absent' } as const)
    // Somebody else was quicker: what is replaced is theirs, and that is to be said.
    if ((await writeDocument(store, key, HOLD, hold, { condition })).kind !== 'stored') continue
    return { hold, replaced: found.kind === 'found' && since < found.value.until ? found.value : undefined }
  }
}

/** Ends the hold of a target, or with null that of all targets; undefined when none was in force. */
export async function endHold(store: ObjectStore, target: string | null): Promise<Hold | undefined> {
  const key = keyOf(target)
  for (;;) {
    const found = await readDocument(store, key, HOLD)
    if (found.kind === 'missing') return undefined
    const now = await store.now()
    if ((await store.delete(key, { etag: found.etag })).kind === 'conflict') continue
    return now < found.value.until ? found.value : undefined
  }
}

/** Removes what has ended. */
export async function tidyHolds(store: ObjectStore): Promise<void> {
  for await (const { key } of store.list(storePrefix('holds'))) {
    const found = await readDocument(store, key, HOLD)
    // By its etag: another may have been placed there meanwhile.
    if (found.kind === 'found' && found.value.until <= (await store.now())) await store.delete(key, found)
  }
}

type Found = Awaited<ReturnType<typeof readDocument<Hold>>>

async function inForce(store: ObjectStore, found: readonly Found[]): Promise<readonly Hold[]> {
  const holds = found.flatMap((one) => (one.kind === 'found' ? [one.value] : []))
  // Asking for the time is a write in a folder store: not for nothing.
  if (holds.length === 0) return []
  const now = await store.now()
  return holds.filter(({ until }) => now < until).sort((a, b) => b.until - a.until)
}
