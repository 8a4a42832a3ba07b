// One key in its place and the ledger come in, the key decided goes out: what becomes of it, and the change that is, if any.
// Must not: look at other keys.
import type { DeletePolicy } from '../integration.js'
import type { PlannedChange } from '../event.js'
import { unreachable } from '../util/unreachable.js'
import type { OwnershipEntry, OwnershipView } from './ownership-view.js'
import { caseOf, ownerOf } from './plan-cases.js'
import type { Case } from './plan-cases.js'
import type { Home } from './plan-homes.js'

/** One key, decided. */
export interface Decided {
  readonly home: Home
  readonly verdict: Case
  /** Listed, and belongs to this target. */
  readonly ours: boolean
  /** Digest of the live object; null when it was not seen. */
  readonly live: string | null
}

export interface DecideInput {
  readonly home: Home
  readonly target: string
  readonly deletePolicy: DeletePolicy
  readonly ledger: OwnershipView
  /** Every listing of the home's shard is complete. */
  readonly shardComplete: boolean
  /** Keys that a shard outside this run desires. */
  readonly elsewhere: ReadonlySet<string>
  /** The only keys that this run is about; undefined for all. */
  readonly only: ReadonlySet<string> | undefined
}

/** Asks plan-cases.ts about one key. */
export function decide({ home, target, deletePolicy, ledger, shardComplete, elsewhere, only }: DecideInput): Decided {
  const { pair, part } = home
  const entry = ledger.entryOf(pair.key)
  const live = pair.current?.digest ?? null
  const isReleased = ledger.isReleased({ target, key: pair.key })
  const owner = ownerOf({ target, deletePolicy, entry, isReleased, proof: pair.owned, live })
  const isElsewhere = pair.desired === undefined && elsewhere.has(pair.key)
  // What another shard desires is counted there.
  const ours = pair.current !== undefined && owner.kind === 'ours' && !isElsewhere
  if (only?.has(pair.key) === false) return { home, verdict: { kind: 'outside' }, ours, live }
  const verdict: Case = isElsewhere
    ? { kind: 'others' }
    : caseOf({
        desired: pair.desired !== undefined,
        current: pair.current !== undefined,
        equal: pair.fields.length === 0,
        owner,
        inLedger: entry !== undefined,
        // A create needs its own listing to be whole; a delete all of its shard.
        complete: pair.desired === undefined ? shardComplete : part.diff.complete,
        unreadable: part.diff.unreadable === true,
        deletePolicy,
      })
  return { home, verdict, ours, live }
}

/** The change that a decision is, with its dependencies as given; undefined where nothing is to be done. */
export function changeOf({ home, verdict, live }: Decided): PlannedChange | undefined {
  const { pair } = home
  switch (verdict.kind) {
    case 'create':
    case 'update':
    case 'adopt':
    case 'delete':
    case 'not-owned': {
      const action = verdict.kind === 'not-owned' ? verdict.action : verdict.kind
      return {
        action,
        key: pair.key,
        shard: home.shard === '' ? null : home.shard,
        cause: 'unknown',
        destructive: action === 'delete' || (action === 'update' && pair.destructive),
        fields: pair.fields,
        dependsOn: pair.dependsOn,
        live,
      }
    }
    case 'unchanged':
    case 'not-created':
    case 'held-back':
    case 'left':
    case 'others':
    case 'foreign':
    case 'outside':
      return undefined
    default:
      return unreachable(verdict)
  }
}

/** What the ledger should say of an object that stays as it is; undefined where it says so already, or need not. */
export function confirmationOf(
  { home, verdict, live }: Decided,
  target: string,
  ledger: OwnershipView,
): OwnershipEntry | undefined {
  if (verdict.kind !== 'unchanged') return undefined
  const entry = ledger.entryOf(home.pair.key)
  if (entry?.target !== target || (entry.state === 'owned' && entry.shard === home.shard)) return undefined
  return { key: entry.key, target, shard: home.shard, state: 'owned', digest: live }
}
