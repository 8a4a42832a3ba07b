// The command that repeats a run, to be pasted: its target and the flags that decide what it does; none that only shaped output.
import type { CommandInput } from './command.js'
import { flagText, optionSpec, type OptionName } from './options.js'

const KEPT: readonly OptionName[] = [
  'directory',
  'config',
  'store',
  'params',
  'shards',
  'only',
  'committed',
  'trustRepo',
  'concurrency',
  'initStore',
]

/** `dns-records --store file:/srv/x --param server=…`, without the word trueup and the command. */
export function commandLine(target: string, { settings, positionals }: CommandInput): string {
  const words: string[] = [
    positionals[0]?.includes('/') === true && !positionals[0].endsWith('.json') ? positionals[0] : target,
  ]
  // Which shards these are, only the comparison says.
  const kept: readonly OptionName[] = settings.onlyAffected.value ? [...KEPT, 'compareWith', 'onlyAffected'] : KEPT
  for (const name of kept) {
    const { value, origin } = settings[name]
    if (origin !== 'flag') continue
    const flag = flagText(optionSpec(name).flag)
    const values: readonly unknown[] = Array.isArray(value) ? value : [value]
    for (const one of values) words.push(flag, ...(one === true ? [] : [textOf(one)]))
  }
  return words.map(quoted).join(' ')
}

function textOf(value: unknown): string {
  if (typeof value === 'object' && value !== null && 'name' in value && 'value' in value)
    return `${String(value.name)}=${String(value.value)}`
  return String(value)
}

/** For a POSIX shell. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
