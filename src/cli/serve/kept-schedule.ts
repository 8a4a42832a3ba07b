// Next-due times and the last commit of a daemon: kept in the store, so that a restart runs only what is due or has changed.
import { readDocument, writeDocument, type DocumentType } from '../../store/document.js'
import type { Turn } from './turns.js'
import { storeKey, type ObjectStore } from '../../store/object-store.js'

export interface KeptSchedule {
  /** Full id; null before the first. */
  readonly commit: string | null
  /** UTC ms by target. */
  readonly due: ReadonlyMap<string, number>
  /** In rollouts, by target. */
  readonly turns: ReadonlyMap<string, Turn>
}

interface ScheduleDocument {
  readonly commit: string | null
  readonly due: Readonly<Record<string, number>>
  /** Absent in what older versions kept. */
  readonly turns?: Readonly<Record<string, Turn>>
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
      if (found.kind !== 'found') return { commit: null, due: new Map(), turns: new Map() }
      const { commit, due, turns = {} } = found.value
      return { commit, due: new Map(Object.entries(due)), turns: new Map(Object.entries(turns)) }
    },
    async write({ commit, due, turns }) {
      await writeDocument(store, key, SCHEDULE, {
        commit,
        due: Object.fromEntries(due),
        ...(turns.size === 0 ? {} : { turns: Object.fromEntries(turns) }),
      })
    },
  }
}
