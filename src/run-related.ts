// What `ctx.related` is in one shard of a run. In: session, and what of the shard's context a relation may have. Out: the function.
// Must not: hand a relation anything that belongs to the target or the shard, nor its secrets.
import type { Env, Log, Related } from './integration.js'
import { createHttp } from './reconcile/http.js'
import type { RunSession } from './run-session.js'
import { boundSignal } from './util/bound-signal.js'

export interface Asker {
  readonly integration: string
  readonly env: Env
  readonly log: Log
  readonly planning: () => boolean
}

export function relatedOf({ deps, calls, relations }: RunSession, { integration, env, log, planning }: Asker): Related {
  return relations.for({
    integration,
    planning,
    context: {
      // What is loaded may be waited for by others after run() of this shard has returned: it only reads all the same.
      http: createHttp({ ...deps, integration, signal: deps.giveUp, planning: () => true, calls }),
      env,
      log,
      signal: boundSignal(deps.stop),
    },
  })
}
