// state list, get, set, delete: what a target remembers at its destination. Edits write over exactly what they read, and leave a record.
import { TrueupError } from '../../errors.js'
import type { Json } from '../../event.js'
import { trace } from '../../run-trace.js'
import { createStateStore, type StateStore } from '../../store/state.js'
import { systemClock } from '../../util/clock.js'
import { didYouMean } from '../../util/suggest.js'
import { newUlid } from '../../util/ulid.js'
import type { CommandInput } from '../command.js'
import { placeOf } from '../destination.js'
import { actorOf } from '../process-context.js'
import { withStore, type StoreCommand } from '../with-store.js'

interface Place {
  readonly state: StateStore
  readonly target: string
  readonly destination: string
  readonly run: string
}

export async function stateListCommand(input: CommandInput): Promise<number> {
  const [, prefix = ''] = input.positionals
  return withStore(input, async (command) => {
    const { state, target, destination } = await open(input, command)
    const keys = await state.keys(prefix)
    await command.print({
      json: () => ({ schema: 'trueup/1', exitCode: 0, target, destination, keys }),
      text: () =>
        keys.length === 0
          ? `${command.style.data(target)} remembers nothing${prefix === '' ? '' : ' that begins so'}.\n`
          : `${keys.map((key) => command.style.data(key)).join('\n')}\n`,
    })
    return 0
  })
}

export async function stateGetCommand(input: CommandInput): Promise<number> {
  return withStore(input, async (command) => {
    const place = await open(input, command)
    const key = keyOf(input)
    const found = await place.state.read(key)
    if (found === undefined) throw await unknownKey(place, key)
    const { value, run, modifiedAt } = found
    await command.print({
      json: () => ({
        schema: 'trueup/1',
        exitCode: 0,
        target: place.target,
        key,
        value,
        run,
        writtenAt: new Date(modifiedAt).toISOString(),
      }),
      text: () => `${typeof value === 'string' ? value : JSON.stringify(value, null, 2)}\n`,
    })
    return 0
  })
}

export async function stateSetCommand(input: CommandInput): Promise<number> {
  const text = input.positionals[2] ?? ''
  const value = input.settings.jsonValue.value ? parsed(text) : text
  return edit(input, value)
}

export async function stateDeleteCommand(input: CommandInput): Promise<number> {
  return edit(input, undefined)
}

async function edit(input: CommandInput, value: Json | undefined): Promise<number> {
  return withStore(input, async (command) => {
    const place = await open(input, command)
    const { state, target, destination, run } = place
    const key = keyOf(input)
    let before: Json | null
    for (;;) {
      const found = await state.read(key)
      if (found === undefined && value === undefined) throw await unknownKey(place, key)
      before = found?.value ?? null
      // Lost to a run that wrote meanwhile: what it wrote is what is replaced.
      if (await state.write(key, value, found)) break
    }
    await trace({
      deps: { store: command.store, clock: systemClock, by: actorOf(input.context.environment, command.project.tool) },
      run,
      target,
      destination,
      shards: [],
      instead: { kind: 'state', key, before, after: value ?? null },
      explanation: `\`trueup state ${value === undefined ? 'delete' : 'set'}\` changed what is remembered under "${key}"; nothing outside was changed.`,
    })
    await command.print({
      json: () => ({ schema: 'trueup/1', exitCode: 0, target, key, before, after: value ?? null, run }),
      text: () =>
        `${command.style.data(target)} ${value === undefined ? 'has forgotten' : 'remembers'} ${command.style.data(key)}.\n`,
    })
    return 0
  })
}

async function open(input: CommandInput, { project, store }: StoreCommand): Promise<Place> {
  const [name = ''] = input.positionals
  const why = 'it remembers anything'
  const { name: target, destination } = await placeOf(project, { name, environment: input.context.environment, why })
  const run = newUlid(systemClock.now())
  return { state: createStateStore(store, { target, destination, run }), target, destination, run }
}

function keyOf({ positionals: [, key = ''] }: CommandInput): string {
  if (key.length <= 500) return key
  throw new TrueupError('usage', 'a key of state has at most 500 characters')
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch (cause) {
    throw new TrueupError(
      'usage',
      `the value is not JSON: ${(cause as Error).message}. Without --json it is taken as text.`,
      { cause },
    )
  }
}

async function unknownKey({ state, target }: Place, key: string): Promise<TrueupError> {
  const keys = await state.keys('')
  return new TrueupError(
    'usage',
    `${target} remembers nothing under "${key}".${didYouMean(key, keys)} \`trueup state list ${target}\` shows its ${String(keys.length)} keys.`,
    { details: { target, key } },
  )
}
