// Run records: what every run leaves behind, by target and ULID, so that `why` and `runs` can tell of it.
import type { RunRecord } from '../event.js'
import { readDocument, writeDocument } from './document.js'
import { outcomeOf, readJournal } from './journal.js'
import { storeKey, storePrefix, type ObjectStore, type StoreKey } from './object-store.js'

const RECORD = { kind: 'run-record', version: 1 } as const

/** A record by its name in the store. */
export interface RecordName {
  readonly key: StoreKey
  readonly id: string
}

export interface RecordStore {
  /** `durable`: an apply's record survives a crash of the machine; that of a dry run or a skip may be lost. */
  write(record: RunRecord, options: { readonly durable: boolean }): Promise<void>
  /** Newest first. */
  list(target?: string): AsyncIterable<RunRecord>
  /** Ids of all records of all targets, newest first, without reading any. */
  ids(): Promise<readonly RecordName[]>
  /** Names of all targets that an apply is on record of, sorted; those known already are neither read nor named. */
  appliedTargets(known: readonly string[]): Promise<readonly string[]>
  remove(name: RecordName): Promise<void>
  /** By id or by an unambiguous beginning (or end) of it. */
  find(id: string): Promise<readonly RunRecord[]>
}

/** ULIDs sort by time; the last component of the key is the id. */
function idOf(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1)
}

export function createRecordStore(store: ObjectStore): RecordStore {
  async function keys(target?: string): Promise<StoreKey[]> {
    const found: StoreKey[] = []
    const prefix = target === undefined ? storePrefix('records') : storePrefix('records', target)
    for await (const { key } of store.list(prefix)) found.push(key)
    return found.sort((a, b) => (idOf(a) < idOf(b) ? 1 : -1))
  }
  async function* read(wanted: readonly StoreKey[]): AsyncGenerator<RunRecord> {
    for (const key of wanted) {
      const found = await readDocument<RunRecord>(store, key, RECORD)
      if (found.kind === 'found')
        yield found.value.state === 'running' ? await withJournal(store, found.value) : found.value
    }
  }
  return {
    async write(record, { durable }) {
      await writeDocument(store, storeKey('records', record.run.target, record.run.id), RECORD, record, { durable })
    },
    async *list(target) {
      yield* read(await keys(target))
    },
    async ids() {
      return (await keys()).map((key) => ({ key, id: idOf(key) }))
    },
    async appliedTargets(known) {
      const names = new Set<string>()
      const found = new Set(known.map((target) => storePrefix('records', target)))
      for (const key of await keys()) {
        // The part of a key that names a target may be cut short: the record has the whole name.
        const part = key.slice(0, key.lastIndexOf('/') + 1)
        if (found.has(part)) continue
        for await (const { run } of read([key])) {
          if (run.mode !== 'apply') continue
          found.add(part)
          names.add(run.target)
        }
      }
      return [...names].sort()
    },
    async remove({ key }) {
      await store.delete(key)
    },
    async find(id) {
      const wanted = id.toUpperCase()
      const matching = (await keys()).filter((key) => {
        const known = idOf(key)
        return known.startsWith(wanted) || (wanted.length >= 6 && known.endsWith(wanted))
      })
      const records: RunRecord[] = []
      for await (const record of read(matching)) records.push(record)
      return records
    },
  }
}

/** A record that its run has not ended (yet): what is known of its changes is in the journal. */
async function withJournal(store: ObjectStore, record: RunRecord): Promise<RunRecord> {
  const outcomes = (await readJournal(store, record.run.id)).map(outcomeOf)
  return outcomes.length === 0 ? record : { ...record, outcomes, exitCode: 5 }
}
