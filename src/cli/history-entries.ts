// Entries of a history in words: what was done, when and by whom. Reads nothing.
import { dateTime } from '../report/format.js'
import type { HistoryEntry } from '../store/history.js'

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
