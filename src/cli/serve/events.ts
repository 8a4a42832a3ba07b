// A daemon and the secrets of its environment come in; the routes by which others tell it that something has changed go out.
import type { RevisionSource } from '../../desired/export-revision.js'
import { eventText } from '../../report/format.js'
import type { ServeMetrics } from '../../report/serve-metrics.js'
import { createEventKeys, type EventKeys } from '../../schedule/event-keys.js'
import { eventRoutes as routesOfEvents } from '../../schedule/http/events.js'
import { hookRoutes } from '../../schedule/http/hooks.js'
import type { Route } from '../../schedule/http/server.js'
import { systemClock } from '../../util/clock.js'
import type { Environment } from '../process-context.js'
import { withLabels } from '../select-targets.js'
import type { Daemon } from './daemon.js'
import { look } from './follow.js'
import type { Told } from './told.js'

export interface EventOptions {
  readonly daemon: Daemon
  readonly revisions: RevisionSource
  readonly environment: Environment
  readonly metrics: ServeMetrics
  readonly told: Told
  readonly stop: AbortSignal
  /** That replicas share. @defaultValue those of this process */
  readonly keys: EventKeys | undefined
}

export function eventRoutes(options: EventOptions): readonly Route[] {
  const { daemon, revisions, environment, metrics, told, stop, keys } = options
  return [
    ...hookRoutes({
      secret: environment['TRUEUP_HOOK_SECRET'],
      ref: revisions.ref,
      refresh: () => look(daemon, { stop, told }),
      clock: systemClock,
      onResult: (result) => {
        metrics.hook(result)
      },
    }),
    ...routesOfEvents({
      token: environment['TRUEUP_TOKEN'],
      keys: keys ?? createEventKeys(systemClock),
      onResult: (result) => {
        metrics.event(result)
      },
      view: {
        targets: () => new Set(daemon.current()?.targets.keys()),
        labelled: (labels) =>
          withLabels(
            daemon.current()?.targets.values() ?? [],
            Object.entries(labels).map(([name, value]) => ({ name, value })),
          ).map(({ name }) => name),
        async happened(names, event) {
          told.line('info', `due now: ${names.join(', ')}, since ${eventText(event)}`, { targets: names, ...event })
          await Promise.all(names.map((name) => daemon.scheduler.trigger(name, event)))
        },
      },
    }),
  ]
}
