// Changes as data and the handlers of their parts come in, changes that can be carried out go out.
// Must not: call a handler; it only says how one would be called.
import { TrueupError } from '../errors.js'
import type { ChangeAction, Json, PlannedChange } from '../event.js'
import type { DeletePolicy } from '../integration.js'
import { jsonForm } from './json-value.js'
import type { Home } from './plan-homes.js'

/** A change, and how it is carried out. */
export interface ExecutableChange {
  readonly change: PlannedChange
  /** Digest of the object as it will be; null after a delete. */
  readonly afterDigest: string | null
  /** The object as the outside system gave it; undefined for a create. */
  readonly before: unknown
  /** The object as a desired item would be that is equal to it; undefined for a create. What is kept for the way back. */
  readonly normalized: Json | undefined
  /** The desired item; undefined for a delete. */
  readonly after: unknown
  /** Calls the handler, and settles when it has. Rejects with what it threw. To be called once at most, in apply mode only. */
  carryOut(signal: AbortSignal): Promise<void>
}

/** One change with the place it came from. */
export interface PlacedChange {
  readonly change: PlannedChange
  readonly home: Home
}

export interface ExecutableInput {
  readonly ordered: readonly PlacedChange[]
  /** Keys of changes that are shown but may never be carried out. */
  readonly notOwned: ReadonlySet<string>
  readonly integration: string
  readonly deletePolicy: DeletePolicy
}

/** @throws TrueupError `plan-invalid` for a change whose action has no handler (an adopt needs none: then the ledger alone keeps the proof) */
export function executable({
  ordered,
  notOwned,
  integration,
  deletePolicy,
}: ExecutableInput): readonly ExecutableChange[] {
  const missing = ordered.filter(
    ({ change, home }) =>
      change.action !== 'adopt' && !notOwned.has(change.key) && home.part.handlers[change.action] === undefined,
  )
  const first = missing[0]
  if (first !== undefined) throw handlerMissing(integration, first.change.action, missing, deletePolicy)

  return ordered.map(({ change, home }) => {
    const { pair, part } = home
    const before = pair.current?.value
    const after = pair.desired?.value
    return {
      change,
      afterDigest: pair.desired?.digest ?? null,
      before,
      normalized:
        pair.current === undefined ? undefined : jsonForm(pair.current.normalized, `current ${change.key}`).json,
      after,
      carryOut: async (signal) => {
        // The limits stop such a plan long before; an object of somebody else's is worth a second wall.
        if (notOwned.has(change.key))
          throw new Error(`Internal error: ${change.key} is not owned and was to be changed`)
        await part.handlers[change.action]?.({ key: change.key, signal, before, after })
      },
    }
  })
}

function handlerMissing(
  integration: string,
  action: ChangeAction,
  missing: readonly PlacedChange[],
  deletePolicy: DeletePolicy,
): TrueupError {
  const keys = missing.filter(({ change }) => change.action === action).map(({ change }) => change.key)
  const shown = keys.slice(0, 3).join(', ') + (keys.length > 3 ? ` and ${String(keys.length - 3)} more` : '')
  const why = action === 'delete' ? ` (its delete policy is ${deletePolicy})` : ''
  return new TrueupError(
    'plan-invalid',
    `${integration} has no ${action} handler, but its plan needs one for ${shown}${why}: give one to ctx.plan() in run()`,
    { details: { action, keys } },
  )
}
