// What a daemon is about to do comes in; the lines that say so go out, ten at most. Pure.
import { count } from '../../report/format.js'
import { formatDuration } from '../../util/duration.js'
import type { TargetConfig } from '../config-targets.js'

export interface StartFacts {
  readonly once: boolean
  readonly apply: boolean
  readonly targets: readonly TargetConfig[]
  readonly commit: string
  readonly source: string
  readonly store: string
  /** Of the queue that replicas share; null: none. */
  readonly queue: string | null
  readonly everyMs: number
  readonly pollMs: number
  readonly timeoutMs: number
  readonly concurrency: number
  readonly usesCache: boolean
  readonly due: ReadonlyMap<string, number>
  /** Of the status server, and who reaches it; null: there is none. */
  readonly url: string | null
  /** UTC ms. */
  readonly now: number
}

export function startText(facts: StartFacts): string {
  const { targets, once, concurrency, timeoutMs } = facts
  const byCron = targets.filter(({ schedule }) => schedule !== null).length
  const interval = targets.length - byCron
  const dueNow = [...facts.due.values()].filter((at) => at <= facts.now).length
  const next = Math.min(...facts.due.values())
  const rows: readonly (readonly [string, string])[] = [
    [
      'commit',
      `${facts.commit.slice(0, 8)}, ${facts.source}${once ? '' : `, asked for each ${formatDuration(facts.pollMs)}`}`,
    ],
    [
      'targets',
      `${count(targets.length, 'target')}: ${String(interval)} each ${formatDuration(facts.everyMs)}, ${String(byCron)} by a schedule of their own (UTC)`,
    ],
    ['applies', appliesText(facts)],
    ['store', facts.store],
    ...(facts.queue === null ? [] : [['queue', facts.queue] as const]),
    ['run cache', facts.usesCache ? 'on' : 'off (--enable-extended-early-exit)'],
    ['at once', `${count(concurrency, 'run')}, each ended after ${formatDuration(timeoutMs)}`],
    [
      'due now',
      `${String(dueNow)}${dueNow > 0 || !Number.isFinite(next) || once ? '' : `; the next at ${new Date(next).toISOString()}`}`,
    ],
    ...(facts.url === null ? [] : [['status', facts.url] as const]),
  ]
  const head = facts.apply ? 'trueup serve applies' : 'trueup serve, a dry run: it only plans'
  const end = once ? [] : ['  to end it: SIGTERM or Ctrl-C; what is under way may finish']
  return `${[`${head}${once ? ', once' : ''}`, ...rows.map(([name, value]) => `  ${name.padEnd(9)}  ${value}`), ...end].join('\n')}\n`
}

function appliesText({ apply, targets }: StartFacts): string {
  const may = targets.filter((target) => target.apply).map(({ name }) => name)
  const names = may.length > 5 ? `${may.slice(0, 5).join(', ')} and ${String(may.length - 5)} more` : may.join(', ')
  if (apply) return may.length === 0 ? 'none: no target says apply: true' : names
  return may.length === 0 ? 'none' : `none; with --apply: ${names}`
}
