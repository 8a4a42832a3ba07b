// What one run knows, found out once and only when asked: loaded code, desired state, destination, marks, owned objects.
// The stages (decide, plan, apply) share it, so that nothing is evaluated twice.
import { evaluateDesired, type DesiredState } from './desired/evaluate.js'
import type { DataQueries } from './desired/graphql/data-queries.js'
import type { Snapshot, SourceEntry } from './desired/source.js'
import type { HeadSide } from './early-exit/decide.js'
import { headFacts, type HeadFacts } from './early-exit/head-facts.js'
import type { RunCache } from './early-exit/run-cache.js'
import { isTrueupError, toError, TrueupError } from './errors.js'
import type { Base } from './early-exit/compare-revisions.js'
import type { Json } from './event.js'
import type { Log } from './integration.js'
import { authorMap } from './reconcile/author-map.js'
import { createCallCounter, type CallCounter } from './reconcile/call-counter.js'
import { createHttp } from './reconcile/http.js'
import { createRelations, type Relations } from './reconcile/relations.js'
import { createEnv } from './reconcile/run-context.js'
import { noCapture, type Authored } from './report/capture.js'
import { createRunLog, silentLog } from './report/run-log.js'
import { openCache } from './run-cache-open.js'
import { createKeeping, type Keeping } from './run-kept.js'
import type { LoadedTarget, OpenTarget, QuerySide, RunDependencies, RunRequest } from './run-types.js'
import { createRunSecrets, type RunSecrets } from './secrets/run-secrets.js'
import { versionKey } from './secrets/version-key.js'
import type { LeaseGuard } from './store/lease-guard.js'
import { createMarkStore, type MarkStore } from './store/marks.js'
import { boundSignal } from './util/bound-signal.js'
import { digestOf } from './util/digest.js'
import { once } from './util/once.js'

export interface RunSession extends Keeping {
  readonly deps: RunDependencies
  readonly request: RunRequest
  readonly runId: string
  readonly head: Snapshot
  readonly target: OpenTarget
  readonly headInputs: readonly SourceEntry[]
  readonly facts: HeadFacts
  /** What it stands on while it applies; undefined before the lease is taken, and in a dry run. */
  readonly lease?: LeaseGuard
  /** Calls the author's functions: what they print becomes log lines of this run. */
  readonly authored: Authored
  /** One for the whole run, however often it is asked. Only where the run asks for a cache. */
  runCache(): RunCache
  /** Of this run: what is read of them is hidden in all that it tells. */
  readonly secrets: RunSecrets
  /** Counts what `ctx.http` sends. */
  readonly calls: CallCounter
  /** What it asks of relations. */
  readonly relations: Relations
  /** Shards that the comparison narrowed the run to. @defaultValue all */
  readonly only?: ReadonlySet<string>
  loaded(): Promise<LoadedTarget>
  /** What `ctx.source.query` asks of a revision; undefined where there is no data. */
  queries(snapshot: Snapshot): DataQueries | undefined
  /** The head's desired state. */
  desired(): Promise<DesiredState>
  /** Of another revision, by the head's code; with other parameters than the head's, where they are given. Without them, evaluated once. */
  desiredAt(base: Snapshot, params?: Json): Promise<DesiredState>
  /** Where this target acts; undefined while the place has no identity. */
  destination(): Promise<string | undefined>
  /** As {@link destination}, giving the place an identity if it has none. Apply mode only. */
  createDestination(): Promise<string>
  /** undefined while the place has no identity: then nothing was ever applied there. */
  marks(): Promise<MarkStore | undefined>
  /** As {@link marks}, once the place has an identity. Apply mode only. */
  neededMarks(): Promise<MarkStore>
  /** Keeps what is to be closed when the run has ended. */
  atEnd(close: () => Promise<void>): void
  /** Closes everything that was kept. */
  end(): Promise<void>
}

/** Which head this is; `dirty` of what was asked of it so far, files that were deleted included. */
export function headSide(head: Snapshot & { readonly isDirty?: boolean }): HeadSide {
  const { revision } = head
  return {
    head: revision.kind === 'commit' ? revision.id : 'worktree',
    headCommit: revision.kind === 'commit' ? revision.id : revision.commit,
    dirty: head.isDirty === true,
  }
}

export interface SessionInput {
  readonly deps: RunDependencies
  readonly request: RunRequest
  readonly runId: string
  readonly head: Snapshot
  readonly target: OpenTarget
  readonly authored: Authored
  /** What is compared with, where it is there. */
  readonly base?: Base | undefined
  /** @defaultValue nobody reads what is counted */
  readonly calls?: CallCounter
  /** @defaultValue its own */
  readonly relations?: Relations
}

export async function openSession({
  deps,
  request,
  runId,
  head,
  target,
  authored,
  base,
  calls = createCallCounter(),
  relations = createRelations(),
}: SessionInput): Promise<RunSession> {
  const { declaration } = target.declared
  const headInputs = await head.entries(declaration.inputs)
  const secrets = createRunSecrets({
    backend: target.secrets,
    register: (value) => deps.redactor.register(value),
    warn: (message) => {
      deps.reporter.report({ kind: 'warned', target: request.target, message })
    },
  })
  secrets.accept(declaration.secrets.map(({ path }) => path))
  const facts = headFacts({
    target: target.declared,
    inputs: headInputs,
    environment: deps.environment,
    secretOf: (address, options) => secrets.fingerprint(address, () => versionKey(target.store, options)),
  })
  const loaded = once(() => target.load())
  const former = new Map<Snapshot, Promise<DesiredState>>()
  const asked = new Map<Snapshot, DataQueries>()
  function queries(snapshot: Snapshot): DataQueries | undefined {
    const known = asked.get(snapshot) ?? target.queriesAt?.(snapshot, sideOf(snapshot))
    if (known !== undefined) asked.set(snapshot, known)
    return known
  }
  function sideOf(snapshot: Snapshot): QuerySide {
    const bundle = base?.kind === 'found' && base.isBundle === true && base.snapshot === snapshot ? base.id : undefined
    return { secrets, signal: deps.stop, ...(bundle === undefined ? {} : { bundle }) }
  }
  let created: string | undefined
  const closers: (() => Promise<void>)[] = []
  async function end(): Promise<void> {
    deps.giveUp.removeEventListener('abort', cutOff)
    await Promise.allSettled(closers.map((close) => close()))
  }
  const cutOff = (): void => void end()
  deps.giveUp.addEventListener('abort', cutOff, { once: true })

  async function ask(create: boolean): Promise<string | undefined> {
    // Nothing is loaded to learn what the declaration tells.
    if (!declaration.destination) return request.target
    const { definition, params } = await loaded()
    if (definition.destination === undefined) return request.target
    try {
      const answer = await authored('', async () => definition.destination?.(params, { create }))
      if (answer === '')
        throw new TrueupError(
          'integration-invalid',
          `${request.target}: destination() gave an empty text; give the place acted on, or undefined while it has no identity`,
        )
      return answer
    } catch (thrown) {
      if (isTrueupError(thrown)) throw thrown
      throw new TrueupError(
        'current-unreadable',
        `${request.target}: destination() failed: ${toError(thrown).message}`,
        { cause: thrown },
      )
    }
  }
  const answered = once(() => ask(false))
  const destination = async (): Promise<string | undefined> => created ?? (await answered())

  async function evaluate(snapshot: Snapshot, log: Log, given?: Json): Promise<DesiredState> {
    const { definition, params: own } = await loaded()
    const params = given ?? own
    const inputs =
      given !== undefined && typeof definition.inputs === 'function' ? definition.inputs(params) : declaration.inputs
    const planning = (): boolean => true
    const http = createHttp({ ...deps, integration: definition.name, signal: deps.stop, planning, calls })
    return deps.guard.planning({ integration: definition.name, mode: request.mode }, () =>
      evaluateDesired({
        definition,
        target: request.target,
        params,
        inputs,
        snapshot,
        env: createEnv(definition.name, declaration.env, deps.environment),
        log,
        map: authorMap({ budget: deps.budget, signal: deps.stop, redact: (text) => deps.redactor.text(text) }),
        signal: boundSignal(deps.stop),
        http,
        queries: queries(snapshot),
      }),
    )
  }

  return {
    deps,
    request,
    runId,
    head,
    target,
    headInputs,
    facts,
    authored,
    runCache: once(() => openCache({ deps, request, target, secrets })),
    secrets,
    calls,
    relations,
    loaded,
    queries,
    desired: once(() =>
      // What is destroyed needs no data: its files may be gone.
      request.instead?.kind === 'destroy'
        ? Promise.resolve({ value: [], digest: digestOf([]), shards: new Map() })
        : authored('', () =>
            evaluate(head, createRunLog({ target: request.target, clock: deps.clock, reporter: deps.reporter })),
          ),
    ),
    desiredAt(base, params) {
      const evaluated = (): Promise<DesiredState> =>
        (deps.capture ?? noCapture).silently(() => evaluate(base, silentLog, params))
      if (params !== undefined) return evaluated()
      const known = former.get(base) ?? evaluated()
      former.set(base, known)
      return known
    },
    destination,
    async createDestination() {
      created ??= await ask(true)
      if (created !== undefined) return created
      throw new TrueupError(
        'integration-invalid',
        `${request.target}: destination() gave no identity although it was asked to create one (create: true)`,
      )
    },
    async marks() {
      const place = await destination()
      return place === undefined ? undefined : createMarkStore(target.store, request.target, place)
    },
    async neededMarks() {
      const place = await destination()
      if (place !== undefined) return createMarkStore(target.store, request.target, place)
      throw new TrueupError(
        'integration-invalid',
        `${request.target}: its destination has no identity although an apply asked for one`,
      )
    },
    ...createKeeping({ store: target.store, target: request.target, destination }),
    atEnd: (close) => void closers.push(close),
    end,
  }
}

/** Why an apply in CI does not start with a store that was just made. @param what would be forgotten */
export function freshStore({ request, target }: RunSession, what: string): TrueupError {
  return new TrueupError(
    'store-refused',
    `${request.target}: the store ${target.store.description} is empty and this is CI: a store that does not outlive the job forgets ${what}. Keep it between jobs or use a shared one; for a first apply pass --init-store.`,
    { details: { store: target.store.description } },
  )
}
