// Next-due times and the last commit of a daemon: kept in the store, so that a restart runs only what is due or has changed.
import { readDocument, writeDocument, type DocumentType } from '../../store/document.js'
import { storeKey, type ObjectStore } from '../../store/object-store.js'

export interface KeptSchedule {
  /** Full id; null before the first. */
  readonly commit: string | null
  /** UTC ms by target. */
  readonly due: ReadonlyMap<string, number>
}

interface ScheduleDocument {
  readonly commit: string | null
  readonly due: Readonly<Record<string, number>>
}

const SCHEDULE: DocumentType<ScheduleDocument> = { kind: 'schedule', version: 1 }

export interface ScheduleKeeper {
  /** @throws as any document of the store that is damaged */
  read(): Promise<KeptSchedule>
  write(kept: KeptSchedule): Promise<void>
}

/** @param identity - what is served and how: daemons that serve something else keep their own */
export function scheduleKeeper(store: ObjectStore, identity: readonly string[]): ScheduleKeeper {
  const key = storeKey('schedule', ...identity)
  return {
    async read() {
      const found = await readDocument(store, key, SCHEDULE)
      if (found.kind !== 'found') return { commit: null, due: new Map() }
      return { commit: found.value.commit, due: new Map(Object.entries(found.value.due)) }
    },
    async write({ commit, due }) {
      await writeDocument(store, key, SCHEDULE, { commit, due: Object.fromEntries(due) })
    },
  }
}
