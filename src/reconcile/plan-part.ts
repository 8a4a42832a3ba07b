// A diff and its handlers come in, the opaque value that run() returns goes out; the engine alone reads it again.
// Must not: decide anything, or call a handler.
import { TrueupError } from '../errors.js'
import type { DeletePolicy, Diff, Handlers, Plan } from '../integration.js'
import { isDiff } from './diff.js'

/** How one kind of change is carried out, whatever its types were. */
export type AnyHandler = (change: {
  readonly key: string
  readonly signal: AbortSignal
  readonly before: unknown
  readonly after: unknown
}) => Promise<void> | void

/** The actions an integration can carry out; a missing one is an action that its plans cannot contain. */
export interface AnyHandlers {
  readonly create?: AnyHandler
  readonly update?: AnyHandler
  readonly delete?: AnyHandler
  readonly adopt?: AnyHandler
}

/** What is inside a plan that `run()` returned. */
export interface PlanPart {
  readonly diff: Diff<unknown, unknown>
  readonly handlers: AnyHandlers
}

/** Shared by all copies of this module. */
const content = Symbol.for('trueup.plan-part')

const actions = ['create', 'update', 'delete', 'adopt'] as const

/**
 * What `ctx.plan` does: ties a diff to the functions that can carry its changes out.
 *
 * @throws TrueupError `plan-invalid`: a diff that `diff()` did not make, a handler that is no function or has no such action
 */
export function planPart<E, C, P extends DeletePolicy>(diff: Diff<E, C>, handlers: Handlers<E, C, P>): Plan<C> {
  if (!isDiff(diff)) {
    throw new TrueupError(
      'plan-invalid',
      'ctx.plan() takes what diff({ desired, current, key, normalize }) gives as its first argument',
    )
  }
  const given: Readonly<Record<string, unknown>> = { ...handlers }
  for (const [name, handler] of Object.entries(given)) {
    if (!actions.some((action) => action === name)) {
      throw new TrueupError(
        'plan-invalid',
        `ctx.plan() got a handler called "${name}"; the actions are ${actions.join(', ')}`,
      )
    }
    if (handler !== undefined && typeof handler !== 'function') {
      throw new TrueupError('plan-invalid', `ctx.plan() got a "${name}" that is not a function but ${typeof handler}`)
    }
  }
  const plan: Plan<C> = { kind: 'plan' }
  // The author's types were checked against the diff's; from here on nobody needs them.
  const part: PlanPart = { diff, handlers: given }
  Object.defineProperty(plan, content, { value: part })
  return Object.freeze(plan)
}

/** @throws TrueupError `plan-invalid` for anything that `ctx.plan()` did not give */
export function readPlanPart(value: unknown): PlanPart {
  if (typeof value === 'object' && value !== null && Object.hasOwn(value, content)) {
    return (value as { readonly [content]: PlanPart })[content]
  }
  const found =
    value === undefined
      ? 'undefined (a forgotten return?)'
      : value === null
        ? 'null'
        : `a value of type ${typeof value}`
  throw new TrueupError(
    'plan-invalid',
    `run() must return what ctx.plan(...) gives, or a list of them, but gave ${found}`,
  )
}
