// What a command is as data, and what several of them say alike.

/** One argument of a command. */
export interface ArgumentSpec {
  readonly name: string
  readonly required: boolean
  /** Takes all that follow; the last one only. */
  readonly repeatable?: true
  /** Not needed with one of these flags (names of the table of options). */
  readonly unless?: readonly ('allTargets' | 'labels')[]
}

/** One command. */
export interface CommandSpec {
  readonly summary: string
  readonly arguments: readonly ArgumentSpec[]
  /** What to do when a required argument is missing; the end of the message. */
  readonly whenMissing?: string
  readonly examples: readonly string[]
}

export const TARGET = { name: 'target', required: true } as const
export const LIST_HINT = '`trueup list` shows all targets'
