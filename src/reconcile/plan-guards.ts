// What an integration's limits say about single objects and about the result comes in, what they found goes out.
// Must not: swallow an error of theirs: a guard that cannot be asked stops the plan.
import { toError, TrueupError } from '../errors.js'

/** Whether an object (as the outside system holds it) must never be deleted. */
export type Protect = (current: unknown) => boolean

/** Says what is wrong with the state as it would be, or undefined. */
export type Invariant = (resulting: readonly unknown[]) => string | undefined

/** @throws TrueupError `plan-invalid` when the guard throws */
export function isProtected(protect: Protect | undefined, key: string, current: unknown): boolean {
  try {
    return protect?.(current) === true
  } catch (thrown) {
    const error = toError(thrown)
    throw new TrueupError('plan-invalid', `limits.protect failed on ${key}: ${error.message}`, {
      cause: error,
      details: { key },
    })
  }
}

/** What the invariants said, in their order. @throws TrueupError `plan-invalid` when one throws */
export function brokenInvariants(invariants: readonly Invariant[], resulting: readonly unknown[]): readonly string[] {
  return invariants.flatMap((invariant, position) => {
    try {
      return invariant(resulting) ?? []
    } catch (thrown) {
      const error = toError(thrown)
      const place = `limits.invariants[${String(position)}]`
      throw new TrueupError('plan-invalid', `${place} failed: ${error.message}`, { cause: error, details: { place } })
    }
  })
}
