// A daemon and the secrets of its environment come in; the routes by which others tell it that something has changed go out.
import type { RevisionSource } from '../../desired/export-revision.js'
import type { ServeMetrics } from '../../report/serve-metrics.js'
import { hookRoutes } from '../../schedule/http/hooks.js'
import type { Route } from '../../schedule/http/server.js'
import { systemClock } from '../../util/clock.js'
import type { Environment } from '../process-context.js'
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
}

export function eventRoutes({ daemon, revisions, environment, metrics, told, stop }: EventOptions): readonly Route[] {
  return hookRoutes({
    secret: environment['TRUEUP_HOOK_SECRET'],
    ref: revisions.ref,
    refresh: () => look(daemon, { stop, told }),
    clock: systemClock,
    onResult: (result) => {
      metrics.hook(result)
    },
  })
}
