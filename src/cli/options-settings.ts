// Flags as typed and the environment in, typed settings with their origin out: flag > variable > file > default.
// Reads no file: what trueup.yaml says is laid under them afterwards by withFileSettings().
import { isAbsolute, join } from 'node:path'
import { TrueupError } from '../errors.js'
import type { CommandName } from './options-commands.js'
import type { AnyValue, ValueKind, ValueOfKind } from './options-kinds.js'
import { expectation, parseValue } from './options-kinds.js'
import type { OptionSpec } from './options-spec.js'
import type { FileOptionName, OptionName, Setting, Settings } from './options.js'
import { flagText, optionNames, optionSpec, takesOption, variableName } from './options.js'
import { didYouMean } from '../util/suggest.js'

/** The part of `process.env` that is looked at. */
export type Environment = Readonly<Record<string, string | undefined>>

/** One flag as typed: `text` is undefined when it stood alone. */
export interface GivenFlag {
  readonly name: OptionName
  /** `--base`, `-o`. */
  readonly typed: string
  readonly text: string | undefined
}

/** All settings of a command. A value that its kind refuses is a `usage` error naming the flag or the variable. */
export function settingsOf(command: CommandName, given: readonly GivenFlag[], environment: Environment): Settings {
  const settings: Partial<Record<OptionName, Setting<AnyValue>>> = {}
  for (const name of optionNames()) {
    const taken = takesOption(command, name)
    settings[name] =
      (taken ? fromFlags(name, given) : undefined) ??
      (taken ? fromVariable(name, environment) : undefined) ??
      ({ value: defaultOf(optionSpec(name)), origin: 'default', from: null } satisfies Setting<AnyValue>)
  }
  // Each row was read by its own kind, which is what the mapped type says; the loop hides that from the compiler.
  return settings as Settings
}

/** Values of trueup.yaml under those of flags and variables. `from` says where each stood. */
export function withFileSettings(
  settings: Settings,
  file: { readonly [N in FileOptionName]?: Setting<NonNullable<Settings[N]['value']>> },
): Settings {
  const merged: Partial<Record<OptionName, Setting<AnyValue>>> = { ...settings }
  for (const [name, setting] of Object.entries(file) as [FileOptionName, Setting<AnyValue>][]) {
    if (settings[name].origin === 'default') merged[name] = setting
  }
  return merged as Settings
}

const RESERVED = /^TRUEUP_(SECRET_|TOKEN$|QUEUE$|HOOK_SECRET$|EVENT$|ANSWERS$)/

/** One sentence for each TRUEUP_ variable that nothing reads. Reserved ones (`TRUEUP_SECRET_*`, `TRUEUP_TOKEN` …) are nobody's mistake. */
export async function unreadVariables(environment: Environment): Promise<readonly string[]> {
  const names = optionNames()
  const warnings: string[] = []
  for (const variable of Object.keys(environment).sort()) {
    if (!variable.startsWith('TRUEUP_') || RESERVED.test(variable)) continue
    const name = names.find((candidate) => variableName(candidate) === variable)
    if (name !== undefined && optionSpec(name).variable) continue
    const known = names.filter((candidate) => optionSpec(candidate).variable).map(variableName)
    warnings.push(
      name === undefined
        ? `the variable ${variable} is not one that trueup reads.${didYouMean(variable, known, (found) => found)}`
        : `the variable ${variable} is ignored: ${flagText(optionSpec(name).flag)} can only be given as a flag.`,
    )
  }
  return warnings
}

function fromFlags(name: OptionName, given: readonly GivenFlag[]): Setting<AnyValue> | undefined {
  const spec = optionSpec(name)
  const flags = given.filter((flag) => flag.name === name)
  const last = flags.at(-1)
  if (last === undefined) return undefined
  const values = flags.map((flag) => valueOfFlag(spec, flag))
  return { value: combined(spec, values, flags), origin: 'flag', from: last.typed }
}

function valueOfFlag(spec: OptionSpec, flag: GivenFlag): ValueOfKind<ValueKind> {
  const { value: kind } = spec
  if (flag.text === undefined) {
    if (kind.kind === 'flag') return true
    if (kind.kind === 'optional-choice') return kind.bare
    if (kind.kind === 'optional-json') return ''
    throw usage(`${flag.typed} needs a value: ${expectation(kind)}`, flag.typed)
  }
  // `--apply=false` must not read as --apply; only what a variable can switch on has something to switch off.
  if (kind.kind === 'flag' && !spec.variable)
    throw usage(`${flag.typed} takes no value, so "=${flag.text}" cannot stand behind it`, flag.typed)
  // As in git, an empty folder means: stay here.
  if (kind.kind === 'directory') return flag.text
  const parsed = parseValue(kind, flag.text)
  if (!parsed.ok) throw usage(`${flag.typed} must be ${parsed.expected}, not "${flag.text}"`, flag.typed)
  return parsed.value
}

function combined(spec: OptionSpec, values: readonly ValueOfKind<ValueKind>[], flags: readonly GivenFlag[]): AnyValue {
  if (spec.repeatable === true) return distinct(spec, values, flags.at(-1)?.typed ?? flagText(spec.flag))
  if (spec.value.kind === 'directory') {
    const path = values.reduce<string>((before, next) => (typeof next === 'string' ? inside(before, next) : before), '')
    return path === '' ? undefined : path
  }
  const [first, ...others] = values
  if (others.some((value) => value !== first)) {
    const typed = flags.map((flag) => (flag.text === undefined ? flag.typed : `${flag.typed} ${flag.text}`))
    throw usage(`${typed.join(' and ')} contradict each other: give one of them`, flags.at(-1)?.typed ?? '')
  }
  return first
}

function inside(before: string, next: string): string {
  if (next === '') return before
  return isAbsolute(next) ? next : join(before, next)
}

function fromVariable(name: OptionName, environment: Environment): Setting<AnyValue> | undefined {
  const spec = optionSpec(name)
  if (!spec.variable) return undefined
  const variable = variableName(name)
  const text = environment[variable]
  // CI systems set a variable to nothing where they mean that there is none.
  if (text === undefined || text.trim() === '') return undefined
  const texts = spec.repeatable === true ? text.split(/\r?\n/).filter((line) => line !== '') : [text]
  const values = texts.map((line) => {
    const parsed = parseValue(spec.value, line)
    if (!parsed.ok) throw usage(`the variable ${variable} must be ${parsed.expected}, not "${line}"`, variable)
    return parsed.value
  })
  return {
    value: spec.repeatable === true ? distinct(spec, values, variable) : values[0],
    origin: 'variable',
    from: variable,
  }
}

/** Each once; two values for one parameter, or two reports for one file, are an error. */
function distinct(
  spec: OptionSpec,
  values: readonly ValueOfKind<ValueKind>[],
  from: string,
): readonly ValueOfKind<ValueKind>[] {
  const seen = new Map<string, ValueOfKind<ValueKind>>()
  for (const value of values) {
    const id = typeof value !== 'object' ? String(value) : 'name' in value ? value.name : value.file
    const before = seen.get(id)
    if (before !== undefined && JSON.stringify(before) !== JSON.stringify(value)) {
      const what =
        spec.value.kind === 'report'
          ? `the file ${id} is asked for in two forms`
          : `the ${spec.flag === 'label' ? 'label' : 'parameter'} ${id} has two values`
      throw usage(`${from}: ${what}; give one of them`, from)
    }
    seen.set(id, value)
  }
  return [...seen.values()]
}

function defaultOf(spec: OptionSpec): AnyValue {
  if (spec.repeatable === true) return []
  return spec.default ?? (spec.value.kind === 'flag' ? false : undefined)
}

function usage(message: string, option: string): TrueupError {
  return new TrueupError('usage', message, { details: { option } })
}
