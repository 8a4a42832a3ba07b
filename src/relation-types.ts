// Words for what many shards and targets need of the outside: relations, as an author declares and asks for them.
// Type declarations only: nothing here runs.
import type { Http } from './clients.js'
import type { Env, Log } from './integration.js'

/** What a relation is loaded with: nothing of the target that asks, so that one answer is right for all. */
export interface RelationContext {
  /** Reads only, as while planning. */
  readonly http: Http
  readonly env: Env
  readonly log: Log
  readonly signal: AbortSignal
}

/** Made by `relation()`. */
export interface Relation<T> {
  readonly kind: 'relation'
  /** For people, records and metrics. */
  readonly name: string
  readonly load: (id: string, ctx: RelationContext) => T | Promise<T>
}

/** `ctx.related(relation, id)`. */
export type Related = <T>(relation: Relation<T>, id: string) => Promise<T>
