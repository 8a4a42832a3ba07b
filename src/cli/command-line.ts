// The command that repeats a run, to be pasted: its target and the flags that decide what it does; none that only shaped output.
import type { CommandInput } from './command.js'
import { flagText, optionSpec, type OptionName } from './options.js'
import { shellWord } from '../util/shell-word.js'

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

/** Those that every command knows which reads the repository or the store. */
const PLACES: readonly OptionName[] = ['directory', 'config', 'store', 'trustRepo']

/** ` -C /srv/x --store file:/srv/y`: where this command works, for hints that name another one; empty for none. */
export function placeFlags({ settings }: Pick<CommandInput, 'settings'>): string {
  return flagWords(PLACES, settings)
    .map((word) => ` ${shellWord(word)}`)
    .join('')
}

/** `dns-records --store file:/srv/x --param server=…`, without the word trueup and the command. */
export function commandLine(target: string, { settings, positionals }: CommandInput): string {
  const first = positionals[0]?.includes('/') === true && !positionals[0].endsWith('.json') ? positionals[0] : target
  // Which shards these are, only the comparison says.
  const kept: readonly OptionName[] = settings.onlyAffected.value ? [...KEPT, 'compareWith', 'onlyAffected'] : KEPT
  return [first, ...flagWords(kept, settings)].map(shellWord).join(' ')
}

/** The flags of these that were typed, with their values. */
export function flagWords(names: readonly OptionName[], settings: CommandInput['settings']): readonly string[] {
  return names.flatMap((name) => {
    const { value, origin } = settings[name]
    if (origin !== 'flag') return []
    const flag = flagText(optionSpec(name).flag)
    const values: readonly unknown[] = Array.isArray(value) ? value : [value]
    return values.flatMap((one) => [flag, ...(one === true ? [] : [textOf(one)])])
  })
}

function textOf(value: unknown): string {
  if (typeof value === 'object' && value !== null && 'name' in value && 'value' in value)
    return `${String(value.name)}=${String(value.value)}`
  return String(value)
}
