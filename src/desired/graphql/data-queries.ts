// The port behind `ctx.source.query`: what answers questions about the data of one state. Adapters: embedded-queries.ts, remote-queries.ts.
import type { Json } from '../../event.js'

export interface Question {
  /** Text, or a parsed document. */
  readonly document: string | object
  readonly variables: Readonly<Record<string, Json>>
  /** Globs as declared: what a skip compares. */
  readonly inputs: readonly string[]
  /** Name, for messages. */
  readonly integration: string
}

/** One for each revision of a run; the same question is asked once. */
export interface DataQueries {
  /**
   * The `data` of the answer, frozen. An answer with errors is an error.
   *
   * @throws TrueupError `integration-invalid` for a question that does not fit the types, `desired-invalid` for errors in the data,
   * `undeclared-input` where a change of the data could go unnoticed, `source-unavailable` where nothing answers
   */
  ask(question: Question): Promise<Json>
  /** Whether all answers so far are of one state. When not, they are forgotten: everything is to be asked again. */
  settle(): Promise<boolean>
  /** Id of the bundle that is asked; undefined before the first question, and where there is none. @defaultValue there is none */
  bundle?(): string | undefined
  /** `$schema`s of the files that answers were made from so far, sorted; of files that only an argument looked at too. @defaultValue not known */
  schemas?(): readonly string[]
}

/** In the details of an error: the state that was asked is gone, and another one is there to be asked from the start. */
export const MOVED = { moved: true } as const
