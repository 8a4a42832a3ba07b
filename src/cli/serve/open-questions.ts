// A store comes in; the holds and doubts in it go out, from memory: read again when somebody looks and they are old. Of a store that cannot be read, why.
import { toError } from '../../errors.js'
import type { DoubtFacts, HoldFacts } from '../../schedule/http/page/page-view.js'
import { allHolds } from '../../store/holds.js'
import type { ObjectStore } from '../../store/object-store.js'
import type { Clock } from '../../util/clock.js'
import { whoOf } from '../doubt-json.js'
import { doubtName, listDoubts, type Doubt } from '../doubts.js'

export interface OpenQuestions {
  readonly holds: readonly HoldFacts[]
  readonly doubts: readonly DoubtFacts[]
  /** Why they cannot be told; null: they can. */
  readonly problem: string | null
}

export interface QuestionKeeper {
  now(): OpenQuestions
  /** Begins to read where it is old. @returns when it is read; it never rejects */
  read(): Promise<void>
  /** What is known is no more: the next reading is a new one. */
  forget(): void
}

const OLD_MS = 15_000

export interface QuestionOptions {
  /** Gives others a turn. */
  readonly store: ObjectStore
  readonly clock: Clock
  /** Something else was read than before. */
  readonly onChange: () => void
}

export function keepQuestions({ store, clock, onChange }: QuestionOptions): QuestionKeeper {
  let known: OpenQuestions = { holds: [], doubts: [], problem: null }
  let readAt = Number.NEGATIVE_INFINITY
  let isForgotten = true
  let reading: Promise<void> | undefined

  async function readAll(): Promise<void> {
    const before = JSON.stringify(known)
    isForgotten = false
    try {
      const [holds, doubts] = [await allHolds(store), await listDoubts(store)]
      known = { holds, doubts: doubts.map(doubtFacts), problem: null }
    } catch (thrown) {
      known = { holds: [], doubts: [], problem: toError(thrown).message }
    }
    reading = undefined
    readAt = clock.monotonic()
    if (JSON.stringify(known) !== before) onChange()
  }

  return {
    now: () => known,
    async read() {
      if (reading !== undefined) await reading
      // Also where it was forgotten while it was read.
      if (!isForgotten && clock.monotonic() - readAt <= OLD_MS) return
      reading ??= readAll()
      await reading
    },
    forget() {
      isForgotten = true
    },
  }
}

export function doubtFacts(doubt: Doubt): DoubtFacts {
  const { run, target, host, url, actor } = whoOf(doubt)
  return { id: doubt.id, kind: doubt.kind, name: doubtName(doubt), target, run, at: doubt.at, by: { actor, host, url } }
}
