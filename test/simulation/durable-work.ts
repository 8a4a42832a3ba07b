// Durable functions called by processes that die and freeze. Always: an idempotent effect happens at most once and after its claim was written; whoever
// got an answer got the one answer; what is done stays as it is; what nobody saw the end of is listed.
import { defineDurable, type DurableDefinition } from '../../src/durable/definition.js'
import type { DurableCall } from '../../src/durable/durable-call.js'
import { createDurableCalls, type DurableCalls } from '../../src/durable/durable-calls.js'
import { listCalls, resolveCall } from '../../src/durable/list-calls.js'
import { unknownOutcome } from '../../src/durable/protocol.js'
import { isTrueupError } from '../../src/errors.js'
import { LEASE_MS, type Room, type Seen, type Work } from './machine-room.js'
import type { SimulatedProcess } from './scheduler.js'

type Kind = 'stop' | 'probe' | 'cached' | 'both'
const KINDS: readonly Kind[] = ['stop', 'probe', 'cached', 'both']
const NORMAL = ['durable-in-doubt', 'store-unavailable', 'durable-busy', 'outcome-unknown']

interface Effect {
  times: number
  value: string | undefined
  /** Begun, and neither happened nor refused. */
  readonly begun: Set<Begun>
}

interface Begun {
  readonly process: SimulatedProcess
  /** It happens also when its process dies. */
  isSent: boolean
}

/** @param many how many keys, from 0 up to 1 */
export function durableWork(many: number): Work {
  const keys = Array.from({ length: 1 + Math.floor(many * 2) }, (_, index) => `k${String(index)}`)
  // Most seeds meet one kind only, so that processes get in each other's way.
  const kinds = many < 0.75 ? [KINDS[Math.floor(many * 8) % KINDS.length] ?? 'stop'] : KINDS
  const effects = new Map<string, Effect>()
  /** What callers were given, by function and key. */
  const answers = new Map<string, string>()
  let made = 0

  const effectOf = (id: string): Effect => {
    const effect = effects.get(id) ?? { times: 0, value: undefined, begun: new Set() }
    effects.set(id, effect)
    return effect
  }

  function happen(kind: Kind, key: string, process: SimulatedProcess, world: Room): string {
    const id = `${kind} ${key}`
    const effect = effectOf(id)
    effect.times += 1
    made += 1
    const value = `${id} #${String(made)}`
    effect.value ??= value
    world.scheduler.note(process.name, `effect ${id}, time ${String(effect.times)}`)
    if (kind === 'cached') return value
    if (effect.times > 1) world.violated(`the effect of ${id} happened ${String(effect.times)} times`)
    const calls = callsOf(world, id)
    if (!calls.some(({ state }) => state !== 'failed')) world.violated(`the effect of ${id} happened without a claim`)
    return value
  }

  function definitionOf(kind: Kind, process: SimulatedProcess, world: Room): DurableDefinition {
    const { scheduler } = world
    const onDoubt = kind === 'probe' ? probe : ('stop' as const)
    const options = {
      key: (key: string) => key,
      ...(kind === 'cached'
        ? { cached: true as const }
        : { idempotent: true as const, cached: kind === 'both', onDoubt }),
    }
    function probe(key: string): { readonly done: string } | 'absent' {
      const { value } = effectOf(`${kind} ${key}`)
      return value === undefined ? 'absent' : { done: value }
    }
    return defineDurable(kind, options, async (key: string) => {
      if (
        !callsOf(world, `${kind} ${key}`).some(({ state, claim }) => state === 'claimed' && claim.pid === process.pid)
      )
        world.violated(`${kind} ${key} starts in ${process.name}, which has no claim`)
      const fate = world.network.calm ? 1 : scheduler.chance()
      const { begun } = effectOf(`${kind} ${key}`)
      const mine: Begun = { process, isSent: false }
      if (fate < 0.05) throw new Error('refused before anything happened')
      begun.add(mine)
      // A far end that can be probed is asked in the moment of the effect; the others may be slow to carry it out.
      if (kind !== 'probe' && scheduler.likely(0.4)) {
        await scheduler.wait(process, '', 10)
        world.network.underWay += 1
        mine.isSent = true
        await scheduler.wait(
          undefined,
          `${process.name} effect on its way`,
          scheduler.likely(0.1) ? 9_000 * scheduler.chance() : 30,
        )
        world.network.underWay -= 1
      }
      const value = happen(kind, key, process, world)
      begun.delete(mine)
      await scheduler.wait(
        process,
        'effect answered',
        scheduler.likely(0.1) ? 9_000 * scheduler.chance() : 20 * scheduler.chance(),
      )
      if (fate < 0.1) throw unknownOutcome(new Error('no answer'))
      return value
    })
  }

  function callsIn(
    process: SimulatedProcess,
    world: Room,
    signals: { readonly stop: AbortSignal; readonly giveUp: AbortSignal },
  ): DurableCalls {
    const { scheduler } = world
    return createDurableCalls(
      {
        store: world.storeOf(process),
        namespace: 'simulated',
        clock: scheduler.clockOf(process),
        random: scheduler.chance,
        newId: () => world.newId(),
        claimant: {
          run: null,
          target: null,
          host: process.host,
          pid: process.pid,
          processStart: '',
          url: null,
          actor: null,
        },
        isDead: (claimant) => world.isDead(claimant),
        leaseMs: LEASE_MS,
        waitMs: LEASE_MS * 5,
        ...signals,
        lease: undefined,
        admitStore: () => Promise.resolve(),
        isSecret: undefined,
        redact: (text) => text,
        onWait: () => undefined,
      },
      (size) => Uint8Array.from({ length: size }, () => Math.floor(scheduler.chance() * 256)),
    )
  }

  async function ask(
    calls: DurableCalls,
    kind: Kind,
    key: string,
    process: SimulatedProcess,
    world: Room,
  ): Promise<void> {
    const id = `${kind} ${key}`
    const value = await calls.call(definitionOf(kind, process, world), [key], {
      stores: true,
      shard: '',
      report: () => undefined,
    })
    world.scheduler.note(process.name, `answer ${id}: ${String(value)}`)
    if (typeof value !== 'string') world.violated(`${id} answered ${String(value)}`)
    const before = answers.get(id)
    if (before !== undefined && before !== value) world.violated(`${id} answered ${String(value)} after ${before}`)
    answers.set(id, String(value))
    if (kind !== 'cached' && value !== effectOf(id).value)
      world.violated(`${id} answered ${String(value)}, but its effect gave ${String(effectOf(id).value)}`)
  }

  /** A person ends the doubts of whose truth he can be sure. */
  async function settleDoubts(process: SimulatedProcess, world: Room): Promise<void> {
    const store = world.storeOf(process)
    for (const listed of await listCalls({ store, isDead: (claimant) => world.isDead(claimant) })) {
      if (listed.state !== 'in-doubt') continue
      const { value, begun } = effectOf(idOf(listed.call))
      if ([...begun].some(({ process: by, isSent }) => by.alive || isSent)) continue
      const by = { at: world.scheduler.clockOf(process).now(), actor: null, host: process.host, url: null }
      const resolution = value === undefined ? ({ as: 'absent', by } as const) : ({ as: 'done', value, by } as const)
      const isSettled = await resolveCall(store, listed, resolution)
      world.scheduler.note(
        process.name,
        `${idOf(listed.call)} is ${resolution.as}: ${isSettled ? 'settled' : 'another'}`,
      )
    }
  }

  return {
    async live(process, world, signals) {
      const { scheduler } = world
      const calls = callsIn(process, world, signals)
      const person = async (): Promise<void> => {
        await scheduler.wait(process, '', scheduler.chance() * LEASE_MS * 4)
        await settleDoubts(process, world).catch((thrown: unknown) => {
          if (!isTrueupError(thrown) || thrown.code !== 'store-unavailable') throw thrown
        })
      }
      const one = async (): Promise<void> => {
        await scheduler.wait(process, '', scheduler.chance() * 3_000)
        try {
          await ask(calls, scheduler.pick(kinds), scheduler.pick(keys), process, world)
        } catch (thrown) {
          if (signals.stop.aborted) return
          if (isTrueupError(thrown) && NORMAL.includes(thrown.code)) scheduler.note(process.name, thrown.code)
          else if (!(thrown instanceof Error) || thrown.message !== 'refused before anything happened') throw thrown
        }
      }
      await Promise.all([...Array.from({ length: 3 }, one), ...(scheduler.likely(0.3) ? [person()] : [])])
    },
    written(key, now, before, world, by) {
      if (!isCall(before)) return
      const [was, is] = [before.payload, isCall(now) ? now.payload : undefined]
      if (was.state === 'done' && (is?.state !== 'done' || is.value !== was.value))
        world.violated(`${key} was done and is ${is?.state ?? 'gone'}`)
      if (was.state === 'claimed' && was.claim.pid !== by.pid && !world.isOver(was.claim, before.at))
        world.violated(`${by.name} takes ${key} from ${String(was.claim.pid)}, who is at it`)
    },
    async last(world, process) {
      const never = new AbortController().signal
      const calls = callsIn(process, world, { stop: never, giveUp: never })
      // Claims of the dead end.
      await world.scheduler.wait(process, '', LEASE_MS * 2)
      for (const kind of kinds) {
        for (const key of keys) {
          const id = `${kind} ${key}`
          try {
            await ask(calls, kind, key, process, world)
          } catch (thrown) {
            const isListed = callsOf(world, id).some(({ state }) => state === 'in-doubt')
            if (!isTrueupError(thrown) || thrown.code !== 'durable-in-doubt' || !isListed) throw thrown
            if (kind === 'probe') world.violated(`${id} is in doubt although it can be probed`)
            if (answers.has(id)) world.violated(`${id} was answered and is in doubt`)
          }
        }
      }
    },
  }

  function callsOf(world: Room, id: string): readonly DurableCall[] {
    return [...world.documents.values()].flatMap((seen) =>
      isCall(seen) && idOf(seen.payload) === id ? [seen.payload] : [],
    )
  }
}

function idOf({ name, label }: DurableCall): string {
  return `${name} ${label ?? ''}`.replaceAll('"', '')
}

function isCall(seen: Seen | undefined): seen is Seen & { readonly payload: DurableCall } {
  return seen?.kind === 'durable-call'
}
