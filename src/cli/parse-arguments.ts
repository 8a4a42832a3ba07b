// argv and the environment in, one typed command (or a request for help or the version) out. Throws `usage` errors with a suggestion.
// Reads no file and prints nothing. The tokens are node's own; commander is loaded for help alone (help.ts), since its start-up costs 11–14 ms.
import { parseArgs } from 'node:util'
import { TrueupError } from '../errors.js'
import type { ArgumentSpec, CommandName, CommandSpec } from './options-commands.js'
import { COMMAND_GROUPS, COMMANDS, firstWords, isCommandName, secondWords } from './options-commands.js'
import { checkConflicts } from './options-conflicts.js'
import { oneOf } from './options-kinds.js'
import type { Environment, GivenFlag } from './options-settings.js'
import { settingsOf, unreadVariables } from './options-settings.js'
import type { OptionName, Settings } from './options.js'
import { commandsWith, flagText, optionByFlag, optionNames, optionSpec, takesOption } from './options.js'
import { didYouMean } from '../util/suggest.js'

/** What was asked for. */
export type ParsedCommand =
  | {
      readonly kind: 'command'
      readonly command: CommandName
      readonly positionals: readonly string[]
      readonly settings: Settings
      /** Sentences for stderr: variables that look meant for trueup but are not read. */
      readonly warnings: readonly string[]
    }
  /** Help of the program (no words), of a group or of a command. Not `asked` for: nothing to do was named; print to stderr and end with 64. */
  | { readonly kind: 'help'; readonly command: readonly string[]; readonly asked: boolean }
  | { readonly kind: 'version' }

type Token = NonNullable<ReturnType<typeof tokenize>>[number]
type OptionToken = Extract<Token, { kind: 'option' }>

/** Reads a command line. A flag, command, argument or value that does not fit is a `usage` error; the environment is looked at only for commands. */
export async function parseArguments(argv: readonly string[], environment: Environment): Promise<ParsedCommand> {
  const tokens = tokenize(argv)
  const options = tokens.filter((token) => token.kind === 'option')
  const words = tokens.flatMap((token) => (token.kind === 'positional' ? [token.value] : []))
  const asksFor = (name: OptionName): boolean =>
    options.some((token) => token.inlineValue !== true && nameOf(token) === name)

  if (words[0] === 'help') return { kind: 'help', command: await helpWords(words.slice(1)), asked: true }
  if (asksFor('help')) return { kind: 'help', command: await helpWords(words), asked: true }
  if (asksFor('version')) return { kind: 'version' }
  // Flags are read first: with `trueup --bad` the flag is what is wrong, not the missing command.
  const given = await givenFlags(options, words)
  const found = await findCommand(words, options)
  if (found.kind === 'group') return { kind: 'help', command: found.words, asked: false }
  const { command, positionals } = found
  refuseForeignFlags(command, given)
  checkPositionals(command, positionals, options)
  const settings = settingsOf(command, given, environment)
  checkConflicts(command, positionals, settings)
  return { kind: 'command', command, positionals, settings, warnings: await unreadVariables(environment) }
}

function tokenize(argv: readonly string[]) {
  const options: Record<string, { type: 'string' | 'boolean'; short?: string; multiple: true }> = {}
  for (const name of optionNames()) {
    const { flag, short, aliases, value } = optionSpec(name)
    // Of an optional value only `=value` counts, so that `--detailed-exitcode dns-records` does not swallow the target.
    const type = ['flag', 'optional-choice', 'optional-json'].includes(value.kind) ? 'boolean' : 'string'
    options[flag] = { type, multiple: true, ...(short === undefined ? {} : { short }) }
    for (const alias of aliases ?? []) options[alias] = { type, multiple: true }
  }
  return parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true }).tokens
}

/** `--C` is none of ours: the flag is short only. */
function nameOf(token: OptionToken): OptionName | undefined {
  return token.rawName === '--C' ? undefined : optionByFlag(token.name)
}

async function givenFlags(options: readonly OptionToken[], words: readonly string[]): Promise<readonly GivenFlag[]> {
  const given: GivenFlag[] = []
  for (const token of options) {
    const name = nameOf(token)
    if (name === undefined) throw await unknownFlag(token.rawName, words)
    if (token.value !== undefined && !token.inlineValue && token.value.length > 1 && token.value.startsWith('-')) {
      throw usage(
        `${token.rawName} needs a value; "${token.value}" looks like a flag (if it is the value, write ${token.rawName}=${token.value})`,
      )
    }
    given.push({ name, typed: token.rawName, text: token.value })
  }
  return given
}

async function unknownFlag(typed: string, words: readonly string[]): Promise<TrueupError> {
  const found = resolveWords(words)
  const candidates = optionNames().filter((name) => found?.kind !== 'command' || takesOption(found.command, name))
  const flags = candidates
    .flatMap((name) => [optionSpec(name).flag, ...(optionSpec(name).aliases ?? [])])
    .filter((flag) => flag.length > 1)
  const suggestion = didYouMean(typed.replace(/^-+/, ''), flags, flagText)
  return usage(`there is no option ${typed}.${suggestion} \`${helpCommand(found)}\` shows all.`)
}

function refuseForeignFlags(command: CommandName, given: readonly GivenFlag[]): void {
  const foreign = given.find((flag) => !takesOption(command, flag.name))
  if (foreign === undefined) return
  const owners = commandsWith(foreign.name).filter((name) => name !== 'config')
  throw usage(
    `trueup ${command} has no ${foreign.typed}; it belongs to ${oneOf(owners.map((name) => `trueup ${name}`))}`,
  )
}

type Found =
  | { readonly kind: 'command'; readonly command: CommandName; readonly positionals: readonly string[] }
  | { readonly kind: 'group'; readonly words: readonly string[] }

/** The command that the first words name; undefined when they name none. */
function resolveWords(words: readonly string[]): Found | undefined {
  const [first, second] = words
  if (first === undefined) return { kind: 'group', words: [] }
  if (isCommandName(first)) return { kind: 'command', command: first, positionals: words.slice(1) }
  if (!Object.hasOwn(COMMAND_GROUPS, first)) return undefined
  const alone = COMMAND_GROUPS[first]?.alone
  if (second === undefined)
    return alone === undefined
      ? { kind: 'group', words: [first] }
      : { kind: 'command', command: alone, positionals: [] }
  const both = `${first} ${second}`
  return isCommandName(both) ? { kind: 'command', command: both, positionals: words.slice(2) } : undefined
}

async function findCommand(words: readonly string[], options: readonly OptionToken[]): Promise<Found> {
  const found = resolveWords(words)
  if (found !== undefined) return found
  const [first = '', second = ''] = words
  const hint = valueHint(first, options)
  if (!Object.hasOwn(COMMAND_GROUPS, first)) {
    const suggestion = didYouMean(first, firstWords(), (word) => `\`trueup ${word}\``)
    throw usage(`there is no command "${first}".${suggestion}${hint} \`trueup --help\` shows all.`)
  }
  const seconds = secondWords(first)
  const suggestion = didYouMean(second, seconds, (word) => `\`trueup ${first} ${word}\``)
  throw usage(`there is no command "${first} ${second}"; trueup ${first} has ${oneOf(seconds)}.${suggestion}`)
}

/** The words of the command whose help is asked for. */
async function helpWords(words: readonly string[]): Promise<readonly string[]> {
  // A group's own help is about all its commands, not about the one that its name alone means.
  if (words.length === 1 && Object.hasOwn(COMMAND_GROUPS, words[0] ?? '')) return words
  const found = await findCommand(words, [])
  return found.kind === 'group' ? found.words : found.command.split(' ')
}

function helpCommand(found: Found | undefined): string {
  const words = found === undefined ? [] : found.kind === 'group' ? found.words : [found.command]
  return ['trueup', ...words, '--help'].join(' ')
}

function checkPositionals(command: CommandName, positionals: readonly string[], options: readonly OptionToken[]): void {
  const { arguments: specs, whenMissing }: CommandSpec = COMMANDS[command]
  const empty = positionals.findIndex((value) => value === '')
  const missing =
    specs.find((spec, index) => (isNeeded(spec, options) && positionals[index] === undefined) || index === empty) ??
    (empty === -1 ? undefined : specs.at(-1))
  if (missing !== undefined) {
    throw usage(
      `${command} needs ${missing.name.split('|').map(withArticle).join(' or ')}${whenMissing === undefined ? '' : `: ${whenMissing}`}`,
    )
  }
  // With several targets, the value of such a flag would be taken for one more.
  const taken = positionals.slice(1).find((word) => specs[0]?.unless !== undefined && valueHint(word, options) !== '')
  if (taken !== undefined)
    throw usage(`trueup ${command}: "${taken}" is taken for a target.${valueHint(taken, options)}`)
  const extra = positionals[specs.length]
  if (extra === undefined || specs.at(-1)?.repeatable === true) return
  const takes =
    specs.length === 0 ? 'takes no arguments' : `takes only ${specs.map((spec) => `<${spec.name}>`).join(' ')}`
  throw usage(
    `trueup ${command} ${takes}, so "${extra}" is one too many.${valueHint(extra, options)} \`trueup ${command} --help\` shows how it is used.`,
  )
}

function isNeeded({ required, unless = [] }: ArgumentSpec, options: readonly OptionToken[]): boolean {
  return required && !options.some((token) => unless.some((name) => name === nameOf(token)))
}

function withArticle(noun: string): string {
  return `${/^[aeiou]/.test(noun) ? 'an' : 'a'} ${noun}`
}

/** Someone who wrote `--color always` is told the form that works. */
function valueHint(word: string, options: readonly OptionToken[]): string {
  for (const token of options) {
    const name = nameOf(token)
    if (name === undefined || token.value !== undefined) continue
    const { value: kind } = optionSpec(name)
    if (kind.kind === 'optional-choice' && kind.choices.includes(word))
      return ` A value of ${token.rawName} is written ${token.rawName}=${word}.`
  }
  return ''
}

function usage(message: string): TrueupError {
  return new TrueupError('usage', message)
}
