// What happens in a daemon comes in; the text that Prometheus scrapes goes out. The only file that knows prom-client. Metrics never change an outcome.

/** How one run ended, for a label. */
export type RunOutcome = 'converged' | 'pending' | 'applied' | 'skipped' | 'later' | 'blocked' | 'failed'

export interface MeasuredRun {
  readonly target: string
  readonly mode: 'apply' | 'dry-run'
  /** `run`, `skip` or `none`. */
  readonly decision: string
  readonly outcome: RunOutcome
  /** `HIT`, `MISS` …; null: the run cache was not asked. */
  readonly cache: string | null
  /** Of all relations: how often was asked, and how often loaded for that. */
  readonly relations: { readonly asked: number; readonly loaded: number }
  readonly durationMs: number
  /** UTC ms. */
  readonly endedAt: number
}

/** Read at each scrape. */
export interface MeasuredState {
  readonly targets: number
  readonly ready: number
  readonly running: number
  readonly replicas: number
  readonly wakeUps: number
  readonly oldestRunningMs: number
  readonly notConverging: number
}

export interface ServeMetrics {
  /** A run began, so long after it was due. */
  started(delayMs: number): void
  ended(run: MeasuredRun): void
  /** A push was sent to it: `accepted`, `ignored` … */
  hook(result: string): void
  /** An event was sent to its API: `accepted`, `duplicate`, `refused`. */
  event(result: string): void
  /** When the last run of an earlier process that ended well did so, UTC ms; what a run of this one tells counts more. */
  succeededBefore(target: string, at: number): void
  /** Somebody was told of a target, or could not be: `blocked` …, `delivered`, `given-up`. */
  notified(kind: string, result: string): void
  /** A target is no more: nothing is told of it. */
  forget(target: string): void
  /** `open`: holds and doubts of the store; undefined where it could not be read: the metrics are left out then. */
  scrape(
    state: MeasuredState,
    open: { readonly holds: number; readonly doubts: number } | undefined,
  ): Promise<{ readonly contentType: string; readonly text: string }>
}

/** Seconds: a skip, a plan, a long apply. */
const DURATIONS = [0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800]
const DELAYS = [0.1, 1, 5, 15, 60, 300, 1800, 3600]

/** Names and meanings, for the documentation too. */
export const SERVE_METRICS = {
  trueup_runs_total: 'Runs that have ended, by mode, decision and outcome.',
  trueup_run_duration_seconds: 'How long runs took, by mode.',
  trueup_start_delay_seconds: 'How long after it was due a run began.',
  trueup_cache_answers_total: 'What the run cache answered, by status.',
  trueup_relations_asked_total: 'How often runs asked for relations.',
  trueup_relations_loaded_total:
    'How often relations were loaded for that; the others were answered by what was there.',
  trueup_last_success_timestamp_seconds:
    'When the last run of a target that ended well did so; after a restart, by its records.',
  trueup_hooks_total: 'Pushes that were sent to it, by result.',
  trueup_events_total: 'Events that were sent to its API, by result.',
  trueup_notifications_total: 'Notices to people, by kind and result.',
  trueup_targets: 'Targets that are scheduled.',
  trueup_ready: 'Targets that are due and wait for a place.',
  trueup_running: 'Runs under way in this process.',
  trueup_replicas: 'Processes that share the targets, this one with them.',
  trueup_oldest_running_seconds: 'How long the longest run under way has taken.',
  trueup_wake_ups_total: 'How often the scheduler was woken by time.',
  trueup_not_converging: 'Targets whose applies were stopped, since they made the same change again and again.',
  trueup_holds: 'Holds in force in the store.',
  trueup_doubts: 'Durable calls and changes in the store whose outcome nobody knows.',
} as const

export async function createServeMetrics(): Promise<ServeMetrics> {
  const { default: prom } = await import('prom-client')
  const registry = new prom.Registry()
  const registers = [registry]
  type Name = keyof typeof SERVE_METRICS
  const named = (name: Name) => ({ name, help: SERVE_METRICS[name], registers })
  const gauge = (name: Name) => new prom.Gauge(named(name))
  const runs = new prom.Counter({ ...named('trueup_runs_total'), labelNames: ['mode', 'decision', 'outcome'] })
  const durations = new prom.Histogram({
    ...named('trueup_run_duration_seconds'),
    labelNames: ['mode'],
    buckets: DURATIONS,
  })
  const delays = new prom.Histogram({ ...named('trueup_start_delay_seconds'), buckets: DELAYS })
  const answers = new prom.Counter({ ...named('trueup_cache_answers_total'), labelNames: ['status'] })
  const asked = new prom.Counter(named('trueup_relations_asked_total'))
  const loaded = new prom.Counter(named('trueup_relations_loaded_total'))
  const success = new prom.Gauge({ ...named('trueup_last_success_timestamp_seconds'), labelNames: ['target'] })
  const hooks = new prom.Counter({ ...named('trueup_hooks_total'), labelNames: ['result'] })
  const events = new prom.Counter({ ...named('trueup_events_total'), labelNames: ['result'] })
  const notices = new prom.Counter({ ...named('trueup_notifications_total'), labelNames: ['kind', 'result'] })
  const targets = gauge('trueup_targets')
  const ready = gauge('trueup_ready')
  const running = gauge('trueup_running')
  const replicas = gauge('trueup_replicas')
  const oldest = gauge('trueup_oldest_running_seconds')
  const wakeUps = new prom.Counter(named('trueup_wake_ups_total'))
  const notConverging = gauge('trueup_not_converging')
  const holds = gauge('trueup_holds')
  const doubts = gauge('trueup_doubts')

  /** Targets of which a run of this process has told. */
  const told = new Set<string>()

  return {
    started(delayMs) {
      delays.observe(delayMs / 1000)
    },
    ended({ target, mode, decision, outcome, cache, relations, durationMs, endedAt }) {
      runs.inc({ mode, decision, outcome })
      durations.observe({ mode }, durationMs / 1000)
      if (cache !== null) answers.inc({ status: cache })
      asked.inc(relations.asked)
      loaded.inc(relations.loaded)
      if (['later', 'blocked', 'failed'].includes(outcome)) return
      told.add(target)
      success.set({ target }, endedAt / 1000)
    },
    succeededBefore(target, at) {
      if (!told.has(target)) success.set({ target }, at / 1000)
    },
    hook(result) {
      hooks.inc({ result })
    },
    event(result) {
      events.inc({ result })
    },
    notified(kind, result) {
      notices.inc({ kind, result })
    },
    forget(target) {
      told.delete(target)
      success.remove({ target })
    },
    async scrape(state, open) {
      targets.set(state.targets)
      ready.set(state.ready)
      running.set(state.running)
      replicas.set(state.replicas)
      oldest.set(state.oldestRunningMs / 1000)
      notConverging.set(state.notConverging)
      wakeUps.reset()
      wakeUps.inc(state.wakeUps)
      for (const [metric, value] of [
        [holds, open?.holds],
        [doubts, open?.doubts],
      ] as const) {
        // Zero would say that there is none.
        if (value === undefined) metric.remove()
        else metric.set(value)
      }
      return { contentType: registry.contentType, text: await registry.metrics() }
    },
  }
}
