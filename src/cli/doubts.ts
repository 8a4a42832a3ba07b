// All that nobody knows the outcome of: durable calls in doubt, and changes. In: a store. Out: one list, newest first.
import { listCalls, type ListedCall } from '../durable/list-calls.js'
import type { ObjectStore } from '../store/object-store.js'
import { unknownChanges, type UnknownChange } from '../store/unknown-changes.js'
import { isDead } from './process-context.js'

export type Doubt =
  | { readonly kind: 'durable'; readonly id: string; readonly at: number; readonly listed: ListedCall }
  | { readonly kind: 'change'; readonly id: string; readonly at: number; readonly change: UnknownChange }

export async function listDoubts(store: ObjectStore): Promise<readonly Doubt[]> {
  const calls = (await listCalls({ store, isDead })).filter(({ state }) => state === 'in-doubt')
  const changes = await unknownChanges(store, isDead)
  return [
    ...calls.map((listed): Doubt => ({ kind: 'durable', id: listed.id, at: listed.call.claim.at, listed })),
    ...changes.map((change): Doubt => ({ kind: 'change', id: change.id, at: change.run.startedAt, change })),
  ].sort((a, b) => b.at - a.at)
}

/** `create-account "ann"` or `update example.com/www/A`; of a call outside of runs, which no target tells apart, also the namespace: `charge of billing`. */
export function doubtName(doubt: Doubt): string {
  if (doubt.kind === 'change') return `${doubt.change.outcome.action} ${doubt.change.outcome.key}`
  const { name, version, label, claim, namespace } = doubt.listed.call
  const where = claim.target === null ? ` of ${namespace}` : ''
  return `${name}${version === '1' ? '' : ` (version ${version})`}${label === null ? '' : ` ${label}`}${where}`
}
