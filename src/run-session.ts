// What one run knows, found out once and only when asked: loaded code, desired state, destination, marks, owned objects.
// The stages (decide, plan, apply) share it, so that nothing is evaluated twice.
import { evaluateDesired, type DesiredState } from './desired/evaluate.js'
import { emptyLike } from './desired/shards.js'
import type { Snapshot, SourceEntry } from './desired/source.js'
import type { HeadSide } from './early-exit/decide.js'
import { headFacts, type HeadFacts } from './early-exit/head-facts.js'
import { isTrueupError, toError, TrueupError } from './errors.js'
import type { Log } from './integration.js'
import { createHttp } from './reconcile/http.js'
import { createEnv } from './reconcile/run-context.js'
import { noCapture, type Authored } from './report/capture.js'
import { createRunLog, silentLog } from './report/run-log.js'
import type { LoadedTarget, OpenTarget, RunDependencies, RunRequest } from './run-types.js'
import { createRunSecrets, type RunSecrets } from './secrets/run-secrets.js'
import { versionKey } from './secrets/version-key.js'
import { readLedger, type StoredLedger } from './store/ledger.js'
import { createMarkStore, type MarkStore } from './store/marks.js'
import { boundedMap } from './util/bounded-map.js'
import { boundSignal } from './util/bound-signal.js'
import { digestOf } from './util/digest.js'
import { once } from './util/once.js'

export interface RunSession {
  readonly deps: RunDependencies
  readonly request: RunRequest
  readonly runId: string
  readonly head: Snapshot
  readonly target: OpenTarget
  readonly headInputs: readonly SourceEntry[]
  readonly facts: HeadFacts
  /** Calls the author's functions: what they print becomes log lines of this run. */
  readonly authored: Authored
  /** Of this run: what is read of them is hidden in all that it tells. */
  readonly secrets: RunSecrets
  loaded(): Promise<LoadedTarget>
  /** The head's desired state. */
  desired(): Promise<DesiredState>
  desiredAt(base: Snapshot): Promise<DesiredState>
  /** Where this target acts; undefined while the place has no identity. */
  destination(): Promise<string | undefined>
  /** As {@link destination}, giving the place an identity if it has none. Apply mode only. */
  createDestination(): Promise<string>
  /** undefined while the place has no identity: then nothing was ever applied there. */
  marks(): Promise<MarkStore | undefined>
  /** As {@link marks}, once the place has an identity. Apply mode only. */
  neededMarks(): Promise<MarkStore>
  /** What every target owns at the destination. Read anew on each call: an apply reads it again under its lease. */
  ledger(): Promise<readonly StoredLedger[]>
  /** Shards of this target that own something, with the digest of "nothing desired" for each. */
  owning(): Promise<ReadonlyMap<string, string>>
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

/** Shards of a target that own something, with the digest of "nothing desired" for each. */
export function owningIn(ledgers: readonly StoredLedger[], target: string): ReadonlyMap<string, string> {
  const mine = ledgers.filter(({ value }) => value.target === target && Object.keys(value.objects).length > 0)
  return new Map(mine.map(({ value }) => [value.shard, digestOf(emptyLike(value.shape === 'list' ? [] : {}))]))
}

export interface SessionInput {
  readonly deps: RunDependencies
  readonly request: RunRequest
  readonly runId: string
  readonly head: Snapshot
  readonly target: OpenTarget
  readonly authored: Authored
}

export async function openSession({ deps, request, runId, head, target, authored }: SessionInput): Promise<RunSession> {
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
  let created: string | undefined
  const closers: (() => Promise<void>)[] = []
  async function end(): Promise<void> {
    deps.giveUp.removeEventListener('abort', cutOff)
    await Promise.allSettled(closers.map((close) => close()))
  }
  const cutOff = (): void => void end()
  deps.giveUp.addEventListener('abort', cutOff, { once: true })

  async function ask(create: boolean): Promise<string | undefined> {
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
  const asked = once(() => ask(false))
  const destination = async (): Promise<string | undefined> => created ?? (await asked())

  async function evaluate(snapshot: Snapshot, log: Log): Promise<DesiredState> {
    const { definition, params } = await loaded()
    const planning = (): boolean => true
    const http = createHttp({ integration: definition.name, signal: deps.stop, planning, fetch: deps.fetch })
    return deps.guard.planning({ integration: definition.name, mode: request.mode }, () =>
      evaluateDesired({
        definition,
        target: request.target,
        params,
        inputs: declaration.inputs,
        snapshot,
        env: createEnv(definition.name, declaration.env, deps.environment),
        log,
        map: boundedMap(deps.budget, deps.stop),
        signal: boundSignal(deps.stop),
        http,
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
    secrets,
    loaded,
    desired: once(() =>
      // What is destroyed needs no data: its files may be gone.
      request.instead?.kind === 'destroy'
        ? Promise.resolve({ value: [], digest: digestOf([]), shards: new Map() })
        : authored('', () =>
            evaluate(head, createRunLog({ target: request.target, clock: deps.clock, reporter: deps.reporter })),
          ),
    ),
    desiredAt: (base) => (deps.capture ?? noCapture).silently(() => evaluate(base, silentLog)),
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
    async ledger() {
      const place = await destination()
      return place === undefined ? [] : readLedger(target.store, place)
    },
    atEnd: (close) => void closers.push(close),
    end,
    async owning() {
      const place = await destination()
      return owningIn(place === undefined ? [] : await readLedger(target.store, place), request.target)
    },
  }
}
