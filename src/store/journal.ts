// The journal of one apply: an intent before each effect, its outcome after it. What has an intent and no outcome is unknown.
import type { ChangeAction, ChangeOutcome } from '../event.js'
import { readDocument, readDocuments, writeDocument } from './document.js'
import type { LeaseGuard } from './lease-guard.js'
import { storeKey, storePrefix, type ObjectStore } from './object-store.js'
import { TrueupError } from '../errors.js'

const ENTRY = { kind: 'journal-entry', version: 1 } as const

export interface JournalEntry {
  readonly sequence: number
  readonly action: ChangeAction
  readonly key: string
  readonly shard: string
  /** Digest of the object as it was when this was planned; null where there was none. @defaultValue null */
  readonly live?: string | null
  /** Digest of the object as it should be afterwards; null for a delete. */
  readonly after: string | null
  /** `intent` until the effect was answered. */
  readonly state: 'intent' | 'applied' | 'failed'
  readonly error?: string
  /** Token of the lease under which this was written. */
  readonly fence?: number
  /** The run that found it without an outcome and settled it as unknown: nobody's outcome counts any more. */
  readonly sealedBy?: string
}

export interface Journal {
  /**
   * Written and durable before the effect starts, and the lease is asked before and after it: a run that takes over reads the journal after
   * it took the lease, so either it sees this intent or the effect does not start.
   * @throws lease-lost
   */
  intend(entry: Omit<JournalEntry, 'state'>): Promise<IntentHandle>
  /** Removes this run's entries, once marks, ownership and record tell the same. */
  clear(): Promise<void>
}
export interface IntentHandle {
  /** @throws lease-lost when another run has settled it */
  settle(state: 'applied' | 'failed', error?: string): Promise<void>
}

export function createJournal(store: ObjectStore, run: string, lease: LeaseGuard): Journal {
  const keyOf = (sequence: number): ReturnType<typeof storeKey> =>
    storeKey('journal', run, String(sequence).padStart(8, '0'))
  return {
    async intend(given) {
      await lease.check()
      const entry = { ...given, fence: lease.token(given.shard) }
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
      try {
        await lease.verify()
      } catch (error) {
        // Nothing was started for it. Where this fails too it counts as unknown, which is the safe side.
        await store.delete(key, { etag: put.etag }).catch(() => undefined)
        throw error
      }
      return {
        async settle(state, error) {
          const value: JournalEntry = { ...entry, state, ...(error === undefined ? {} : { error }) }
          const condition = { kind: 'if-etag', etag: put.etag } as const
          const settled = await writeDocument(store, key, ENTRY, value, { condition })
          if (settled.kind === 'stored') return
          throw new TrueupError(
            'lease-lost',
            `run ${run} lost its lease: another run has settled ${entry.action} ${entry.key} as unknown`,
            { retryable: true, details: { run, key: entry.key } },
          )
        },
      }
    },
    clear: () => clearJournal(store, run),
  }
}

export async function clearJournal(store: ObjectStore, run: string): Promise<void> {
  for await (const { key } of store.list(storePrefix('journal', run))) await store.delete(key)
}

/** As {@link readJournal}, and no outcome of what has none yet can be written any more: it is unknown for good. */
export async function sealJournal(
  store: ObjectStore,
  run: string,
  by: { readonly run: string; readonly shards: ReadonlySet<string> },
): Promise<readonly JournalEntry[]> {
  for await (const { key } of store.list(storePrefix('journal', run))) {
    for (;;) {
      const found = await readDocument<JournalEntry>(store, key, ENTRY)
      if (found.kind === 'missing' || found.value.state !== 'intent' || !by.shards.has(found.value.shard)) break
      const condition = { kind: 'if-etag', etag: found.etag } as const
      const sealed = await writeDocument(store, key, ENTRY, { ...found.value, sealedBy: by.run }, { condition })
      // Lost to the outcome itself, which then counts.
      if (sealed.kind === 'stored') break
    }
  }
  return readJournal(store, run)
}

/** All entries of a run, in the order they were intended. */
export async function readJournal(store: ObjectStore, run: string): Promise<readonly JournalEntry[]> {
  const found = await readDocuments<JournalEntry>(store, storePrefix('journal', run), ENTRY)
  return found.map(({ value }) => value).sort((a, b) => a.sequence - b.sequence)
}

/** What an entry tells of its change, when its run has ended: an intent without an answer is unknown. */
export function outcomeOf(entry: JournalEntry): ChangeOutcome {
  const common = { key: entry.key, action: entry.action, shard: entry.shard === '' ? null : entry.shard }
  if (entry.state === 'applied') return { ...common, result: 'applied', error: null }
  if (entry.state === 'failed') return { ...common, result: 'failed', error: entry.error ?? 'it failed' }
  return { ...common, result: 'unknown', error: 'its run ended before the effect was answered' }
}
