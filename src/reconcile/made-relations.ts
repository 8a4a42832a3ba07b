// Relations that are made while the module of an integration is loaded come in; whether one is of the module, and of which, goes out. One that run() makes
// may depend on what is the target's alone. Must not: keep what is made after the module is there, or when nobody has asked.
import type { Relation } from '../relation-types.js'

export interface ModuleRelations {
  /** Of the module that was loaded; undefined for a relation that was made later, or whose name it has made more than once. */
  sourceOf(relation: Relation<unknown>): string | undefined
}

interface Listening {
  /** By name; null: made more than once. */
  readonly made: Map<string, Relation<unknown> | null>
  source?: string
}

/** An integration may have a trueup of its own, which makes its relations: all copies of a process meet here. */
const LISTENING = Symbol.for('trueup.relations.listening')
const meeting = globalThis as { [LISTENING]?: Listening | undefined }

/** Told of each relation, by who makes it. */
export function relationMade(relation: Relation<unknown>): void {
  const made = meeting[LISTENING]?.made
  made?.set(relation.name, made.has(relation.name) ? null : relation)
}

/** Listens until {@link moduleLoaded}: for a process that loads one integration. */
export function listenForRelations(): ModuleRelations {
  const listening: Listening = { made: new Map() }
  meeting[LISTENING] = listening
  return {
    sourceOf(relation) {
      return listening.made.get(relation.name) === relation ? listening.source : undefined
    },
  }
}

/** Before any of its functions is called. @param source - the same for the same module in every process: its file, say */
export function moduleLoaded(source: string): void {
  const listening = meeting[LISTENING]
  if (listening !== undefined) listening.source = source
  meeting[LISTENING] = undefined
}
