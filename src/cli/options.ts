// THE table of settings: parser, help, the schema of trueup.yaml and the docs page are all made from it, so that they cannot differ.
// Data and look-ups only. A row that is listed must be honoured by its commands.
import type { CommandName } from './options-commands.js'
import { commandNames } from './options-commands.js'
import { COMMON_OPTIONS } from './options-common.js'
import type { ValueOfKind } from './options-kinds.js'
import { QUERY_OPTIONS } from './options-query.js'
import { RUN_OPTIONS } from './options-run.js'
import { SERVE_OPTIONS } from './options-serve.js'
import type { OptionSpec } from './options-spec.js'

/** All rows by the name under which the code and trueup.yaml know them. */
export const OPTIONS = { ...RUN_OPTIONS, ...QUERY_OPTIONS, ...SERVE_OPTIONS, ...COMMON_OPTIONS } as const

export type OptionName = keyof typeof OPTIONS

/** The typed value of one row. */
export type ValueOf<S extends OptionSpec> = S extends { repeatable: true }
  ? readonly ValueOfKind<S['value']>[]
  : S extends { default: string | number } | { value: { kind: 'flag' } }
    ? ValueOfKind<S['value']>
    : ValueOfKind<S['value']> | undefined

/** Where a value came from. `from` names it: `--store`, `TRUEUP_STORE`, `trueup.yaml:4`; null for a default. */
export interface Setting<T> {
  readonly value: T
  readonly origin: 'flag' | 'variable' | 'file' | 'default'
  readonly from: string | null
}

/** Every setting, typed. Those that the command does not take have their defaults. */
export type Settings = { readonly [N in OptionName]: Setting<ValueOf<(typeof OPTIONS)[N]>> }

/** The rows that trueup.yaml may hold, at its top, under the same names. */
export type FileOptionName = { [N in OptionName]: (typeof OPTIONS)[N] extends { inFile: true } ? N : never }[OptionName]

export function optionNames(): readonly OptionName[] {
  return Object.keys(OPTIONS) as OptionName[]
}

/** The row by its widest type, for code that treats all alike. */
export function optionSpec(name: OptionName): OptionSpec {
  return OPTIONS[name]
}

/** `config` takes every setting that a variable can hold, since it shows where each came from. */
export function takesOption(command: CommandName, name: OptionName): boolean {
  const { commands, variable } = optionSpec(name)
  return commands === 'all' || commands.includes(command) || (command === 'config' && variable)
}

/** The commands that have this option, in the order of help. */
export function commandsWith(name: OptionName): readonly CommandName[] {
  return commandNames().filter((command) => takesOption(command, name))
}

/** `TRUEUP_EARLY_EXIT_COMPARE_SHA`; what it would be called also where none is read. */
export function variableName(name: OptionName): string {
  return `TRUEUP_${optionSpec(name).flag.toUpperCase().replaceAll('-', '_')}`
}

/** The row whose flag or alias this is, without dashes. */
export function optionByFlag(flag: string): OptionName | undefined {
  return optionNames().find(
    (name) => optionSpec(name).flag === flag || optionSpec(name).aliases?.includes(flag) === true,
  )
}

/** `--store`, `-C`. */
export function flagText(flag: string): string {
  return flag.length === 1 ? `-${flag}` : `--${flag}`
}
