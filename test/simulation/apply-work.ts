// Whole applies by processes that die, freeze and race, each with a desired state of its own. Always: an effect starts under a lease that nobody else has
// and after its intent; tokens and counters only rise; a mark is completed only for what was applied; ownership tells what is there; the index of the
// shards names each that has a document; a skip is right.
import { defineIntegration, diff, listing } from '../../src/index.js'
import type { ChangeAction, RunEvent } from '../../src/event.js'
import type { State } from '../../src/durable-types.js'
import type { Integration } from '../../src/integration.js'
import type { JournalEntry } from '../../src/store/journal.js'
import type { Heartbeat, ShardLease } from '../../src/store/lease-documents.js'
import type { LedgerShard } from '../../src/store/ledger.js'
import type { ApplyMark } from '../../src/store/marks.js'
import { shardIndexKey } from '../../src/store/shard-index.js'
import { applyOnce } from './apply-once.js'
import { LEASE_MS, type Room, type Seen, type Work } from './machine-room.js'
import type { SimulatedProcess } from './scheduler.js'
import { desiredOne, same, shardOf, text, type Thing } from './desired-things.js'

interface Documents {
  readonly 'apply-mark': ApplyMark
  readonly ownership: LedgerShard
  readonly lease: ShardLease
  readonly state: { readonly key: string; readonly value: number }
}

const INDEX = shardIndexKey({ target: 'things', destination: 'things' })

export function applyWork({ sharded }: { readonly sharded: boolean }): Work {
  const world = new Map<string, Thing>()
  /** Changes that have landed, of each run. */
  const landed = new Map<string, Set<string>>()
  /** What a run has planned: shard → keys. */
  const planned = new Map<string, ReadonlyMap<string, readonly string[]>>()
  /** Landed when its run had lost its lease already: nobody can own or undo what nobody knows to be on its way. */
  const late = new Set<string>()
  /** Runs that gave their lease back themselves. */
  const released = new Set<string>()
  /** What a process is at. */
  const runOf = new Map<SimulatedProcess, string>()
  const desiredOf = new Map<string, readonly Thing[]>()
  const welcomed = new Map<string, number>()
  /** Updates of the state "made", by handlers. */
  const counts = { begun: 0, acknowledged: 0 }

  const documentsOf = <K extends keyof Documents>(room: Room, kind: K): readonly Documents[K][] =>
    [...room.documents].flatMap(([key, seen]) =>
      seen.kind === kind && key !== INDEX ? [seen.payload as Documents[K]] : [],
    )
  const intentOf = (room: Room, run: string, key: string): JournalEntry | undefined =>
    [...room.documents].flatMap(([place, { payload }]) =>
      place.startsWith(`journal/${run}/`) && (payload as JournalEntry).key === key ? [payload as JournalEntry] : [],
    )[0]

  async function effect(
    room: Room,
    process: SimulatedProcess,
    run: string,
    action: ChangeAction,
    thing: Thing,
  ): Promise<void> {
    const { scheduler, network } = room
    const { name } = thing
    scheduler.note(process.name, `starts ${action} ${name} of ${run}`)
    if (!room.documents.has(`heartbeats/${run}`))
      room.violated(`${action} ${name} starts although run ${run} has no lease any more`)
    if (intentOf(room, run, name)?.state !== 'intent')
      room.violated(`${action} ${name} of run ${run} starts without an intent in the journal`)
    if (!network.calm && scheduler.likely(0.05)) throw new Error('refused')
    if (!network.calm && scheduler.likely(0.3)) {
      network.underWay += 1
      await scheduler.wait(
        undefined,
        `${process.name} ${action} ${name} on its way`,
        scheduler.likely(0.15) ? 9_000 * scheduler.chance() : 30,
      )
      network.underWay -= 1
    }
    scheduler.note(process.name, `${action} ${name} has happened`)
    if (action === 'delete') world.delete(name)
    else world.set(name, thing)
    if (!room.documents.has(`heartbeats/${run}`)) late.add(name)
    landed.set(run, (landed.get(run) ?? new Set()).add(name))
    await scheduler.wait(
      process,
      'effect answered',
      network.calm ? 1 : scheduler.likely(0.05) ? 7_000 * scheduler.chance() : 20,
    )
  }

  function integrationOf(room: Room, process: SimulatedProcess): Integration {
    return defineIntegration<Thing[], Thing, 'owned'>({
      name: 'things',
      version: '1',
      inputs: ['data/*.json'],
      deletePolicy: 'owned',
      desiredState: async (ctx) => (await ctx.source.loadAll('data/*.json')).flat() as unknown as Thing[],
      ...(sharded
        ? {
            shards: (desired: Thing[]) =>
              new Map(['a', 'b'].map((shard) => [shard, desired.filter(({ name }) => shardOf(name) === shard)])),
          }
        : {}),
      run: async (ctx, desired) => {
        await room.scheduler.wait(process, '', 5)
        if (room.scheduler.likely(0.3)) await ctx.state.update('plans', (count?: unknown) => Number(count ?? 0) + 1)
        const items = [...world.values()].filter(({ name }) => name.startsWith(ctx.shard))
        const current = await listing.fromPages(() => Promise.resolve({ items }))
        const welcome = ctx.durable(
          'welcome',
          { idempotent: true, onDoubt: (name: string) => ((welcomed.get(name) ?? 0) > 0 ? { done: name } : 'absent') },
          async (name: string) => {
            const times = (welcomed.get(name) ?? 0) + 1
            welcomed.set(name, times)
            if (times > 1) room.violated(`${name} was welcomed ${String(times)} times`)
            await room.scheduler.wait(process, 'welcomed', 10)
            return name
          },
        )
        const countMade = async (state: State): Promise<void> => {
          counts.begun += 1
          await state.update('made', (count?: unknown) => Number(count ?? 0) + 1)
          counts.acknowledged += 1
        }
        return ctx.plan(diff({ desired, current, key: (thing) => thing.name }), {
          create: async ({ after }) => {
            await effect(room, process, runOf.get(process) ?? '', 'create', after)
            if (room.scheduler.likely(0.5)) await welcome(after.name)
            if (room.scheduler.likely(0.5)) await countMade(ctx.state)
          },
          update: ({ after }) => effect(room, process, runOf.get(process) ?? '', 'update', after),
          delete: ({ before }) => effect(room, process, runOf.get(process) ?? '', 'delete', before),
        })
      },
    })
  }

  async function apply(
    room: Room,
    process: SimulatedProcess,
    desired: readonly Thing[],
    signals: { readonly stop: AbortSignal; readonly giveUp: AbortSignal },
  ): Promise<{ readonly exitCode: number | null; readonly changes: number }> {
    let run = ''
    const skips = !room.network.calm && room.scheduler.likely(0.5)
    const newId = (): string => {
      const id = room.newId()
      if (run !== '') return id
      run = id
      desiredOf.set(run, desired)
      runOf.set(process, run)
      return id
    }
    const report = (event: RunEvent): void => {
      if (event.kind === 'planned') {
        const keys = new Map<string, string[]>()
        // What is adopted is there already: nothing is to happen.
        const effects = event.plan.changes.filter(({ action }) => action !== 'adopt')
        for (const { key, shard } of effects) keys.set(shard ?? '', [...(keys.get(shard ?? '') ?? []), key])
        planned.set(run, keys)
      }
      if (event.kind === 'decided' && event.decision.action === 'skip') checkSkip(room, desired)
    }
    const record = await applyOnce({
      room,
      process,
      signals,
      newId,
      report,
      desired,
      base: skips ? 'last-applied' : null,
      integration: integrationOf(room, process),
    })
    room.scheduler.note(process.name, `run ${run} ends with ${String(record.exitCode)} ${record.error?.code ?? ''}`)
    const { code } = record.error ?? {}
    // What came late belongs to nobody, and stands in the way of who wants it otherwise.
    const isInTheWay = record.exitCode === 3 && late.size > 0
    if (
      code === undefined &&
      record.exitCode !== 0 &&
      !isInTheWay &&
      record.outcomes.every(({ result }) => result === 'applied')
    )
      room.violated(`run ${run} ended with ${String(record.exitCode)} for no reason`)
    if (record.error?.message.includes('Internal error') === true) room.violated(record.error.message)
    return { exitCode: record.exitCode, changes: record.outcomes.length }
  }

  /** Only where nothing is under way, by marks and by what was late, the world can be told. */
  function checkSkip(room: Room, desired: readonly Thing[]): void {
    const marks = documentsOf(room, 'apply-mark')
    if (late.size > 0 || marks.some(({ status, run }) => status !== 'completed' || desiredOf.get(run) !== desired))
      return
    if (!same([...world.values()], desired))
      room.violated(`skipped, but there is ${text([...world.values()])} and not ${text(desired)}`)
  }

  /** Who decides a skip reads no other document than those of the shards that it names. */
  function checkIndex(room: Room, key: string, now: Seen | undefined, before: Seen | undefined): void {
    const shardsOf = (seen: Seen | undefined): readonly string[] =>
      seen === undefined ? [] : (seen.payload as { readonly shards: readonly string[] }).shards
    if (key === INDEX) {
      const lost = shardsOf(before).filter((shard) => !shardsOf(now).includes(shard))
      if (lost.length > 0) room.violated(`the index of the shards forgets ${lost.join(', ')}`)
    } else if (now?.kind === 'apply-mark' || now?.kind === 'ownership') {
      const { shard } = now.payload as { readonly shard: string }
      if (!shardsOf(room.documents.get(INDEX)).includes(shard))
        room.violated(`${key} is there, but the index of the shards does not name it`)
    }
  }

  function checkMark(room: Room, now: ApplyMark, before: ApplyMark | undefined): void {
    const name = `mark of ${now.shard === '' ? 'all' : now.shard}`
    if (now.counter < (before?.counter ?? 0)) room.violated(`the counter of the ${name} fell`)
    if ((now.fence ?? 0) < (before?.fence ?? 0)) room.violated(`the token of the ${name} fell`)
    if (now.status !== 'completed') return
    const open = (planned.get(now.run)?.get(now.shard) ?? []).filter((key) => landed.get(now.run)?.has(key) !== true)
    if (open.length > 0)
      room.violated(`the ${name} is completed, but ${open.join(', ')} of run ${now.run} has not happened`)
  }

  function checkLedger(room: Room, now: LedgerShard, before: LedgerShard | undefined): void {
    if ((now.fence ?? 0) < (before?.fence ?? 0)) room.violated(`the token of the ledger of ${now.shard} fell`)
    for (const [key, { state, run }] of Object.entries(now.objects)) {
      if (state === 'owned' && ![...landed.values()].some((keys) => keys.has(key)))
        room.violated(`run ${run} owns ${key}, which nobody made`)
    }
    for (const key of Object.keys(before?.objects ?? {})) {
      if (now.objects[key] === undefined && world.has(key) && !late.has(key))
        room.violated(`the ledger forgets ${key}, which is there`)
    }
  }

  function written(
    key: string,
    now: Seen | undefined,
    before: Seen | undefined,
    room: Room,
    by: SimulatedProcess,
  ): void {
    const [folder, name = ''] = key.split('/')
    if (folder === 'heartbeats' && now !== undefined) released.delete(name)
    if (folder === 'heartbeats' && now === undefined && runOf.get(by) === name) released.add(name)
    if (folder === 'heartbeats' && now === undefined && before !== undefined) {
      const holder = before.payload as Heartbeat
      if (holder.pid !== by.pid && !room.isOver(holder, before.at))
        room.violated(`${by.name} ends the lease of run ${name}, which lives`)
    }
    checkIndex(room, key, now, before)
    if (now?.kind === 'apply-mark' && key !== INDEX)
      checkMark(room, now.payload as ApplyMark, before?.payload as ApplyMark | undefined)
    if (now?.kind === 'ownership')
      checkLedger(room, now.payload as LedgerShard, before?.payload as LedgerShard | undefined)
    if (now?.kind === 'state') {
      const is = now.payload as Documents['state']
      const was = (before?.payload as Documents['state'] | undefined)?.value ?? 0
      if (is.value <= was || (is.key === 'made' && is.value !== was + 1))
        room.violated(`the state ${is.key} was ${String(was)} and is ${String(is.value)}`)
    }
    if (now?.kind === 'lease') {
      const [is, was] = [now.payload as ShardLease, before?.payload as ShardLease | undefined]
      const isNew = is.run !== null && is.run !== was?.run
      if (isNew && is.token <= (was?.token ?? 0))
        room.violated(`run ${is.run} took the shard ${is.shard} without a higher token`)
      if (isNew && was !== undefined && was.run !== null && room.documents.has(`heartbeats/${was.run}`))
        room.violated(`run ${is.run} took the shard ${is.shard} from run ${was.run}, which lives`)
    }
  }

  return {
    async live(process, room, signals) {
      const { scheduler } = room
      for (let turn = 0; turn < 2 && !signals.stop.aborted; turn += 1) {
        await scheduler.wait(process, '', scheduler.chance() * 4_000)
        await apply(room, process, desiredOne(scheduler), signals)
      }
    },
    written,
    sent(key, room, by) {
      const run = runOf.get(by) ?? ''
      if (/^(marks|ownership|journal)\//.test(key) && released.has(run))
        room.violated(`${key} is written by run ${run}, which has given its lease back`)
    },
    async last(room, process) {
      const never = { stop: new AbortController().signal, giveUp: new AbortController().signal }
      await room.scheduler.wait(process, '', LEASE_MS * 3)
      const desired = desiredOne(room.scheduler)
      // What is in doubt or was orphaned is found by the first, and there is nothing left to do for the second.
      const first = await apply(room, process, desired, never)
      if (first.exitCode === 3 && late.size > 0) return
      if (first.exitCode !== 0) room.violated(`in calm, an apply ends with ${String(first.exitCode)}`)
      const again = await apply(room, process, desired, never)
      if (again.exitCode !== 0 || again.changes > 0)
        room.violated(
          `in calm, a second apply ends with ${String(again.exitCode)} and ${String(again.changes)} changes`,
        )
      const left = [...world.values()].filter(
        ({ name }) => !late.has(name) || desired.some((thing) => thing.name === name),
      )
      if (!same(left, desired)) room.violated(`at the end there is ${text(left)} and not ${text(desired)}`)
      const made = documentsOf(room, 'state').find(({ key }) => key === 'made')?.value ?? 0
      if (made < counts.acknowledged || made > counts.begun)
        room.violated(
          `at the end the state says ${String(made)}, of ${String(counts.acknowledged)} acknowledged and ${String(counts.begun)} begun`,
        )
      const owned = documentsOf(room, 'ownership').flatMap(({ objects }) => Object.keys(objects))
      if (
        owned.sort().join() !==
        desired
          .map(({ name }) => name)
          .sort()
          .join()
      )
        room.violated(`at the end ${owned.join(', ')} are owned, and not ${text(desired)}`)
      if (documentsOf(room, 'apply-mark').some(({ status }) => status !== 'completed'))
        room.violated('at the end a mark is not completed')
      if (documentsOf(room, 'lease').some(({ run }) => run !== null)) room.violated('at the end a shard is leased')
    },
  }
}
