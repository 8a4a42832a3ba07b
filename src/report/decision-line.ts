// In: a decision. Out: the one logfmt line that every run prints, whatever its format (CLI reference).
// Fields and their order are a contract; values are short, JSON has them whole.
import type { CacheAnswer, Decision, Json } from '../event.js'
import { visible } from './data-text.js'
import { compactDuration, shortId } from './format.js'

/** The fields of the line, values whole: what a JSON log line carries. Absent ones are left out. */
export function decisionFields(target: string, decision: Decision): Readonly<Record<string, string | boolean>> {
  return {
    decision: decision.action,
    reason: decision.reason,
    target,
    ...hitFields(decision.cache),
    ...(decision.base === null ? {} : { base: decision.base }),
    head: decision.head,
    ...(decision.dirty ? { dirty: true } : {}),
    ...(decision.digest === null ? {} : { digest: decision.digest }),
  }
}

/** Of the entry that answered; what did not answer is in the reason. */
function hitFields(cache: CacheAnswer | undefined): Readonly<Record<string, string>> {
  if (cache?.status !== 'HIT') return {}
  return {
    entry: cache.id,
    age: compactDuration(cache.ageMs ?? 0),
    expires: compactDuration(cache.expiresInMs ?? 0),
    zone: cache.zone,
  }
}

/** `decision=skip reason=desired-unchanged target=managed-files base=1a2b3c4d head=worktree digest=9c0d41aa` */
export function decisionLine(target: string, decision: Decision): string {
  return logfmt(decisionFields(target, decision), { shortIds: true })
}

const SHORTENED: ReadonlySet<string> = new Set(['base', 'head', 'digest', 'entry'])

/** `key=value` pairs on one line; values that would not stay one word are quoted. */
export function logfmt(fields: Readonly<Record<string, Json>>, { shortIds = false } = {}): string {
  return Object.entries(fields)
    .map(([name, value]) => {
      const text = typeof value === 'string' ? value : JSON.stringify(value)
      const short = shortIds && SHORTENED.has(name) ? shortId(text) : text
      return `${logfmtName(name)}=${logfmtValue(short)}`
    })
    .join(' ')
}

function logfmtName(name: string): string {
  return visible(name).replace(/[\s="\\]/g, '_')
}

function logfmtValue(text: string): string {
  const shown = visible(text)
  if (shown !== '' && !/[\s="]/.test(shown) && shown === text) return shown
  return `"${shown.replaceAll('"', '\\"')}"`
}
