// The ends of a daemon's runs, and the time, come in; people are told when the state of a target changes. Must not change what a run comes to, nor
// keep the daemon from anything: whatever fails here is a line in its log.
import { toError } from '../../errors.js'
import { afterRun, withOverdue, type EndFacts } from '../../notify/conditions.js'
import { createDelivery } from '../../notify/delivery.js'
import { noticeKeeper } from '../../notify/keeper.js'
import { createNotifier, type Seen } from '../../notify/notifier.js'
import { formatAge } from '../../report/format.js'
import type { ObjectStore } from '../../store/object-store.js'
import type { Clock } from '../../util/clock.js'
import { formatDuration } from '../../util/duration.js'
import { isRecord } from '../../util/is-record.js'
import type { Daemon } from './daemon.js'
import { overdueWatch } from './overdue.js'
import { channelOf, receiversOf, type Reach } from './receivers.js'
import type { Told } from './told.js'
import type { EndedRun } from './target-runs.js'

export interface NotificationsOptions extends Reach {
  readonly daemon: () => Daemon
  readonly store: ObjectStore
  /** Daemons that serve something else keep their own. */
  readonly identity: readonly string[]
  readonly clock: Clock
  readonly random: () => number
  readonly told: Told
  /** This daemon applies what says `apply: true`. */
  readonly apply: boolean
  readonly stop: AbortSignal
  readonly onResult: (kind: string, result: string) => void
}

export interface Notifications {
  ended(end: EndedRun): void
  /** trueup.yaml has it no more. */
  gone(target: string): void
  /** Begins to look at what is overdue, and sends what was on its way when the process ended. */
  start(): void
  /** Resolves when nothing is on its way, or nothing more is tried since the daemon stops. */
  settled(): Promise<void>
}

export function createNotifications(options: NotificationsOptions): Notifications {
  const { daemon, store, identity, clock, told, stop, redactor } = options
  const served = () => daemon().current()
  const delivery = createDelivery({
    clock,
    random: options.random,
    stop,
    channel: (name) => {
      const tree = served()
      return tree === undefined ? undefined : channelOf(tree, name, options)
    },
  })
  const notifier = createNotifier({
    keeper: noticeKeeper(store, identity),
    delivery,
    receivers: () => receiversOf(served()?.notifications ?? {}),
    now: () => clock.now(),
    onResult(to, { kind, target }, result) {
      options.onResult(kind, result.kind)
      const is = result.kind === 'delivered' ? 'is told' : 'could not be told'
      const why = result.why === undefined ? '' : `: ${result.why}`
      told.change(
        `notify ${to}`,
        result.kind === 'delivered' ? 'debug' : 'warn',
        `${to} ${is} that ${target} ${kind}${why}`,
      )
    },
    onTrouble(target, thrown) {
      told.change(
        'notify',
        'warn',
        `notices ${target === '' ? '' : `of ${target} `}cannot be kept: ${toError(thrown).message}`,
      )
    },
  })
  const overdue = overdueWatch({
    clock,
    stop,
    store,
    afterMs: () => served()?.notifications.overdueAfter,
    targets: () =>
      options.apply ? [...(served()?.targets.values() ?? [])].flatMap((one) => (one.apply ? [one.name] : [])) : [],
    tell(target, { isOverdue, ageMs, afterMs }) {
      const since = ageMs === null ? 'it never succeeded' : `its last success began ${formatAge(ageMs)} ago`
      const summary = `${since}; it is to be at most ${formatDuration(afterMs)}`
      return notifier.saw(seenOf(target, isOverdue ? summary : '', null), (open) => withOverdue(open, isOverdue))
    },
    onTrouble: (thrown) => {
      told.change('overdue', 'warn', `whether targets are overdue cannot be told: ${toError(thrown).message}`)
    },
  })

  function seenOf(target: string, summary: string, run: string | null): Seen {
    const labels = served()?.targets.get(target)?.labels ?? {}
    return { target, labels, summary: redactor.text(summary), run }
  }

  return {
    ended(end) {
      if (served()?.notifications.to === undefined) return
      overdue.ended(end)
      const facts = factsOf(end)
      void notifier.saw(seenOf(end.target, end.summary, end.id), (open) => afterRun(open, facts))
    },
    gone(target) {
      if (served()?.notifications.to !== undefined) void notifier.forget(target)
    },
    start() {
      if (served()?.notifications.to !== undefined) void notifier.resume()
      overdue.start()
    },
    settled: () => notifier.settled(),
  }
}

const IN_DOUBT = ['durable-in-doubt', 'outcome-unknown']

function factsOf({ mode, exitCode, outcome, run }: EndedRun): EndFacts {
  const found = isRecord(run) ? run : {}
  const outcomes: readonly unknown[] = Array.isArray(found['outcomes']) ? found['outcomes'] : []
  const counted = (result: string): number => outcomes.filter((one) => isRecord(one) && one['result'] === result).length
  const code = isRecord(found['error']) ? found['error']['code'] : undefined
  return {
    mode,
    exitCode,
    isLater: outcome === 'later' || exitCode === 130 || exitCode === 143,
    failed: counted('failed'),
    unknown: counted('unknown'),
    isInDoubt: typeof code === 'string' && IN_DOUBT.includes(code),
  }
}
