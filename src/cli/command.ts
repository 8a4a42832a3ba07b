// What every command is given, and gives: its exit code. Commands print through the context's output only.
import type { CommandName } from './options-commands.js'
import type { Settings } from './options.js'
import type { ProcessContext } from './process-context.js'

export interface CommandInput {
  readonly context: ProcessContext
  readonly command: CommandName
  readonly positionals: readonly string[]
  /** Flags, variables and defaults; the file's values are laid under them when the project is opened. */
  readonly settings: Settings
}

export type CommandFunction = (input: CommandInput) => Promise<number>
