// The journal of one apply: an intent before each effect, its outcome after it. What has an intent and no outcome is unknown.
import type { ChangeAction, ChangeOutcome } from '../event.js'
import { readDocument, writeDocument } from './document.js'
import { storeKey, storePrefix, type ObjectStore } from './object-store.js'
import { TrueupError } from '../errors.js'

const ENTRY = { kind: 'journal-entry', version: 1 } as const

export interface JournalEntry {
  readonly sequence: number
  readonly action: ChangeAction
  readonly key: string
  readonly shard: string
  /** Digest of the object as it should be afterwards; null for a delete. */
  readonly after: string | null
  /** `intent` until the effect was answered. */
  readonly state: 'intent' | 'applied' | 'failed'
  readonly error?: string
}

export interface Journal {
  /** Written and durable before the effect starts. */
  intend(entry: Omit<JournalEntry, 'state'>): Promise<IntentHandle>
  /** Removes this run's entries, once marks, ownership and record tell the same. */
  clear(): Promise<void>
}
export interface IntentHandle {
  settle(state: 'applied' | 'failed', error?: string): Promise<void>
}

export function createJournal(store: ObjectStore, run: string): Journal {
  const keyOf = (sequence: number): ReturnType<typeof storeKey> =>
    storeKey('journal', run, String(sequence).padStart(8, '0'))
  return {
    async intend(entry) {
      const key = keyOf(entry.sequence)
      const put = await writeDocument(
        store,
        key,
        ENTRY,
        { ...entry, state: 'intent' },
        { condition: { kind: 'if-absent' } },
      )
      if (put.kind !== 'stored') {
        throw new TrueupError(
          'journal-unavailable',
          `the journal of run ${run} already has entry ${String(entry.sequence)}; nothing was started for ${entry.key}`,
        )
      }
      return {
        async settle(state, error) {
          const value: JournalEntry = { ...entry, state, ...(error === undefined ? {} : { error }) }
          await writeDocument(store, key, ENTRY, value, { condition: { kind: 'if-etag', etag: put.etag } })
        },
      }
    },
    async clear() {
      for await (const { key } of store.list(storePrefix('journal', run))) await store.delete(key)
    },
  }
}

/** All entries of a run, in the order they were intended. */
export async function readJournal(store: ObjectStore, run: string): Promise<readonly JournalEntry[]> {
  const entries: JournalEntry[] = []
  for await (const { key } of store.list(storePrefix('journal', run))) {
    const found = await readDocument<JournalEntry>(store, key, ENTRY)
    if (found.kind === 'found') entries.push(found.value)
  }
  return entries.sort((a, b) => a.sequence - b.sequence)
}

/** What an entry tells of its change, when its run has ended: an intent without an answer is unknown. */
export function outcomeOf(entry: JournalEntry): ChangeOutcome {
  const common = { key: entry.key, action: entry.action, shard: entry.shard === '' ? null : entry.shard }
  if (entry.state === 'applied') return { ...common, result: 'applied', error: null }
  if (entry.state === 'failed') return { ...common, result: 'failed', error: entry.error ?? 'it failed' }
  return { ...common, result: 'unknown', error: 'its run ended before the effect was answered' }
}
