// Entries of a history in words: what was done, when and by whom. Reads nothing.
import { byText, dateTime } from '../report/format.js'
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

/** `updated 2026-11-20 09:41 by jane on ci-7, run 01JD…`. */
export function whoText(entry: HistoryEntry): string {
  return `${actionText(entry)} ${dateTime(entry.at)} ${byText(entry.by)}, run ${entry.run}`
}
