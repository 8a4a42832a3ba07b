// Short texts come in, plans of small items go out: `a1` is an item called a with the value 1.
import { expect } from 'vitest'
import type { Handlers, Listing, Plan } from '../../src/integration.js'
import { diff } from '../../src/reconcile/diff.js'
import type { DiffOptions } from '../../src/reconcile/diff.js'
import { listing } from '../../src/reconcile/listing.js'
import { createOwnershipView } from '../../src/reconcile/ownership-view.js'
import type { OwnershipEntry } from '../../src/reconcile/ownership-view.js'
import { buildPlan, planPart } from '../../src/reconcile/plan.js'
import type { BuildPlanInput, BuiltPlan, PlanShard } from '../../src/reconcile/plan.js'
import { digestOf } from '../../src/util/digest.js'

export interface Item {
  readonly name: string
  readonly value: number
}

export const all: Handlers<Item, Item, 'owned'> = {
  create: () => undefined,
  update: () => undefined,
  delete: () => undefined,
}

export interface PartInput extends Partial<DiffOptions<Item, Item>> {
  readonly handlers?: Handlers<Item, Item, 'owned'>
}
/** `a1` is an item called a with the value 1. */
export const items = (text: string): Item[] =>
  text === '' ? [] : text.split(' ').map((word) => ({ name: word.slice(0, -1), value: Number(word.slice(-1)) }))

export function part(desired: string, current: string, { handlers = all, ...options }: PartInput = {}): Plan<Item> {
  return planPart(
    diff<Item, Item>({
      desired: items(desired),
      current: listing.whole(items(current)),
      key: ({ name }) => name,
      ...options,
    }),
    handlers,
  )
}
export const incomplete = (current: string): { readonly current: Listing<Item> } => ({
  current: listing.incomplete(items(current), 'page 2 could not be read'),
})

export const shard = (key: string, ...parts: readonly Plan[]): PlanShard => ({
  shard: key,
  removed: false,
  parts,
  desiredEmpty: false,
})

export const digest = (text: string): string => digestOf(items(text)[0] ?? null)

/** `a`: we own a. `a@other`: another target does. `a/s`: we do, in shard s. `a?1`: intended with value 1. */
export function entries(text: string): OwnershipEntry[] {
  return text === ''
    ? []
    : text.split(' ').map((word) => {
        const [, key = '', place = '', target = 'us', intended] =
          /^(\w+)(?:\/(\w+))?(?:@(\w+))?(?:\?(\d))?$/.exec(word) ?? []
        return intended === undefined
          ? { key, shard: place, target, state: 'owned', digest: null }
          : { key, shard: place, target, state: 'intended', digest: digest(`${key}${intended}`) }
      })
}

export function build(ledger: string, shards: readonly PlanShard[], more: Partial<BuildPlanInput> = {}): BuiltPlan {
  return buildPlan({
    target: 'us',
    destination: 'there',
    integration: 'tool',
    deletePolicy: 'owned',
    shards,
    ledger: createOwnershipView(entries(ledger)),
    ...more,
  })
}

/** `delete a, create b (after a)`, in order. */
export const told = ({ data }: BuiltPlan): string =>
  data.changes
    .map(
      ({ action, key, dependsOn }) =>
        `${action} ${key}${dependsOn.length === 0 ? '' : ` (after ${dependsOn.join(' ')})`}`,
    )
    .join(', ')

export const refused = (text: string): unknown =>
  expect.objectContaining({ code: 'plan-invalid', message: expect.stringContaining(text) as string })
