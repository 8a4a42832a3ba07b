// Reads what applies did from their records and, of those that never ended, from their journals. Writes nothing.
import type { RunRecord } from '../event.js'
import { dateTime } from '../report/format.js'
import { historyOf, type HistoryEntry } from '../store/history.js'
import { readJournal } from '../store/journal.js'
import type { ObjectStore } from '../store/object-store.js'

/** In the order of the plan. */
export async function entriesOf(store: ObjectStore, record: RunRecord): Promise<readonly HistoryEntry[]> {
  const journal =
    record.run.mode === 'apply' && record.state === 'running' ? await readJournal(store, record.run.id) : []
  return historyOf(record, journal)
}

const PAST: Readonly<Record<HistoryEntry['action'], string>> = {
  create: 'created',
  update: 'updated',
  delete: 'deleted',
  adopt: 'adopted',
  release: 'released',
  move: 'moved',
}

/** `deleted`, `not deleted (failed)`, `perhaps deleted (unknown)`. */
export function actionText({ action, result }: HistoryEntry): string {
  if (result === 'applied') return PAST[action]
  return result === 'failed' ? `not ${PAST[action]} (failed)` : `perhaps ${PAST[action]} (unknown)`
}

/** `by jane on ci-7 (https://…)`. */
export function byText({ by }: Pick<HistoryEntry, 'by'>): string {
  return `by ${by.actor ?? 'unknown'} on ${by.host}${by.url === null ? '' : ` (${by.url})`}`
}

/** `updated 2026-11-20 09:41 by jane on ci-7, run 01JD…`. */
export function whoText(entry: HistoryEntry): string {
  return `${actionText(entry)} ${dateTime(entry.at)} ${byText(entry)}, run ${entry.run}`
}
