// The help texts, made by commander from the tables of commands and options. Text out; prints nothing, parses nothing.
// The only file that loads commander, and only when help is asked for.
import type { Command, Help, Option } from 'commander'
import { EXIT_CODES } from '../exit-codes.js'
import type { CommandName, CommandSpec } from './options-commands.js'
import { COMMAND_GROUPS, COMMANDS, commandNames } from './options-commands.js'
import { defaultText, flagsText } from './options-docs.js'
import { placeholderOf } from './options-kinds.js'
import type { OptionGroup, OptionSpec } from './options-spec.js'
import type { OptionName } from './options.js'
import { flagText, optionNames, optionSpec, takesOption } from './options.js'

const WIDTH = 80
const TERM_WIDTH = 26
const GROUPS: readonly OptionGroup[] = [
  'What to run',
  'When to skip',
  'Safety',
  'Filters',
  'Store',
  'Output',
  'General',
]

const INTRODUCTION =
  'Runs reconciliation integrations: compares what should be with what is, shows the plan, and carries it out when told to. A run that cannot change anything does not run.'

/** Help of the program (no words), of a group (`runs`) or of a command (`runs`, `list`): at most 80 columns, with a newline at the end. */
export async function helpText(words: readonly string[]): Promise<string> {
  const program = await buildProgram()
  let command = program
  for (const word of words) command = command.commands.find((inner) => inner.name() === word) ?? command
  return `${commandsFirst(command.helpInformation().trimEnd())}\n${footer(words.join(' '))}`
}

/** All commands and options as commander knows them: for help, and for tests that hold the parser against it. */
export async function buildProgram(): Promise<Command> {
  const { Command, Option } = await import('commander')
  const terms = new Map<Option, OptionSpec>()
  const addOptions = (command: Command, takes: (name: OptionName) => boolean): void => {
    for (const group of GROUPS) {
      for (const name of optionNames().filter(
        (candidate) => takes(candidate) && optionSpec(candidate).group === group,
      )) {
        const spec = optionSpec(name)
        const option = new Option(commanderFlags(spec), spec.description).helpGroup(`${group}:`)
        if (spec.repeatable === true)
          option.argParser((text: string, before: readonly string[] | undefined) => [...(before ?? []), text])
        terms.set(option, spec)
        command.addOption(option)
      }
    }
  }
  const help = helpOverrides(terms)
  const create = (name: string, summary: string): Command =>
    new Command(name).description(sentence(summary)).helpOption(false).helpCommand(false).configureHelp(help)

  const program = create('trueup', INTRODUCTION)
  addOptions(program, (name) => optionSpec(name).commands === 'all')
  const groups = new Map(Object.entries(COMMAND_GROUPS).map(([name, { summary }]) => [name, create(name, summary)]))
  for (const name of commandNames()) {
    const spec: CommandSpec = COMMANDS[name]
    const [first = '', second] = name.split(' ')
    const command = create(second ?? first, spec.summary)
    for (const argument of spec.arguments)
      command.argument(placeholder(argument.name, argument.required, argument.repeatable))
    addOptions(command, (option) => takesOption(name, option) && isShown(name, option))
    const group = groups.get(first)
    if (group === undefined) program.addCommand(command)
    else {
      if (group.parent === null) program.addCommand(group)
      group.addCommand(command, { isDefault: COMMAND_GROUPS[first]?.alone === name })
    }
  }
  return program
}

/** `trueup config` takes every setting, but lists only those that every command has: what the others are is in its output. */
function isShown(command: CommandName, name: OptionName): boolean {
  const { commands, unlisted } = optionSpec(name)
  return commands === 'all' || (commands.includes(command) && unlisted?.includes(command) !== true)
}

/** What commander must know to parse: one long flag and one other, and whether a value follows. */
function commanderFlags(spec: OptionSpec): string {
  const other = spec.short === undefined ? (spec.aliases ?? []).map(flagText) : [`-${spec.short}`]
  const flags = (spec.flag === spec.short ? other : [...other, flagText(spec.flag)]).join(', ')
  if (spec.value.kind === 'optional-choice' || spec.value.kind === 'optional-json') return `${flags} [value]`
  return placeholderOf(spec.value) === '' ? flags : `${flags} <value>`
}

function helpOverrides(terms: ReadonlyMap<Option, OptionSpec>): Partial<Help> & { helpWidth: number } {
  return {
    helpWidth: WIDTH,
    optionTerm: (option) => {
      const spec = terms.get(option)
      return spec === undefined ? option.flags : flagsText(spec)
    },
    optionDescription: (option) => {
      const spec = terms.get(option)
      const shown = spec === undefined || spec.value.kind === 'optional-choice' ? '' : defaultText(spec)
      return shown === '' ? option.description : `${option.description} (default: ${shown})`
    },
    visibleCommands: (command) =>
      command.commands.flatMap((inner) => (inner.commands.length === 0 ? [inner] : inner.commands)),
    subcommandTerm: (command) =>
      [
        wordsOf(command),
        ...command.registeredArguments.map((argument) =>
          placeholder(argument.name(), argument.required, argument.variadic),
        ),
      ].join(' '),
    subcommandDescription: (command) => unsentence(command.description()),
    padWidth: () => TERM_WIDTH,
    formatItem: (term, termWidth, description, helper) => {
      const indent = ' '.repeat(termWidth + 4)
      const wrapped = helper.boxWrap(description, WIDTH - indent.length).replaceAll('\n', `\n${indent}`)
      return term.length <= termWidth ? `  ${term.padEnd(termWidth)}  ${wrapped}` : `  ${term}\n${indent}${wrapped}`
    },
  }
}

/** In a hurry one looks for the command; commander puts the list of them last. */
function commandsFirst(text: string): string {
  const parts = text.split('\n\n')
  const list = parts.findIndex((part) => part.startsWith('Commands:'))
  return (list === -1 ? parts : [...parts.slice(0, 2), ...parts.slice(list), ...parts.slice(2, list)]).join('\n\n')
}

function wordsOf(command: Command): string {
  const { parent } = command
  return parent === null || parent.parent === null ? command.name() : `${parent.name()} ${command.name()}`
}

function placeholder(name: string, required: boolean, repeatable = false): string {
  const text = repeatable ? `${name}...` : name
  return required ? `<${text}>` : `[${text}]`
}

function footer(words: string): string {
  const parts: string[] = []
  const examples = Object.entries<CommandSpec>(COMMANDS).find(([name]) => name === words)?.[1].examples
  if (examples !== undefined) parts.push(['Examples:', ...examples.map((example) => `  $ ${example}`)].join('\n'))
  if (words === '' || ['plan', 'apply', 'run'].includes(words)) parts.push(exitCodes())
  parts.push(
    words === ''
      ? 'A command has its own help: trueup run --help.'
      : 'A setting can also be a variable, TRUEUP_<FLAG>; `trueup config` shows which.',
  )
  return `\n${parts.join('\n\n')}\n`
}

function exitCodes(): string {
  return ['Exit codes:', ...EXIT_CODES.map(({ code, meaning }) => `  ${String(code).padStart(3)}  ${meaning}`)].join(
    '\n',
  )
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`
}

function unsentence(text: string): string {
  return `${text.charAt(0).toLowerCase()}${text.slice(1).replace(/\.$/, '')}`
}
