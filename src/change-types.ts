// Words for changes as data: actions, fields, counts. Type declarations only: nothing here runs.
import type { Json } from './event.js'

export type ChangeAction = 'create' | 'update' | 'delete' | 'adopt'

/** One field that a change touches. `path` is empty for a whole object. `undefined` = not there on that side. */
export interface FieldChange {
  readonly path: string
  readonly before?: Json | undefined
  readonly after?: Json | undefined
}

export interface PlanSummary {
  readonly create: number
  readonly update: number
  readonly delete: number
  readonly adopt: number
  /** Base of percentages: owned objects in scope (listed objects under delete policy `all`). */
  readonly of: number
  /** Desired objects that need no change. */
  readonly unchanged: number
  /** Listed objects that belong to nobody we know of and are left alone. */
  readonly foreign: number
}
