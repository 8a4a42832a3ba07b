// Calls of durable functions in one process and one namespace: told apart, shared between callers, and kept from waiting for themselves.
// In: definitions and arguments. Out: results, read back from what is stored. The protocol with the store is settle-call.ts.
import { AsyncLocalStorage } from 'node:async_hooks'
import type { DurableUse } from '../durable-types.js'
import { canonicalArguments } from './arguments.js'
import { misuse, type DurableDefinition } from './definition.js'
import { digestKey, keyedDigest } from './durable-call.js'
import {
  otherArguments,
  type CallIdentity,
  type PendingCall,
  type Settled,
  type SharedSurroundings,
  type Surroundings,
} from './protocol.js'
import { refuseFault } from './refuse-bent.js'
import { Renewals } from './renewals.js'
import { recordedCall, settleCall } from './settle-call.js'
import { freezeValue, thawValue } from './values.js'

export interface CallOptions {
  /** False in a dry run: what is recorded is used, nothing is written. */
  readonly stores: boolean
  readonly shard: string
  readonly report: (use: DurableUse) => void
}

export interface DurableCalls {
  call(definition: DurableDefinition, args: readonly unknown[], options: CallOptions): Promise<unknown>
}

/** @param random for the store's digest key, once a store */
export function createDurableCalls(around: Surroundings, random: (size: number) => Uint8Array): DurableCalls {
  return new Calls(around, random)
}

interface Flight {
  readonly identity: CallIdentity
  readonly definition: DurableDefinition
  /** The calls that it waits for. */
  readonly waitsFor: Set<Flight>
  readonly settled: Promise<Settled>
}

const LONGEST_LABEL = 120

/**
 * The calls that an async context is inside of, innermost first. Holds nothing itself. One for all: each that was ever used would cost every promise of
 * the process a little more, for good.
 */
const callsWithin = new AsyncLocalStorage<readonly Flight[]>()

class Calls implements DurableCalls {
  readonly #around: SharedSurroundings
  readonly #random: (size: number) => Uint8Array
  readonly #inFlight = new Map<string, Flight>()
  #key: Promise<Uint8Array> | undefined

  constructor(around: Surroundings, random: (size: number) => Uint8Array) {
    const renewals = new Renewals(around.clock, around.leaseMs)
    this.#around = { ...around, renewals, admitStore: askedOnce(around.admitStore) }
    this.#random = random
  }

  async call(definition: DurableDefinition, args: readonly unknown[], options: CallOptions): Promise<unknown> {
    const identity = await this.#identify(definition, args, options)
    const within = callsWithin.getStore() ?? []
    const flying = this.#inFlight.get(identity.id)
    const how = flying === undefined ? undefined : ('waited' as const)
    if (flying !== undefined && flying.identity.args !== identity.args)
      throw otherArguments({ name: definition.name, label: identity.label, args: flying.identity.args }, identity)
    const flight = flying ?? this.#start({ definition, args, identity, within, options })
    const caller = within[0]
    if (caller !== undefined) {
      if (within.includes(flight) || reaches(flight, within))
        throw misuse(
          definition.name,
          'it waits for its own key, and would wait for ever. Call it from outside, or give the inner call another key',
        )
      caller.waitsFor.add(flight)
    }
    try {
      const settled = await flight.settled
      const use = { name: definition.name, version: definition.version, id: identity.id, how: how ?? settled.how }
      options.report({ ...use, ...(options.shard === '' ? {} : { shard: options.shard }) })
      return thawValue(settled.text)
    } finally {
      caller?.waitsFor.delete(flight)
    }
  }

  #start(given: {
    readonly definition: DurableDefinition
    readonly args: readonly unknown[]
    readonly identity: CallIdentity
    readonly within: readonly Flight[]
    readonly options: CallOptions
  }): Flight {
    const { definition, args, identity, within, options } = given
    const pending: PendingCall = {
      definition,
      identity,
      args,
      shard: options.shard,
      enter: (fn) => callsWithin.run([flight, ...within], fn),
    }
    const settled = options.stores ? settleCall(this.#around, pending) : this.#readOnly(pending)
    const flight: Flight = { identity, definition, waitsFor: new Set(), settled }
    this.#inFlight.set(identity.id, flight)
    const land = (): void => void this.#inFlight.delete(identity.id)
    settled.then(land, land)
    return flight
  }

  async #readOnly(pending: PendingCall): Promise<Settled> {
    const { definition, args, enter } = pending
    const recorded = await recordedCall(this.#around, pending)
    if (recorded !== undefined) return recorded
    const frozen = freezeValue(await enter(() => definition.fn(...args)), this.#around.isSecret)
    if (frozen.kind === 'frozen') return { text: frozen.text, how: 'executed' }
    throw refuseFault(`${definition.name}: its result`, frozen.fault, ', so it cannot be cached')
  }

  /** @throws value-unsupported, before anything was done */
  async #identify(
    definition: DurableDefinition,
    args: readonly unknown[],
    { stores }: CallOptions,
  ): Promise<CallIdentity> {
    const { name, version, key, checked } = definition
    // All of them, whatever the key is made of: the function gets what a later call could be compared with.
    const all = this.#textOf(`${name}: argument`, args)
    const keyText = key === undefined ? all : this.#textOf(`${name}: its key`, key(...args))
    const checkedText = checked === undefined ? all : this.#textOf(`${name}: what it checks`, checked(...args))
    const secret = await this.#digestKey(stores)
    const place = JSON.stringify([this.#around.namespace, name, version, key === undefined ? 'arguments' : 'key'])
    return {
      id: keyedDigest(secret, place, keyText),
      args: keyedDigest(secret, checkedText),
      label: key === undefined ? null : this.#around.redact(keyText).slice(0, LONGEST_LABEL),
    }
  }

  #textOf(what: string, value: unknown): string {
    const canonical = canonicalArguments(value)
    if (canonical.kind === 'text') return canonical.text
    throw refuseFault(what, canonical.fault, ', which cannot be told apart from others; nothing was done')
  }

  /** Read once; a failure is not kept. A store that has none remembers nothing yet: then any key tells the calls of this process apart. */
  #digestKey(create: boolean): Promise<Uint8Array> {
    if (this.#key !== undefined) return this.#key
    const random = this.#random
    const asked = digestKey(this.#around.store, { create, random }).then((found) => found ?? random(32))
    this.#key = asked
    asked.catch(() => {
      this.#key = undefined
    })
    return asked
  }
}

/** Whether a store may be locked with costs requests, and where nobody knows yet many of them: one answer is for all calls. A refusal is not kept. */
function askedOnce(admit: Surroundings['admitStore']): Surroundings['admitStore'] {
  let asked: Promise<void> | undefined
  return (store) => {
    asked ??= admit(store).catch((error: unknown) => {
      asked = undefined
      throw error
    })
    return asked
  }
}

/** Whether a call waits, however indirectly, for one of these. */
function reaches(start: Flight, targets: readonly Flight[], seen = new Set<Flight>()): boolean {
  if (seen.has(start)) return false
  seen.add(start)
  return [...start.waitsFor].some((next) => targets.includes(next) || reaches(next, targets, seen))
}
