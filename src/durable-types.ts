// Words for what is remembered between runs: durable functions and state, as an author sees them, and how a run tells of them.
// Type declarations only: nothing here runs.
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Json } from './event.js'

/** What a probe found: the effect has happened and this is its result, it has not happened, or nobody can tell. */
export type ProbeAnswer<R> = { readonly done: R } | 'absent' | 'unknown'

interface DurableCommon<A extends readonly unknown[]> {
  /** Raise it when old results must not be returned any more. Results of other versions stay, and are never returned. @defaultValue '1' */
  readonly version?: string
  /** What tells two calls apart, in place of all arguments: a correlation id, a time window, some of the arguments. */
  readonly key?: (...args: A) => unknown
  /**
   * With `key`: what must be the same in every call of one key. A call with other values is a `durable-conflict` error.
   * @defaultValue all arguments
   */
  readonly checked?: (...args: A) => unknown
}

/** The effect happens once a key, for ever; its result is returned to every later call. */
export interface IdempotentOptions<A extends readonly unknown[], R> extends DurableCommon<A> {
  readonly idempotent: true
  readonly cached?: boolean
  readonly ttl?: never
  /**
   * What to do about a call that may have happened: its process ended, or its claim expired, before its result was written.
   * - `stop`: a `durable-in-doubt` error until `trueup doubts resolve`
   * - `retry`: call again; only where the effect itself may happen twice
   * - a function that asks the other side
   * @defaultValue 'stop'
   */
  readonly onDoubt?: 'stop' | 'retry' | ((...args: A) => ProbeAnswer<R> | Promise<ProbeAnswer<R>>)
}

/** The result is used again. Nothing is promised of how often the function is called: it must not have an effect. */
export interface CachedOptions<A extends readonly unknown[]> extends DurableCommon<A> {
  readonly idempotent?: false
  readonly cached: true
  /** How long a result is used: `90s`, `30m`, `1h`, `1d`. @defaultValue for ever */
  readonly ttl?: string
  readonly onDoubt?: never
}

export type DurableOptions<A extends readonly unknown[], R> = IdempotentOptions<A, R> | CachedOptions<A>

/**
 * Makes a durable function of `fn`: same arguments, and what it returned the first time, read back from the store also then.
 * Register each (name, version) once, outside of loops and handlers.
 *
 * Its calls reject with `value-unsupported` (an argument or a result that cannot be stored exactly; the path is named), `durable-conflict` (same key,
 * other arguments), `durable-in-doubt`, `durable-busy` (another process is at it, for longer than is waited), `durable-misuse` (it awaits its own key),
 * `lease-lost`, errors of the store, and with what `fn` threw, which is never stored.
 */
export type Durable = <A extends readonly unknown[], R>(
  name: string,
  options: DurableOptions<A, R>,
  fn: (...args: A) => R | Promise<R>,
) => (...args: A) => Promise<R>

/** How one call of a durable function was answered. `waited`: another caller of the same key was at it. */
export type DurableAnswer = 'executed' | 'cache-hit' | 'idempotent-hit' | 'waited'

/** One call of a durable function in a run. */
export interface DurableUse {
  readonly name: string
  readonly version: string
  /** Its id, as `trueup durable list` and `trueup doubts` show it: 64 hex digits. */
  readonly id: string
  readonly how: DurableAnswer
  readonly shard?: string
}

/** Calls of durable functions in one run: all counts, and the first 500 calls. */
export interface DurableSummary {
  readonly counts: Readonly<Record<DurableAnswer, number>>
  readonly calls: readonly DurableUse[]
}

/** One key of a target's state as a plan would leave it. Without `value` it would be forgotten. */
export interface Remembered {
  readonly key: string
  readonly value?: Json
}

/** One page of keys. */
export interface StatePage {
  readonly keys: readonly string[]
  /** Give it as `after` for the next page; undefined after the last one. */
  readonly next: string | undefined
}

type AnyJson = StandardSchemaV1<unknown, Json>

/**
 * What this target remembers at its destination, by key (1 to 500 characters). Values are JSON; any other value is a `value-unsupported` error. With a
 * schema they are checked when written and when read (`state-invalid`).
 *
 * While planning, writes are kept aside and shown in the plan as "would remember". An apply stores them once its plan is approved, before its first
 * change; a dry run, a blocked or a failed plan forgets them. Handlers write at once.
 */
export interface State {
  get<S extends StandardSchemaV1 = AnyJson>(
    key: string,
    schema?: S,
  ): Promise<StandardSchemaV1.InferOutput<S> | undefined>
  set<S extends StandardSchemaV1 = StandardSchemaV1<Json, Json>>(
    key: string,
    value: StandardSchemaV1.InferInput<S>,
    schema?: S,
  ): Promise<void>
  delete(key: string): Promise<void>
  /** Keys that begin with exactly `prefix`, in code-unit order. `limit` @defaultValue 1000 */
  list(prefix?: string, options?: { readonly after?: string; readonly limit?: number }): Promise<StatePage>
  /**
   * Compare and set: `fn` gets the present value and gives the next one, undefined to forget it. Called again when somebody else was quicker.
   * Returns what is kept then.
   */
  update<S extends StandardSchemaV1 = StandardSchemaV1<Json, Json>>(
    key: string,
    fn: (
      current: StandardSchemaV1.InferOutput<S> | undefined,
    ) => StandardSchemaV1.InferInput<S> | undefined | Promise<StandardSchemaV1.InferInput<S> | undefined>,
    schema?: S,
  ): Promise<StandardSchemaV1.InferOutput<S> | undefined>
}
