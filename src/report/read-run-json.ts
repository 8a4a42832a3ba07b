// The text of a document of `-o json` in, its runs as records and as they stand out. For putting documents of several processes together.
// Reads no file. What is in it comes from outside: it is shown, never believed.
import { TrueupError } from '../errors.js'
import type { Json, RunRecord } from '../event.js'
import { isRecord } from '../util/is-record.js'

export interface ReadDocument {
  readonly exitCode: number
  readonly records: readonly RunRecord[]
  /** The same runs with every field that the document has. */
  readonly runs: readonly Json[]
  /** Why the command of the document ran nothing; null where it did. */
  readonly error: { readonly code: string; readonly message: string } | null
}

/** @throws usage for what is no such document */
export function readRunJson(text: string, file: string): ReadDocument {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch (cause) {
    throw new TrueupError('usage', `${file} is not JSON: give files that -o json or --report json=FILE wrote`, {
      cause,
    })
  }
  if (!isRecord(document) || document['schema'] !== 'trueup/1' || !Array.isArray(document['runs']))
    throw new TrueupError(
      'usage',
      `${file} is no document of runs (trueup/1): give files that plan, apply or run wrote with -o json or --report json=FILE`,
    )
  const runs: readonly unknown[] = document['runs']
  const damaged = runs.findIndex((run) => !isRun(run))
  if (damaged !== -1) throw new TrueupError('usage', `${file} is damaged: runs[${damaged}] is not whole`)
  const { error, exitCode } = document
  return {
    exitCode: typeof exitCode === 'number' ? exitCode : 1,
    // The shape was looked at; times of it are not shown.
    records: runs as readonly RunRecord[],
    runs: runs as readonly Json[],
    error:
      isRecord(error) && typeof error['message'] === 'string'
        ? { code: String(error['code']), message: error['message'] }
        : null,
  }
}

function isRun(value: unknown): boolean {
  if (!isRecord(value)) return false
  const { run, decision, plan, limits, outcomes, error, log } = value
  return (
    isRecord(run) &&
    hasTexts(run, ['target', 'integration', 'mode']) &&
    isRecord(decision) &&
    hasTexts(decision, ['action', 'reason', 'explanation']) &&
    (plan === null || isPlan(plan)) &&
    isListOf(limits, (limit) => hasTexts(limit, ['rule', 'message']) && Array.isArray(limit['keys'])) &&
    isListOf(outcomes, (outcome) => hasTexts(outcome, ['key', 'action', 'result'])) &&
    (error === null || (isRecord(error) && hasTexts(error, ['code', 'message']))) &&
    isRecord(log) &&
    Array.isArray(log['records']) &&
    typeof value['exitCode'] === 'number'
  )
}

function isPlan(plan: unknown): boolean {
  return (
    isRecord(plan) &&
    hasTexts(plan, ['digest']) &&
    isRecord(plan['summary']) &&
    isListOf(
      plan['changes'],
      (change) =>
        hasTexts(change, ['action', 'key']) && isListOf(change['fields'], (field) => hasTexts(field, ['path'])),
    )
  )
}

function isListOf(value: unknown, fits: (item: Readonly<Record<string, unknown>>) => boolean): boolean {
  return Array.isArray(value) && value.every((item: unknown) => isRecord(item) && fits(item))
}

function hasTexts(value: Readonly<Record<string, unknown>>, names: readonly string[]): boolean {
  return names.every((name) => typeof value[name] === 'string')
}
