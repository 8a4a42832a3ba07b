// A target as the daemon knows it comes in; the states that are shown of it go out, what needs a person first. Pure: decides wording, order and shape.
import type { TargetRow } from './page-view.js'

export type StateName =
  | 'blocked'
  | 'doubt'
  | 'failed'
  | 'overdue'
  | 'not-converging'
  | 'held'
  | 'running'
  | 'pending'
  | 'later'
  | 'never'
  | 'ok'

export interface State {
  readonly name: StateName
  readonly text: string
  /** Beside the text, so that colour is never all there is. */
  readonly shape: string
  readonly tone: 'bad' | 'warn' | 'busy' | 'quiet' | 'good'
  /** A person has to do something. */
  readonly isOpen: boolean
  /** What the overview calls those that need a person. */
  readonly title: string
}

/** In the order in which they are shown. */
export const STATES: readonly State[] = [
  { name: 'blocked', text: 'blocked', shape: '■', tone: 'bad', isOpen: true, title: 'Blocked by a limit' },
  { name: 'doubt', text: 'in doubt', shape: '?', tone: 'bad', isOpen: true, title: 'Outcome unknown' },
  { name: 'failed', text: 'failed', shape: '✕', tone: 'bad', isOpen: true, title: 'Failed' },
  { name: 'overdue', text: 'overdue', shape: '!', tone: 'warn', isOpen: true, title: 'Overdue' },
  { name: 'not-converging', text: 'not converging', shape: '↻', tone: 'warn', isOpen: true, title: 'Not converging' },
  { name: 'held', text: 'held', shape: '‖', tone: 'warn', isOpen: true, title: 'Held' },
  { name: 'running', text: 'running', shape: '▸', tone: 'busy', isOpen: false, title: 'Running' },
  { name: 'pending', text: 'changes pending', shape: '△', tone: 'busy', isOpen: false, title: 'Changes pending' },
  { name: 'later', text: 'waits for a lease', shape: '…', tone: 'quiet', isOpen: false, title: 'Waiting' },
  { name: 'never', text: 'no run yet', shape: '○', tone: 'quiet', isOpen: false, title: 'No run yet' },
  { name: 'ok', text: 'ok', shape: '●', tone: 'good', isOpen: false, title: 'As it should be' },
]

export function namesOf(row: TargetRow): ReadonlySet<StateName> {
  const names = new Set<StateName>()
  const outcome = row.last?.outcome
  if (outcome === 'blocked' || outcome === 'failed' || outcome === 'pending') names.add(outcome)
  if (row.doubts > 0) names.add('doubt')
  if (row.isOverdue) names.add('overdue')
  if (row.notConverging.length > 0) names.add('not-converging')
  if (row.holds.length > 0) names.add('held')
  if (row.isRunning) names.add('running')
  if (outcome === 'later' && !names.has('held')) names.add('later')
  if (outcome === undefined && !row.isRunning) names.add('never')
  return names.size === 0 ? new Set(['ok']) : names
}

export function statesOf(row: TargetRow): readonly State[] {
  const names = namesOf(row)
  return STATES.filter(({ name }) => names.has(name))
}
