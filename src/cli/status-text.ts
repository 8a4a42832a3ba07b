// The state of targets in words: the answer first, a table, and below it what is open, each with the command to type. Reads nothing.
import { count, formatAge } from '../report/format.js'
import type { ListedCall } from '../durable/list-calls.js'
import type { Style } from '../report/style.js'
import type { Hold } from '../store/holds.js'
import type { TargetStatus } from '../store/target-status.js'
import { formatDuration } from '../util/duration.js'
import { heldShort, holdLine, releaseHint } from './hold-forms.js'
import { lastRun, lastRunText } from './last-run.js'
import { table } from './print.js'

export interface StatusRow {
  readonly target: string
  readonly status: TargetStatus
  /** Of the last success, ms; null for none. */
  readonly ageMs: number | null
  readonly isOverdue: boolean
  readonly holds: readonly Hold[]
  /** Its durable calls in doubt. */
  readonly inDoubt: readonly ListedCall[]
}

export interface StatusShown {
  readonly rows: readonly StatusRow[]
  readonly maxAgeMs: number | null
  /** UTC ms. */
  readonly now: number
  /** Flags of the commands that are named, with a space before them. */
  readonly place: string
  readonly style: Style
}

export function statusText({ rows, maxAgeMs, now, place, style }: StatusShown): string {
  if (rows.length === 0)
    return 'No targets yet. `trueup init` makes a first one; `trueup list` shows all integrations.\n'
  const cells = rows.map((row) => [
    style.data(row.target),
    row.ageMs === null ? 'never' : formatAge(row.ageMs),
    lastRunText(row.status.last === undefined ? null : lastRun(row.status.last), now),
    stateText(row, style),
  ])
  return [
    `${answer(rows, maxAgeMs)}\n\n`,
    table(['TARGET', 'LAST SUCCESS', 'LAST RUN', 'STATE'], cells, style),
    ...openLines({ rows, place, style }).map((line) => `${line}\n`),
  ].join('')
}

/** `2 of 6 targets are overdue: no success within 26h. 1 is held.`; of those that never succeeded `no success yet`. */
function answer(rows: readonly StatusRow[], maxAgeMs: number | null): string {
  const overdue = rows.filter((row) => row.isOverdue).length
  const held = rows.filter(isHeld).length
  const partly = rows.filter((row) => row.holds.length > 0 && !isHeld(row)).length
  const doubtful = rows.filter(({ status }) => status.doubts.length > 0).length
  const verb = (amount: number): string => (amount === 1 ? 'is' : 'are')
  const within = maxAgeMs === null ? 'yet' : `within ${formatDuration(maxAgeMs)}`
  const first =
    overdue === 0
      ? `None of ${count(rows.length, 'target')} is overdue.`
      : `${String(overdue)} of ${count(rows.length, 'target')} ${verb(overdue)} overdue: no success ${within}.`
  return [
    first,
    ...(held === 0 ? [] : [`${String(held)} ${verb(held)} held.`]),
    ...(partly === 0 ? [] : [`${String(partly)} ${verb(partly)} held in part.`]),
    ...(doubtful === 0 ? [] : [`${String(doubtful)} ${doubtful === 1 ? 'has' : 'have'} changes with unknown outcome.`]),
  ].join(' ')
}

/** As a whole. */
function isHeld({ holds }: StatusRow): boolean {
  return holds.some(({ part }) => part === undefined)
}

function stateText(row: StatusRow, style: Style): string {
  const { isOverdue, inDoubt } = row
  const { doubts, underWay } = row.status
  const held = heldShort(row.holds, style.utc)
  const states = [
    ...(isOverdue ? [style.red('overdue')] : []),
    ...(held === undefined ? [] : [style.yellow(held)]),
    ...(doubts.length === 0 ? [] : [style.yellow(`${String(doubts.length)} unknown`)]),
    ...(inDoubt.length === 0 ? [] : [style.yellow(`${String(inDoubt.length)} in doubt`)]),
    ...(underWay === undefined ? [] : ['applying']),
  ]
  return states.length === 0 ? 'ok' : states.join(', ')
}

function openLines({ rows, place, style }: Pick<StatusShown, 'rows' | 'place' | 'style'>): readonly string[] {
  const apply = (target: string): string => `  trueup apply ${style.data(`${target}${place}`)}`
  // A hold of all targets is on every row.
  const holds = [...new Set(rows.flatMap((row) => row.holds))]
  const lines = holds.flatMap((hold) => [holdLine(hold, style), `  ${style.data(releaseHint(hold, place))}`])
  for (const { target, status } of rows.filter((row) => row.status.doubts.length > 0)) {
    const { doubts } = status
    const keys = doubts.slice(0, 3).map(({ key }) => style.data(key))
    const more = doubts.length > keys.length ? `, and ${String(doubts.length - keys.length)} more` : ''
    lines.push(
      `${style.data(target)}: the outcome of ${count(doubts.length, 'change')} is unknown (${keys.join(', ')}${more}). The next apply looks at that first:`,
      apply(target),
    )
  }
  for (const { target, inDoubt } of rows.filter((row) => row.inDoubt.length > 0)) {
    const names = [...new Set(inDoubt.map(({ call }) => call.name))].slice(0, 3).map((name) => style.data(name))
    lines.push(
      `${style.data(target)}: ${count(inDoubt.length, 'durable call')} in doubt (${names.join(', ')}), not repeated until somebody says what became of it:`,
      `  ${style.data(`trueup doubts${place}`)}`,
    )
  }
  const late = rows.find((row) => row.isOverdue && !isHeld(row))
  if (late !== undefined && late.status.doubts.length === 0)
    lines.push(`To bring ${style.data(late.target)} up to date:`, apply(late.target))
  return lines.length === 0 ? [] : ['', ...lines]
}
