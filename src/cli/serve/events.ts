// A daemon and the secrets of its environment come in; the routes by which others tell it that something has changed go out, and what they told of
// a target, for its next run.
import type { RevisionSource } from '../../desired/export-revision.js'
import type { RunEventCause } from '../../event.js'
import { eventText } from '../../report/format.js'
import type { ServeMetrics } from '../../report/serve-metrics.js'
import { eventRoutes as routesOfEvents } from '../../schedule/http/events.js'
import { hookRoutes } from '../../schedule/http/hooks.js'
import type { Route } from '../../schedule/http/server.js'
import { systemClock } from '../../util/clock.js'
import { eventVariable, type Environment } from '../process-context.js'
import { withLabels } from '../select-targets.js'
import type { Daemon } from './daemon.js'
import { look } from './follow.js'
import type { Told } from './told.js'

export interface HeardEvents {
  heard(target: string, event: RunEventCause): void
  /** Told to a run of the target, for its record: the newest event since the one before it. */
  variableOf(target: string): Environment
  /** A run of it has ended: what it was told is over. */
  ended(target: string): void
}

export function createHeardEvents(): HeardEvents {
  const kept = new Map<string, { readonly event: RunEventCause; isTold: boolean }>()
  return {
    heard(target, event) {
      kept.set(target, { event, isTold: false })
    },
    variableOf(target) {
      const found = kept.get(target)
      if (found === undefined) return {}
      found.isTold = true
      return eventVariable(found.event)
    },
    ended(target) {
      // One that came during the run is of the next one.
      if (kept.get(target)?.isTold === true) kept.delete(target)
    },
  }
}

export interface EventOptions {
  readonly daemon: Daemon
  readonly revisions: RevisionSource
  readonly environment: Environment
  readonly metrics: ServeMetrics
  readonly told: Told
  readonly stop: AbortSignal
  readonly heard: HeardEvents
}

export function eventRoutes(options: EventOptions): readonly Route[] {
  const { daemon, revisions, environment, metrics, told, stop, heard } = options
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
      clock: systemClock,
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
          for (const name of names) heard.heard(name, event)
          await Promise.all(names.map((name) => daemon.scheduler.trigger(name)))
        },
      },
    }),
  ]
}
