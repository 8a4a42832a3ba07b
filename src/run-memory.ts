// What a run remembers beyond its plan: durable functions and the target's state. In: the session (with its lease, in an apply). Out: `durable` and
// `state` of each context. What is heavy is loaded when first called.
import { randomBytes, randomInt } from 'node:crypto'
import type { Durable, DurableUse, Remembered, State } from './durable-types.js'
import { defineDurable, refusedWhilePlanning, Registry } from './durable/definition.js'
import type { DurableCalls } from './durable/durable-calls.js'
import { CLAIM_MS, WAIT_MS } from './durable/protocol.js'
import { exempt } from './reconcile/dry-run-guard.js'
import { createRunState } from './reconcile/run-state.js'
import { freshStore, type RunSession } from './run-session.js'
import { requireLocking } from './store/locking.js'
import type { ObjectStore } from './store/object-store.js'
import { createStateStore } from './store/state.js'
import { once } from './util/once.js'

export interface RunMemory {
  /** What one call of run() gets. */
  context(shard: string, isPlanning: () => boolean): { readonly durable: Durable; readonly state: State }
  /** What planning wants to be remembered. */
  remembered(): readonly Remembered[]
  /** Stores it: the plan is approved. */
  keepRemembered(): Promise<void>
}

export function createRunMemory(session: RunSession): RunMemory {
  const { deps, request, target, runId, lease } = session
  const store = ownClient(target.store)
  const state = createRunState({
    target: request.target,
    backend: async () => {
      const destination = await session.destination()
      if (destination === undefined) return undefined
      return createStateStore(store, { target: request.target, destination, run: runId })
    },
    check: async () => lease?.check(),
    hasSecret: (value) => deps.redactor.json(value) !== value,
  })
  const calls = once(() => loadCalls(session, store))
  const stores = request.mode === 'apply'
  return {
    context: (shard, isPlanning) => {
      const registry = new Registry(shard === '' ? request.target : `${request.target}, shard ${shard}`)
      return {
        state: state.view(isPlanning),
        durable: (name, options, fn) => {
          const definition = defineDurable(name, options, fn)
          registry.add(definition)
          // Before anything is changed: a store that does not outlive the job forgets what has happened.
          if (definition.idempotent && stores && target.storeIsFreshInCi && !request.initStore)
            throw freshStore(session, `what ${name} has done`)
          return async (...args) => {
            if (definition.idempotent && isPlanning()) throw refusedWhilePlanning(name)
            const result = await (await calls()).call(definition, args, { stores, shard, report })
            // What `fn` returned, or its equal out of the store.
            return result as Awaited<ReturnType<typeof fn>>
          }
        },
      }
    },
    // The way back, or out, plans something else than run() had in mind.
    remembered: () => (request.instead === undefined ? state.remembered() : []),
    keepRemembered: async () => {
      if (request.instead === undefined) await state.keep()
    },
  }

  function report(use: DurableUse): void {
    deps.reporter.report({ kind: 'durable-called', target: request.target, use })
  }
}

async function loadCalls(session: RunSession, store: ObjectStore): Promise<DurableCalls> {
  const { createDurableCalls } = await import('./durable/durable-calls.js')
  const { deps, request, target, runId, lease } = session
  const { host, url, actor } = deps.by
  const destination = (await session.destination()) ?? ''
  return createDurableCalls(
    {
      store,
      // No name of an integration holds an @.
      namespace: `${target.declared.declaration.integration}@${destination}`,
      clock: deps.clock,
      random: () => randomInt(1_000_000) / 1_000_000,
      newId: deps.newId,
      claimant: { run: runId, target: request.target, host, url, actor, ...deps.process },
      isDead: (claimant) => deps.isDead({ ...claimant, run: claimant.run ?? '', target: claimant.target ?? '' }),
      leaseMs: deps.leaseMs ?? CLAIM_MS,
      waitMs: WAIT_MS,
      stop: deps.stop,
      giveUp: deps.giveUp,
      lease,
      admitStore: (asked) => requireLocking(asked, deps.clock),
      isSecret: (text) => deps.redactor.text(text) !== text,
      redact: (text) => deps.redactor.text(text),
      onWait: (message) => {
        const record = { level: 'info', time: deps.clock.now(), message } as const
        deps.reporter.report({ kind: 'logged', target: request.target, record })
      },
    },
    randomBytes,
  )
}

/** Planning refuses what writes over HTTP; the store is trueup's own. */
function ownClient(store: ObjectStore): ObjectStore {
  return {
    description: store.description,
    shared: store.shared,
    conditions: store.conditions,
    get: (key) => exempt(() => store.get(key)),
    getBounded: (key, atMost) => exempt(() => store.getBounded(key, atMost)),
    head: (key) => exempt(() => store.head(key)),
    put: (key, value, options) => exempt(() => store.put(key, value, options)),
    delete: (key, options) => exempt(() => store.delete(key, options)),
    list: (prefix, options) => store.list(prefix, options),
    now: () => exempt(() => store.now()),
    close: () => store.close(),
  }
}
