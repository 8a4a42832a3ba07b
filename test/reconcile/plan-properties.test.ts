// What must hold for every plan: applying it converges, order means nothing, and nothing is deleted without proof.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DeletePolicy } from '../../src/integration.js'
import { diff } from '../../src/reconcile/diff.js'
import { checkLimits } from '../../src/reconcile/limits.js'
import { listing } from '../../src/reconcile/listing.js'
import { createOwnershipView } from '../../src/reconcile/ownership-view.js'
import type { OwnershipEntry } from '../../src/reconcile/ownership-view.js'
import { buildPlan, planPart } from '../../src/reconcile/plan.js'
import type { BuiltPlan } from '../../src/reconcile/plan.js'
import { digestOf } from '../../src/util/digest.js'

interface Item {
  readonly name: string
  readonly value: number
}
interface World {
  /** Which shard desires which objects: each key once. */
  readonly desired: ReadonlyMap<string, { readonly shard: string; readonly value: number }>
  readonly live: ReadonlyMap<string, { readonly value: number; readonly proof: boolean | undefined }>
  readonly ledger: readonly OwnershipEntry[]
  readonly shards: readonly string[]
  readonly incomplete: ReadonlySet<string>
  readonly policy: DeletePolicy
}

const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
const shardNames = ['', 's', 't']
const value = fc.integer({ min: 0, max: 2 })
const shard = fc.constantFrom(...shardNames)
const perName = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<Map<string, T>> =>
  fc
    .tuple(...names.map(() => fc.option(arbitrary, { nil: undefined })))
    .map(
      (found) =>
        new Map(found.flatMap((one, index) => (one === undefined ? [] : [[names[index] ?? '', one] as const]))),
    )

const world = (policies: readonly DeletePolicy[]): fc.Arbitrary<World> =>
  fc.record({
    desired: perName(fc.record({ shard, value })),
    live: perName(fc.record({ value, proof: fc.constantFrom(true, false, undefined, undefined, undefined) })),
    ledger: perName(
      fc.record({
        target: fc.constantFrom('us', 'us', 'us', 'other'),
        shard,
        state: fc.constantFrom('owned' as const, 'intended' as const),
        value,
      }),
    ).map((found) =>
      [...found].map(([key, { value, ...entry }]) => ({ ...entry, key, digest: digestOf({ name: key, value }) })),
    ),
    shards: fc.constant(shardNames),
    incomplete: fc.subarray(shardNames).map((some) => new Set(some)),
    policy: fc.constantFrom(...policies),
  })

/** Every shard lists everything: the hardest case, since each sees the others' objects. */
function plan(
  given: World,
  { order = (list) => list }: { order?: <T>(list: readonly T[]) => readonly T[] } = {},
): BuiltPlan {
  const all = [...given.live].map(([name, { value }]) => ({ name, value }))
  return buildPlan({
    target: 'us',
    destination: 'there',
    integration: 'tool',
    deletePolicy: given.policy,
    ledger: createOwnershipView(order(given.ledger)),
    shards: order(given.shards).map((shard) => ({
      shard,
      removed: false,
      desiredEmpty: false,
      parts: [
        planPart(
          diff<Item, Item>({
            desired: order(
              [...given.desired].filter(([, one]) => one.shard === shard).map(([name, { value }]) => ({ name, value })),
            ),
            current: given.incomplete.has(shard) ? listing.incomplete(order(all), 'half') : listing.whole(order(all)),
            key: ({ name }) => name,
            owned: ({ name }) => given.live.get(name)?.proof,
          }),
          { create: () => undefined, update: () => undefined, delete: () => undefined },
        ),
      ],
    })),
  })
}

/** The world after everything in the plan that may be carried out was. */
function applied(given: World, built: BuiltPlan): World {
  const blocked = new Set(built.facts.shards.flatMap(({ notOwned }) => notOwned.map(({ key }) => key)))
  const live = new Map(given.live)
  const ledger = new Map(given.ledger.map((entry) => [entry.key, entry]))
  for (const { key } of built.forget) ledger.delete(key)
  for (const entry of built.confirm) ledger.set(entry.key, entry)
  for (const { change, after, afterDigest } of built.changes) {
    if (blocked.has(change.key)) continue
    if (change.action === 'delete') {
      live.delete(change.key)
      ledger.delete(change.key)
    } else {
      live.set(change.key, { value: (after as Item).value, proof: undefined })
      ledger.set(change.key, {
        key: change.key,
        target: 'us',
        shard: change.shard ?? '',
        state: 'owned',
        digest: afterDigest,
      })
    }
  }
  return { ...given, live, ledger: [...ledger.values()] }
}

const policies: readonly DeletePolicy[] = ['never', 'owned', 'all']
const runs = { numRuns: 400 }

describe('every plan', () => {
  it('converges: once carried out, only what it may not touch is left', () => {
    fc.assert(
      fc.property(world(policies), (given) => {
        const first = plan(given)
        const after = applied(given, first)
        const second = plan(after)
        const blocked = second.facts.shards.flatMap(({ notOwned }) => notOwned.map(({ key }) => key))
        expect(second.data.changes.map(({ key }) => key).sort()).toEqual([...blocked].sort())
        expect(second.forget).toEqual([])
        expect(second.confirm).toEqual([])
        // Everything desired and not blocked is as it should be, unless an incomplete listing hid it.
        const withheld = new Set(second.facts.shards.flatMap(({ incomplete }) => incomplete?.notCreated ?? []))
        for (const [name, { value }] of given.desired) {
          if (!blocked.includes(name) && !withheld.has(name)) expect(after.live.get(name)?.value).toBe(value)
        }
      }),
      runs,
    )
  })

  it('is the same in whatever order things are given', () => {
    fc.assert(
      fc.property(world(policies), (given) => {
        const one = plan(given)
        const other = plan(given, { order: (list) => [...list].reverse() })
        expect(other.data).toEqual(one.data)
        expect(other.facts).toEqual(one.facts)
        expect(other.forget).toEqual(one.forget)
      }),
      runs,
    )
  })

  it('deletes nothing on an incomplete listing, and never what any shard desires', () => {
    fc.assert(
      fc.property(world(policies), (given) => {
        for (const change of plan(given).data.changes) {
          if (change.action !== 'delete') continue
          expect(given.incomplete.has(change.shard ?? '')).toBe(false)
          expect(given.desired.has(change.key)).toBe(false)
        }
      }),
      runs,
    )
  })

  it('deletes nothing without proof under `owned`, nothing of another target under any policy, nothing under `never`', () => {
    fc.assert(
      fc.property(world(policies), (given) => {
        const ledger = createOwnershipView(given.ledger)
        for (const { action, key, shard, live } of plan(given).data.changes) {
          if (action !== 'delete') continue
          expect(given.policy).not.toBe('never')
          const entry = ledger.entryOf(key)
          const valid = entry !== undefined && (entry.state === 'owned' || entry.digest === live) ? entry : undefined
          expect(valid?.target).not.toBe('other')
          if (given.policy !== 'owned') continue
          const proof = given.live.get(key)?.proof
          expect(
            proof === true || (proof === undefined && valid?.target === 'us' && valid.shard === (shard ?? '')),
          ).toBe(true)
        }
      }),
      runs,
    )
  })

  it('deletes no more than it owns, so that percentages mean something', () => {
    fc.assert(
      fc.property(world(policies), (given) => {
        const { data, facts } = plan(given)
        for (const { deletes, owned, known } of facts.shards) {
          expect(deletes).toBeLessThanOrEqual(owned)
          expect(owned).toBeLessThanOrEqual(known)
        }
        expect(facts.shards.reduce((sum, { owned }) => sum + owned, 0)).toBe(data.summary.of)
        expect(facts.shards.reduce((sum, { deletes }) => sum + deletes, 0)).toBe(data.summary.delete)
        expect(facts.shards.reduce((sum, { changes }) => sum + changes, 0)).toBe(data.changes.length)
      }),
      runs,
    )
  })

  it('is allowed by exactly the flags that its blocked checks name', () => {
    fc.assert(
      fc.property(world(policies), value, (given, percentFrom) => {
        const { facts } = plan(given)
        const settings = { maxDeletes: '10%', maxChanges: '50%', percentFrom }
        const asked = checkLimits(facts, settings, {}).flatMap(({ blocked, allow }) =>
          blocked && allow !== null ? [allow] : [],
        )
        const amount = (flag: string): number | undefined => {
          const found = asked.find((one) => one.startsWith(`${flag} `))
          return found === undefined ? undefined : Number(found.slice(flag.length))
        }
        const overrides = {
          maxDeletes: amount('--max-deletes'),
          maxChanges: amount('--max-changes'),
          ...(asked.includes('--allow-empty') ? { allowEmpty: true } : {}),
        }
        expect(
          checkLimits(facts, settings, overrides).filter(({ blocked, allow }) => blocked && allow !== null),
        ).toEqual([])
      }),
      runs,
    )
  })
})
