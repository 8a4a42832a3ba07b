// A run record and what was done after it come in; what its objects are to be again, and what cannot be brought back, goes out.
// Pure. Must not: guess a value that was not kept, or go back behind what another run did since.
import type { Json, LeftOut, RunRecord } from '../event.js'
import { REDACTED } from '../report/redact.js'
import { historyOf, type HistoryEntry } from './history.js'

/** One object as it was before the run: undefined for "not there". */
export interface FormerObject {
  readonly key: string
  readonly value: Json | undefined
  /** Empty for an unsharded target. */
  readonly shard: string
}

export interface WayBack {
  readonly wanted: readonly FormerObject[]
  readonly left: readonly LeftOut[]
  /** Keys that the run changed, or may have. */
  readonly keys: readonly string[]
}

export interface WayBackInput {
  readonly record: RunRecord
  /** What later runs did at the same destination, whosever they were. */
  readonly later: readonly HistoryEntry[]
  /** That object alone; null for all. */
  readonly only: string | null
  /** Says who and when, for people. */
  readonly who: (entry: HistoryEntry) => string
}

export function wayBack({ record, later, only, who }: WayBackInput): WayBack {
  const since = new Map<string, HistoryEntry>()
  for (const entry of later) {
    const known = since.get(entry.key)
    if (entry.result !== 'failed' && (known === undefined || known.run < entry.run)) since.set(entry.key, entry)
  }
  const made = historyOf(record).filter(({ result }) => result !== 'failed')
  const wanted: FormerObject[] = []
  const left: LeftOut[] = []
  for (const entry of made) {
    const { key } = entry
    if (only !== null && key !== only) continue
    const last = since.get(key)
    const why = last === undefined ? reasonNot(entry, record) : `changed since: ${who(last)}`
    if (why !== undefined) left.push({ key, why })
    else wanted.push({ key, value: entry.action === 'create' ? undefined : entry.before, shard: entry.shard ?? '' })
  }
  return { wanted, left, keys: made.map(({ key }) => key) }
}

function reasonNot({ action, before, key, shard }: HistoryEntry, { run }: RunRecord): string | undefined {
  if (holdsHidden([key, shard])) return 'its key or shard holds a secret, which no record keeps'
  switch (action) {
    case 'create':
      return undefined
    case 'adopt':
      return `it was only adopted; give it up with: trueup owned release ${run.target} ${key}`
    case 'release':
    case 'move':
      return 'only its owner changed: see trueup owned --help'
    case 'update':
    case 'delete':
      if (before === undefined) return 'its value before was not kept'
      return holdsHidden(before) ? 'its value before holds a secret, which no record keeps' : undefined
  }
}

/** A record has a mark where a secret stood, in values and in names: what holds it is not what was there. */
export function holdsHidden(value: Json): boolean {
  if (typeof value === 'string') return value.includes(REDACTED)
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).some(([key, inner]) => key.includes(REDACTED) || holdsHidden(inner))
}
