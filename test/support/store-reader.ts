// Looks into a directory store from outside, as a test may: the apply marks in it, through the store's own port.
import { openDirectoryStore } from '../../src/store/directory-store.js'
import { readDocument } from '../../src/store/document.js'
import type { ApplyMark } from '../../src/store/marks.js'
import { storePrefix } from '../../src/store/object-store.js'
import { MARK } from '../../src/store/shard-index.js'
import { systemClock } from '../../src/util/clock.js'

export interface StoreReader {
  /** Of every target, destination and shard, by key. */
  marks(): Promise<readonly ApplyMark[]>
}

export function createStoreReader(folder: string): StoreReader {
  return {
    async marks() {
      const store = await openDirectoryStore(folder, { clock: systemClock, description: folder })
      const marks: ApplyMark[] = []
      for await (const { key } of store.list(storePrefix('marks'))) {
        if (key.endsWith('/shards/index')) continue
        const found = await readDocument<ApplyMark>(store, key, MARK)
        if (found.kind === 'found') marks.push(found.value)
      }
      return marks
    },
  }
}
