// Builds what an author's functions get: `ctx` of run() and of desiredState(), bound to one run and one shard.
// Everything here only reads or refuses; the one way to act is the plan that run() returns.
import type { Durable, State } from '../durable-types.js'
import { TrueupError } from '../errors.js'
import type {
  BoundedMap,
  Env,
  Exec,
  Http,
  Log,
  Related,
  RunContext,
  DeletePolicy,
  SecretRef,
  Secrets,
} from '../integration.js'
import type { Postgres } from '../clients.js'
import type { Clock } from '../util/clock.js'
import { planPart } from './plan.js'

/** `ctx.env`: declared names only, so that a skip knows of every variable that was read. */
export function createEnv(
  integration: string,
  declared: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Env {
  const known = new Set(declared)
  return (name) => {
    if (known.has(name)) return environment[name]
    throw new TrueupError(
      'undeclared-env',
      `${integration}: the environment variable ${name} is read but not declared. Add it: env: [${[...declared, name].map((it) => `'${it}'`).join(', ')}]`,
      { details: { integration, variable: name, declared } },
    )
  }
}

export interface RunContextOptions {
  /** Its name, for messages. */
  readonly integration: string
  readonly target: string
  readonly params: unknown
  readonly dryRun: boolean
  readonly shard: string
  readonly owned: ReadonlySet<string>
  readonly env: Env
  readonly log: Log
  readonly http: Http
  readonly postgres: Postgres
  readonly exec: Exec
  readonly map: BoundedMap
  readonly secrets: Secrets<readonly SecretRef[]>
  readonly durable: Durable
  readonly state: State
  readonly related: Related
  readonly signal: AbortSignal
  readonly clock: Clock
}

export function createRunContext(options: RunContextOptions): RunContext<unknown, readonly SecretRef[], DeletePolicy> {
  const { dryRun, target, integration } = options
  const context: RunContext<unknown, readonly SecretRef[], DeletePolicy> = {
    params: options.params,
    target,
    dryRun,
    shard: options.shard,
    owned: options.owned,
    log: options.log,
    env: options.env,
    http: options.http,
    postgres: options.postgres,
    exec: options.exec,
    map: options.map,
    signal: options.signal,
    clock: { now: () => options.clock.now() },
    plan: planPart,
    secrets: options.secrets,
    durable: options.durable,
    state: options.state,
    related: options.related,
  }
  // The types have no `source` here; code without types is told why.
  return Object.defineProperty(context, 'source', {
    get(): never {
      throw new TrueupError(
        'integration-invalid',
        `${integration}: run() asks for ctx.source, which only desiredState() has: a skip compares desired state, so a change of a file that run() alone reads would be missed. Read it in desiredState() and return what run() needs of it`,
        { details: { integration } },
      )
    },
  })
}
