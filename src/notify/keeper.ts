// What is wrong with each target, and which notices of it are on their way: kept in the store, so that a restart repeats none that was delivered
// and loses none that was not. Several daemons may keep the same: who comes second sees what the first one wrote.
import { TrueupError } from '../errors.js'
import { readDocument, readDocuments, writeDocument, type DocumentType } from '../store/document.js'
import { ifUnchanged, storeKey, storePrefix, type ObjectStore } from '../store/object-store.js'
import type { Condition, Notice } from './notice.js'

export interface KeptNotices {
  readonly open: readonly Condition[]
  readonly pending: readonly PendingNotice[]
}

/** On its way to one receiver, by name. */
export interface PendingNotice {
  readonly to: string
  readonly notice: Notice
}

interface NoticesDocument extends KeptNotices {
  readonly target: string
}

const NOTICES: DocumentType<NoticesDocument> = { kind: 'notices', version: 1 }
const EMPTY: KeptNotices = { open: [], pending: [] }
/** Somebody else wrote first, so often in a row: that is no coincidence. */
const MOST_ATTEMPTS = 10

export interface NoticeKeeper {
  /** `change` may be asked again, of what somebody else has written meanwhile; undefined: leave it. */
  update(target: string, change: (kept: KeptNotices) => KeptNotices | undefined): Promise<void>
  forget(target: string): Promise<void>
  /** Of all targets. */
  pending(): Promise<readonly PendingNotice[]>
}

/** @param identity - what is served and how: daemons that serve something else keep their own */
export function noticeKeeper(store: ObjectStore, identity: readonly string[]): NoticeKeeper {
  const place = ['notices', ...identity]
  const keyOf = (target: string) => storeKey(...place, target)

  async function update(target: string, change: (kept: KeptNotices) => KeptNotices | undefined): Promise<void> {
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
      const found = await readDocument(store, keyOf(target), NOTICES)
      const next = change(found.kind === 'found' ? found.value : EMPTY)
      if (next === undefined) return
      const { open, pending } = next
      const condition = ifUnchanged(found)
      const result = await writeDocument(store, keyOf(target), NOTICES, { target, open, pending }, { condition })
      if (result.kind === 'stored') return
    }
    throw new TrueupError('store-unavailable', `notices of ${target} are written by others without end`, {
      retryable: true,
    })
  }

  return {
    update,
    async forget(target) {
      await store.delete(keyOf(target))
    },
    async pending() {
      const found = await readDocuments(store, storePrefix(...place), NOTICES)
      return found.flatMap(({ value }) => value.pending)
    },
  }
}
