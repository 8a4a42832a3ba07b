// What one row of the table of settings says, and the words that rows share.
import type { CommandName } from './options-commands.js'
import type { ValueKind } from './options-kinds.js'

export type OptionGroup = 'What to run' | 'When to skip' | 'Safety' | 'Store' | 'Filters' | 'Output' | 'General'

/** One setting. */
export interface OptionSpec {
  /** Without dashes. `C` is short only. */
  readonly flag: string
  readonly short?: string
  /** Other flags with the same meaning. */
  readonly aliases?: readonly string[]
  readonly value: ValueKind
  /** May be given several times; a variable then holds one value a line. */
  readonly repeatable?: true
  readonly commands: readonly CommandName[] | 'all'
  /** Commands that take it (or refuse it with a reason) but do not list it in their help. */
  readonly unlisted?: readonly CommandName[]
  readonly group: OptionGroup
  readonly description: string
  /** Flags that are not given are false, lists are empty, others undefined unless this says otherwise. */
  readonly default?: string | number
  /** The default for people, where it is not a fixed value. */
  readonly defaultText?: string
  /** Whether `TRUEUP_<FLAG>` is read. */
  readonly variable: boolean
  /** Key at the top of trueup.yaml; it has the name of the row. */
  readonly inFile?: true
}

export const RUNS = ['plan', 'apply', 'run'] as const
/** Those that plan, and with --apply carry out, something other than the desired state. */
export const STEERED = ['undo', 'destroy'] as const
export const OWNED = ['owned list', 'owned adopt', 'owned release', 'owned move'] as const
export const CACHES = ['cache list', 'cache show', 'cache delete', 'cache gc'] as const
export const DATA = ['data validate', 'data bundle'] as const
/** Those that may need the repository and the store. */
export const READERS = [
  ...RUNS,
  ...STEERED,
  ...OWNED,
  'affected',
  ...DATA,
  'shards list',
  'shards verify',
  'list',
  'show',
  'why',
  'history',
  'runs list',
  'runs show',
  'runs gc',
  'status',
  'hold',
  'release',
  'lease list',
  'lease release',
  'store check',
  ...CACHES,
  'doubts list',
  'doubts resolve',
  'durable list',
  'durable show',
  'durable clear',
  'state list',
  'state get',
  'state set',
  'state delete',
  'data query',
  'data types',
  'data serve',
  'serve',
  'doctor',
  'config',
] as const
export const FLAG = { kind: 'flag' } as const
