// serve: what is due runs, each target in a child process from the tree of the newest commit, until it is told to end; with --once, once.
import type { RevisionSource } from '../../desired/export-revision.js'
import { TrueupError } from '../../errors.js'
import { worstExitCode } from '../../exit-codes.js'
import { count } from '../../report/format.js'
import { createServeMetrics } from '../../report/serve-metrics.js'
import type { ObjectStore } from '../../store/object-store.js'
import { createRecordStore } from '../../store/records.js'
import { systemClock } from '../../util/clock.js'
import { formatDuration } from '../../util/duration.js'
import { logFormatOf, logLevelOf } from '../appearance.js'
import { uselessCacheFlag } from '../cache-request.js'
import type { CommandInput } from '../command.js'
import { openStoreOf } from '../open-target.js'
import { printed } from '../print.js'
import { openProject, type Project } from '../project.js'
import { createDaemon, type Daemon } from '../serve/daemon.js'
import { eventRoutes } from '../serve/events.js'
import { follow, look } from '../serve/follow.js'
import { rememberSuccesses } from '../serve/last-success.js'
import { listenAddress, openStatus, reachOf, type Status } from '../serve/status.js'
import { createNotifications } from '../serve/notifications.js'
import { scheduleKeeper } from '../serve/kept-schedule.js'
import { queueUrl } from '../serve/queue-url.js'
import { identityOf, openRevisionsOf, storeForChildren } from '../serve/served-source.js'
import { childOf, environmentOfRuns } from '../serve/run-in-tree.js'
import { openSharedQueue } from '../serve/shared-queue.js'
import { openServed, type ServedTree } from '../serve/served-tree.js'
import { startText } from '../serve/start-text.js'
import type { EndedRun } from '../serve/target-runs.js'
import { createTold } from '../serve/told.js'
import { listenForStop, type StopSignals } from '../stop-signals.js'

/** A run that takes longer hangs. */
const TIMEOUT_MS = 3_600_000
export async function serveCommand(input: CommandInput): Promise<number> {
  const { context } = input
  const signals = listenForStop({
    onStop: (message) => {
      context.output.err(`trueup: ${message}\n`)
    },
  })
  const project = await openProject(context, input.settings, { signal: signals.giveUp })
  try {
    return await serve(input, project, signals)
  } finally {
    signals.close()
    await project.repository.close()
  }
}

async function serve(input: CommandInput, project: Project, signals: StopSignals): Promise<number> {
  const { context } = input
  const { settings } = project
  const { redactor } = context
  const told = createTold({
    write: (text) => {
      context.output.err(text)
    },
    format: logFormatOf(context, settings),
    level: logLevelOf(settings),
    now: () => systemClock.now(),
    redact: (text) => redactor.text(text),
  })
  const useless = uselessCacheFlag(settings)
  if (useless !== undefined) told.line('warn', useless)
  const storeUrl = storeForChildren(project)
  const store = await openStoreOf(project, settings.store.value)
  const revisions = await openRevisionsOf(project, context.environment, signals.stop)
  const identity = identityOf(project, revisions)
  const ended: EndedRun[] = []
  const address = settings.once.value ? null : listenAddress(settings.listen.value)
  const metrics = address === null ? undefined : await createServeMetrics()
  const records = createRecordStore(store)
  const shared = await openSharedQueue({
    url: queueUrl(context.environment, project.config),
    redactor,
    identity,
    ref: settings.ref.value,
    concurrency: settings.concurrency.value,
    told,
    onBehind: () => void look(daemon, { stop: signals.stop, told }).catch(() => undefined),
  })
  let status: Status | undefined
  const daemon: Daemon = createDaemon({
    clock: systemClock,
    random: Math.random,
    revisions,
    open: (tree) => openServed(input, project, tree),
    keeper: scheduleKeeper(store, identity),
    store,
    ...(shared === null ? {} : { queue: shared.queue }),
    records,
    child: childOf(input, project, storeUrl),
    told,
    apply: settings.apply.value || settings.noDryRun.value,
    everyMs: settings.every.value,
    timeoutMs: settings.timeout.value ?? TIMEOUT_MS,
    concurrency: settings.concurrency.value,
    spread: !settings.once.value,
    stop: signals.stop,
    onEnd: (end) => {
      notifications.ended(end)
      if (settings.once.value) ended.push(end)
      metrics?.ended(end)
    },
    onStart: (delayMs) => {
      metrics?.started(delayMs)
    },
    onEvent: (event) => {
      status?.happened(event)
    },
    onGone: (target) => {
      metrics?.forget(target)
      notifications.gone(target)
    },
  })
  const notifications = createNotifications({
    daemon: () => daemon,
    store,
    identity,
    clock: systemClock,
    random: Math.random,
    told,
    apply: settings.apply.value || settings.noDryRun.value,
    stop: signals.stop,
    environment: environmentOfRuns(context.environment),
    redactor,
    version: project.tool.version,
    onResult: (kind, result) => {
      metrics?.notified(kind, result)
    },
  })
  let remembering: Promise<void> | undefined
  try {
    if (address !== null && metrics !== undefined)
      status = await openStatus({
        address,
        daemon,
        store,
        metrics,
        project,
        ...{ environment: context.environment, clock: systemClock, told, stop: signals.stop },
        more: eventRoutes({
          daemon,
          revisions,
          environment: context.environment,
          metrics,
          told,
          stop: signals.stop,
          keys: shared?.queue.eventKeys,
        }),
      })
    await daemon.refresh()
    const served = refuseWithoutTargets(daemon.current())
    context.output.err(
      startOf({
        project,
        daemon,
        served,
        revisions,
        store,
        queue: shared?.description ?? null,
        url:
          status === undefined || address === null
            ? null
            : `${status.url} (${reachOf(address)}): /metrics /healthz /api/v1/targets`,
      }),
    )
    if (metrics !== undefined)
      remembering = rememberSuccesses({ targets: served.targets.keys(), records, metrics, told, stop: signals.stop })
    notifications.start()
    daemon.scheduler.start()
    if (settings.once.value) {
      await unlessStopped(daemon.scheduler.settled(), signals.stop)
      await notifications.settled()
    } else
      await follow(daemon, {
        clock: systemClock,
        pollMs: settings.poll.value,
        stop: signals.stop,
        told,
        watch: revisions.watch,
      })
  } finally {
    await daemon.close()
    await remembering
    await notifications.settled()
    await status?.close()
    await shared?.close()
  }
  if (settings.once.value) return await report(input, daemon, ended, signals)
  return stoppedBy(signals) ?? 0
}

function refuseWithoutTargets(served: ServedTree | undefined): ServedTree {
  if (served !== undefined && served.targets.size > 0) return served
  throw new TrueupError(
    'usage',
    'there is nothing to serve: trueup.yaml of the served commit names no target under targets:. `trueup list` shows what there could be',
  )
}

interface Started {
  readonly project: Project
  readonly daemon: Daemon
  readonly served: ServedTree
  readonly revisions: RevisionSource
  readonly store: ObjectStore
  /** Of the queue that replicas share; null: none. */
  readonly queue: string | null
  /** Of the status server, and who reaches it; null: there is none. */
  readonly url: string | null
}

function startOf({ project, daemon, served, revisions, store, queue, url }: Started): string {
  const { settings } = project
  return startText({
    once: settings.once.value,
    apply: settings.apply.value || settings.noDryRun.value,
    targets: [...served.targets.values()],
    commit: served.tree.commit,
    source: revisions.description,
    store: store.description,
    queue,
    everyMs: settings.every.value,
    pollMs: settings.poll.value,
    timeoutMs: settings.timeout.value ?? TIMEOUT_MS,
    concurrency: settings.concurrency.value,
    usesCache: settings.extendedEarlyExit.value,
    due: daemon.scheduler.due(),
    url,
    now: systemClock.now(),
  })
}

function unlessStopped(work: Promise<void>, stop: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    stop.addEventListener(
      'abort',
      () => {
        resolve()
      },
      { once: true },
    )
    work.then(resolve, reject)
  })
}

function stoppedBy({ stop }: StopSignals): number | undefined {
  if (!stop.aborted) return undefined
  const reason: unknown = stop.reason
  return reason instanceof TrueupError && reason.details['signal'] === 'SIGTERM' ? 143 : 130
}

async function report(
  { context, settings }: CommandInput,
  daemon: Daemon,
  ended: readonly EndedRun[],
  signals: StopSignals,
): Promise<number> {
  const exitCode = stoppedBy(signals) ?? worstExitCode(ended.map((end) => end.exitCode))
  const targets = daemon.scheduler.stats().targets
  context.output.out(
    await printed(settings, {
      json: () => ({ schema: 'trueup/1', exitCode, runs: ended.flatMap(({ run }) => run ?? []) }),
      text: () => {
        const width = Math.max(0, ...ended.map(({ target }) => target.length))
        const lines = ended.map(
          ({ target, mode, summary, durationMs }) =>
            `${target.padEnd(width)}  ${mode.padEnd(7)}  ${summary} (${formatDuration(durationMs)})`,
        )
        return `${[...lines, `${String(ended.length)} of ${count(targets, 'target')} ran.`].join('\n')}\n`
      },
    }),
  )
  return exitCode
}
