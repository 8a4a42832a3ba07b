// What an author writes: defineIntegration() and the contexts its functions get.
//
// Words: an **integration** says what an outside system should look like (**desired state**) and returns a **plan** of
// **changes** that bring its **current state** there. A **target** is an integration as configured; its **destination** is
// the place it acts on. A **shard** is a part of the desired state that can be run alone. A change has an **outcome**.
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Exec, Http, Postgres } from './clients.js'
import type { Diff } from './diff-types.js'
import type { Durable, State } from './durable-types.js'
import type { Json } from './event.js'
import type { Related } from './relation-types.js'
import type { SecretRef, SecretReference, Secrets } from './secret.js'

export type { SecretRef, SecretReference, Secrets }

export type { Exec, ExecResult, Http, HttpInit } from './clients.js'

export type { Diff, DiffPair, FieldDifference, Listing } from './diff-types.js'

export type { Related, Relation, RelationContext } from './relation-types.js'

/**
 * What may be deleted. There is no default.
 * - `never`: nothing is ever deleted
 * - `owned`: objects that this target is proven to own
 * - `all`: every listed object that is not desired and not owned by another target
 */
export type DeletePolicy = 'never' | 'owned' | 'all'

export interface Log {
  debug(message: string, fields?: Readonly<Record<string, Json>>): void
  info(message: string, fields?: Readonly<Record<string, Json>>): void
  warn(message: string, fields?: Readonly<Record<string, Json>>): void
  error(message: string, fields?: Readonly<Record<string, Json>>): void
}

/**
 * The files of one revision. Paths start at the repository root, use `/`, and must be covered by the declared `inputs`:
 * any other path is an `undeclared-input` error, because a skip could not know of it.
 */
export interface Source {
  /** Paths that match, sorted by code unit. No match is an empty list. */
  files(globs: string | readonly string[]): Promise<readonly string[]>
  /** A file's bytes as UTF-8 text. A missing file is a `desired-unreadable` error. */
  read(path: string): Promise<string>
  /** A YAML (1.2, core schema) or JSON file, checked by `schema` if given. Errors carry `file:line:column`. */
  load<S extends StandardSchemaV1 = StandardSchemaV1<unknown, Json>>(
    path: string,
    schema?: S,
  ): Promise<StandardSchemaV1.InferOutput<S>>
  /** All files that match, in path order; all errors of all files are told at once. */
  loadAll<S extends StandardSchemaV1 = StandardSchemaV1<unknown, Json>>(
    globs: string | readonly string[],
    schema?: S,
  ): Promise<StandardSchemaV1.InferOutput<S>[]>
  /** The matching files as real files in a private folder, removed at the end of the run. Returns its absolute path. */
  directory(globs: string | readonly string[]): Promise<string>
  /**
   * Asks the data bundle of this revision by GraphQL (of a target with `source: { graphql }`, that endpoint) and gives `data`, frozen; an
   * answer with errors is an error. `inputs` must cover all the data with their schemas: any file of them can become part of an answer.
   * `trueup data types` writes the types and a function for each `.graphql` file beside an integration.
   */
  query<D = Json, V extends object = Readonly<Record<string, Json>>>(
    document: string | QueryDocument<D, V>,
    variables?: V,
  ): Promise<D>
}

/** A parsed GraphQL document that knows the types of its answer and variables: any `TypedDocumentNode`. */
export interface QueryDocument<D, V> {
  readonly kind: 'Document'
  readonly definitions: readonly unknown[]
  readonly __apiType?: (variables: V) => D
}

/**
 * Like Promise.all over `items`, at most `concurrency` at once, results in order. After the first error nothing more is started, and what is under way is waited for.
 * The error names every item that failed: an `AggregateError`; where an item threw an error of trueup, one with its code and that as its `cause`.
 */
export type BoundedMap = <T, R>(items: Iterable<T>, fn: (item: T, index: number) => Promise<R>) => Promise<R[]>

/** `ctx.env(name)`: a declared variable, or undefined when unset. An undeclared name is an `undeclared-env` error. */
export type Env = (name: string) => string | undefined

interface BaseContext<Params> {
  readonly params: Params
  readonly log: Log
  readonly env: Env
  readonly map: BoundedMap
  readonly signal: AbortSignal
}

/** What `desiredState` gets: no clock, no state, no current state. */
export interface DesiredContext<Params> extends BaseContext<Params> {
  readonly source: Source
  readonly secrets: {
    /** A reference to put into desired state in place of a secret's value. */
    reference(path: string, field?: string, version?: string): SecretReference
  }
}

/**
 * What `run` gets. Planning only reads; handlers of the returned plan act. It has no `source`: a skip compares desired state, so a change of a file
 * that only `run` reads would be skipped. What it needs is read in `desiredState` and returned.
 */
export interface RunContext<
  Params,
  R extends readonly SecretRef[],
  P extends DeletePolicy,
> extends BaseContext<Params> {
  readonly dryRun: boolean
  /** Its name, for proofs of ownership. */
  readonly target: string
  /** This shard's key; the empty string for an unsharded target. */
  readonly shard: string
  /**
   * Keys that this target owns in this shard as far as the ledger knows: what must be read to tell whether it is still there,
   * where the outside system is too large to be listed whole.
   */
  readonly owned: ReadonlySet<string>
  readonly secrets: Secrets<R>
  readonly http: Http
  readonly postgres: Postgres
  readonly exec: Exec
  /** Functions whose effect happens once, or whose result is used again. Their namespace is this integration and destination. */
  readonly durable: Durable
  readonly state: State
  /**
   * What `relation()` declared, of one id: loaded once for all shards of a run, in dry runs for all targets of the command too; frozen. A failed load is
   * tried anew by who asks next. While planning only.
   */
  readonly related: Related
  readonly clock: { now(): number }
  /** Turns a diff into a plan: the only way to act. `run` returns what this returns, or a list of them. */
  plan<E, C>(diff: Diff<E, C>, handlers: Handlers<NoInfer<E>, NoInfer<C>, P>): Plan<C>
}

declare const currentType: unique symbol

/** What `ctx.plan()` returns: opaque to authors; the engine reads it. `C` is the type of current objects. */
export interface Plan<C = unknown> {
  readonly [currentType]?: C
  readonly kind: 'plan'
}

interface HandlerCommon {
  readonly key: string
  /** Aborted when the run may start nothing more and its grace period is over. */
  readonly signal: AbortSignal
}
/** How changes are carried out. Called by the engine only, in apply mode only, at most once a change. */
export type Handlers<E, C, P extends DeletePolicy> = {
  create?: (change: HandlerCommon & { readonly after: E }) => Promise<void> | void
  update?: (change: HandlerCommon & { readonly before: C; readonly after: E }) => Promise<void> | void
  /** Writes proof of ownership on an identical object that had none. Without it the ledger alone keeps the proof. */
  adopt?: (change: HandlerCommon & { readonly before: C; readonly after: E }) => Promise<void> | void
} & (P extends 'never'
  ? { delete?: never }
  : { delete: (change: HandlerCommon & { readonly before: C }) => Promise<void> | void })

/** Limits of a target: its integration's, then `limits:` of trueup.yaml, then the target's own; flags come on top. */
export interface LimitSettings {
  /** Count, or percent of the owned objects as text (`'10%'`). @defaultValue '30%' */
  readonly maxDeletes?: number | string
  /** Count or percent. @defaultValue no limit */
  readonly maxChanges?: number | string
  /** Percentages apply from this many owned objects on. @defaultValue 10 */
  readonly percentFrom?: number
  /** An empty desired state may delete what is owned. @defaultValue false */
  readonly allowEmpty?: boolean
}

export interface IntegrationLimits<E, C> extends LimitSettings {
  /** Objects that must never be deleted; a plan that would is blocked (rule `protected`). */
  readonly protect?: (current: C) => boolean
  /** Checked on the state as it would be after the apply; returns what is wrong, or undefined. */
  readonly invariants?: readonly ((resulting: readonly E[]) => string | undefined)[]
}

type ElementOf<D> = D extends readonly (infer E)[] ? E : D

/** An integration as its author writes it. `desiredState` comes before `shards` and `run`, `limits` after `run`: types are inferred in that order. */
export interface IntegrationDefinition<
  S extends StandardSchemaV1,
  D,
  C,
  P extends DeletePolicy,
  R extends readonly SecretRef[],
  X extends boolean,
> {
  /** Lower-case letters, digits and dashes, starting with a letter. */
  readonly name: string
  /** Raise it when the same desired state means other changes. Any text; semver by custom. */
  readonly version: string
  readonly description?: string
  /** A Standard Schema of an object; flags come from its JSON Schema. */
  readonly params?: S
  /** Globs, from the repository root, of everything `ctx.source` may read. @defaultValue [] */
  readonly inputs?: readonly string[] | ((params: StandardSchemaV1.InferOutput<S>) => readonly string[])
  /** Desired state also comes from outside the repository: git alone never answers for an apply. @defaultValue false */
  readonly external?: X
  /** Names of environment variables that `ctx.env` may read. */
  readonly env?: readonly string[]
  readonly secrets?: R
  readonly deletePolicy: P
  /**
   * The place acted on, as text; undefined while it has no identity yet. With `create: true` (an apply, about to run) it must
   * give the place one. @defaultValue the target's name
   */
  readonly destination?: (
    params: StandardSchemaV1.InferOutput<S>,
    options: { readonly create: boolean },
  ) => string | undefined | Promise<string | undefined>
  readonly desiredState: (
    ctx: DesiredContext<StandardSchemaV1.InferOutput<S>> & (X extends true ? { readonly http: Http } : unknown),
  ) => D | Promise<D>
  /** Parts that can be run alone, by key (1 to 300 characters): each item in exactly one of them. `groupBy` and `staticShards` make such maps. */
  readonly shards?: (desired: NoInfer<D>, params: StandardSchemaV1.InferOutput<S>) => ReadonlyMap<string, NoInfer<D>>
  /**
   * The items of a desired state, and of one part: what `diff()` gets. They prove that the shards are a partition, and keep one shard from
   * deleting what another one desires. @defaultValue the elements of a list; anything else cannot be told
   */
  readonly items?: (desired: NoInfer<D>, params: StandardSchemaV1.InferOutput<S>) => Iterable<unknown>
  readonly run: (
    ctx: RunContext<StandardSchemaV1.InferOutput<S>, R, P>,
    desired: NoInfer<D>,
  ) => Plan<C> | readonly Plan<C>[] | Promise<Plan<C> | readonly Plan<C>[]>
  /** What no guard can see a dry run do, said in `show`. */
  readonly describe?: string
  readonly limits?: IntegrationLimits<ElementOf<NoInfer<D>>, NoInfer<C>>
}

/** An integration whose types no longer matter: what the engine handles. */
// The engine calls author functions with values it has checked; the parameter types are the author's own.
export type AnyIntegration = IntegrationDefinition<
  StandardSchemaV1,
  unknown,
  unknown,
  DeletePolicy,
  readonly SecretRef[],
  boolean
>

export interface Integration<D = unknown, C = unknown> {
  readonly kind: 'integration'
  readonly definition: AnyIntegration
  readonly desiredType?: D
  readonly currentType?: C
}

/** No parameters: what `params` is when an integration declares none. */
export type NoParams = StandardSchemaV1<unknown, object>

/**
 * Declares an integration. Checks nothing beyond its types: loading does, so that `list` can show every mistake.
 *
 * @example see the README and `trueup new integration`
 */
export function defineIntegration<
  D,
  C,
  P extends DeletePolicy,
  S extends StandardSchemaV1 = NoParams,
  const R extends readonly SecretRef[] = readonly [],
  X extends boolean = false,
>(definition: IntegrationDefinition<S, D, C, P, R, X>): Integration<D, C> {
  return { kind: 'integration', definition: definition as unknown as AnyIntegration }
}
