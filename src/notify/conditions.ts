// How a run of a target ended and what was wrong with it before come in; what is wrong now, and what of that is told, go out. Pure.
import type { Condition, NoticeKind } from './notice.js'

export interface EndFacts {
  readonly mode: 'apply' | 'dry-run'
  readonly exitCode: number
  /** It was put off: a hold, a lease of another run, a signal. Says nothing of the target. */
  readonly isLater: boolean
  /** Changes by what became of them. */
  readonly failed: number
  readonly unknown: number
  /** It ended since a durable call or a change is in doubt. */
  readonly isInDoubt: boolean
}

/** @returns what is wrong after this run, in a steady order */
export function afterRun(open: readonly Condition[], end: EndFacts): readonly Condition[] {
  if (end.isLater) return open
  const now = new Set(open)
  for (const trouble of ['blocked', 'partly-applied', 'failed'] as const) now.delete(trouble)
  const isWell = end.exitCode === 0 || end.exitCode === 2
  if (end.exitCode === 3) now.add('blocked')
  else if (end.exitCode === 5 && (end.failed > 0 || end.unknown === 0)) now.add('partly-applied')
  else if (!isWell && end.exitCode !== 5) now.add('failed')
  if (end.unknown > 0 || end.isInDoubt) now.add('doubt')
  else if (end.mode === 'apply' && isWell) now.delete('doubt')
  if (end.mode === 'apply' && isWell) now.delete('overdue')
  return sorted(now)
}

export function withOverdue(open: readonly Condition[], isOverdue: boolean): readonly Condition[] {
  const now = new Set(open)
  if (isOverdue) now.add('overdue')
  else now.delete('overdue')
  return sorted(now)
}

/** What a person is told: what came to be wrong, or that nothing is any more. */
export function told(before: readonly Condition[], after: readonly Condition[]): readonly NoticeKind[] {
  if (after.length === 0) return before.length === 0 ? [] : ['recovered']
  return after.filter((one) => !before.includes(one))
}

function sorted(conditions: ReadonlySet<Condition>): readonly Condition[] {
  return [...conditions].sort()
}
