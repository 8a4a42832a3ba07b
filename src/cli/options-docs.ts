// The table of settings as Markdown, for the docs page; a test holds the page against it.
import { commandNames } from './options-commands.js'
import { placeholderOf } from './options-kinds.js'
import type { OptionSpec } from './options-spec.js'
import type { OptionName } from './options.js'
import { commandsWith, flagText, optionNames, optionSpec, variableName } from './options.js'

/** All settings: flag, variable, key of trueup.yaml, default, commands, meaning. */
export function optionsMarkdown(): string {
  const header = ['| flag | variable | `trueup.yaml` | default | commands | meaning |', '|---|---|---|---|---|---|']
  return [...header, ...optionNames().map(row)].join('\n') + '\n'
}

/** All flags of a row with its value: `-o, --output <text|json|markdown>`. */
export function flagsText(spec: OptionSpec): string {
  const short = spec.short === undefined || spec.short === spec.flag ? [] : [`-${spec.short}`]
  const flags = [...short, ...(spec.aliases ?? []).map(flagText), flagText(spec.flag)].join(', ')
  if (spec.value.kind === 'optional-choice')
    return `${flags}[=${spec.value.choices.filter((choice) => choice !== spec.default).join('|')}]`
  if (spec.value.kind === 'optional-json') return `${flags}[=json]`
  return `${flags} ${placeholderOf(spec.value)}`.trim()
}

/** The default for people; empty for flags, lists and what has none. */
export function defaultText(spec: OptionSpec): string {
  return spec.defaultText ?? (spec.default === undefined ? '' : String(spec.default))
}

function row(name: OptionName): string {
  const spec = optionSpec(name)
  const commands = commandsWith(name)
  const cells = [
    code(flagsText(spec)),
    spec.variable ? code(variableName(name)) : '',
    spec.inFile === true ? code(name) : '',
    defaultText(spec),
    commands.length === commandNames().length ? 'all' : commands.join(', '),
    spec.description,
  ]
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

function code(text: string): string {
  return `\`${text}\``
}
