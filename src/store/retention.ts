// Names and facts of records, newest first, come in; those that may go, go out. Pure: reads and deletes nothing.
// Must not: let go of the last word on something that is still owned, or of a doubt.

/** What is looked at of a record. */
export interface RecordFacts {
  readonly id: string
  readonly target: string
  /** UTC ms. */
  readonly at: number
  /** Objects that it changed. */
  readonly changed: readonly string[]
  /** An outcome is unknown, or it never ended. */
  readonly doubtful: boolean
}

export interface Retention {
  /** Records kept of each target, at least. */
  readonly perTarget: number
  /** All that are younger are kept, ms. */
  readonly maxAgeMs: number
  /** Changes kept of each object that is owned. */
  readonly perObject: number
}

export const RETENTION: Retention = { perTarget: 100, maxAgeMs: 30 * 86_400_000, perObject: 2 }

export interface RetentionInput {
  /** Newest first. */
  readonly records: Iterable<RecordFacts>
  /** Whether any target still owns this object. */
  readonly isOwned: (target: string, key: string) => boolean
  /** UTC ms. */
  readonly now: number
  readonly retention?: Retention
}

/** Ids that no rule keeps, newest first. */
export function expendable({ records, isOwned, now, retention = RETENTION }: RetentionInput): readonly RecordFacts[] {
  const ofTarget = new Map<string, number>()
  const ofObject = new Map<string, number>()
  const count = (counts: Map<string, number>, key: string): number => {
    const next = (counts.get(key) ?? 0) + 1
    counts.set(key, next)
    return next
  }
  const found: RecordFacts[] = []
  for (const record of records) {
    const isAmongLast = count(ofTarget, record.target) <= retention.perTarget
    // Every record counts its objects, also one that another rule keeps.
    const isLastOfObject = record.changed
      .filter((key) => isOwned(record.target, key))
      .map((key) => count(ofObject, JSON.stringify([record.target, key])) <= retention.perObject)
      .some(Boolean)
    if (isAmongLast || isLastOfObject || record.doubtful || now - record.at <= retention.maxAgeMs) continue
    found.push(record)
  }
  return found
}
