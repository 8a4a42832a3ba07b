// `ctx.state`: what an author reads and writes of a target's state. While planning, writes stay aside (in the plan as "would remember") until the
// plan is approved; handlers write at once, under the lease. Must not: write anything in a dry run.
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Remembered, State, StatePage } from '../durable-types.js'
import { TrueupError } from '../errors.js'
import type { Json } from '../event.js'
import { canonicalText, InvalidJsonValue } from '../util/digest.js'
import { formatPath } from '../util/json-path.js'

/** What this needs of the store; see store/state.ts. */
export interface StateBackend<Stored extends { readonly value: Json }> {
  read(key: string): Promise<Stored | undefined>
  write(key: string, value: Json | undefined, before: Stored | undefined): Promise<boolean>
  keys(prefix: string): Promise<readonly string[]>
}

export interface RunStateOptions<Stored extends { readonly value: Json }> {
  readonly target: string
  /** undefined while the place has no identity: then nothing is remembered yet. */
  readonly backend: () => Promise<StateBackend<Stored> | undefined>
  /** Asked before each write of a handler. @throws lease-lost */
  readonly check: () => Promise<void>
  /** Whether there is something in a value that must not be stored. */
  readonly hasSecret: (value: Json) => boolean
}

export interface RunState {
  /** The state as one context sees it. */
  view(isPlanning: () => boolean): State
  /** What planning wants to be remembered, by key. */
  remembered(): readonly Remembered[]
  /** Stores it. @throws state-conflict when what it was computed from is another by now */
  keep(): Promise<void>
}

const LONGEST_KEY = 500
const PAGE = 1000

interface Aside<Stored> {
  readonly value: Json | undefined
  /** What `update` was given; left out where nothing was asked. */
  readonly computedFrom?: { readonly stored: Stored | undefined }
}

export function createRunState<Stored extends { readonly value: Json }>(options: RunStateOptions<Stored>): RunState {
  const { target, backend, check, hasSecret } = options
  const aside = new Map<string, Aside<Stored>>()

  const needed = async (): Promise<StateBackend<Stored>> => {
    const found = await backend()
    if (found === undefined) throw new Error('Internal error: an apply without a destination')
    return found
  }

  async function current(
    key: string,
  ): Promise<{ readonly value: Json | undefined; readonly stored?: Stored | undefined }> {
    checkKey(target, key)
    const kept = aside.get(key)
    if (kept !== undefined) return { value: kept.value === undefined ? undefined : copyOf(kept.value) }
    const stored = await (await backend())?.read(key)
    return { value: stored?.value, stored }
  }

  function storable(key: string, value: unknown): Json {
    try {
      canonicalText(value)
    } catch (thrown) {
      if (!(thrown instanceof InvalidJsonValue)) throw thrown
      const place = thrown.path === '' ? 'it' : thrown.path
      throw new TrueupError(
        'value-unsupported',
        `${target}: the state "${key}" cannot be kept: ${place} is ${thrown.found}, which JSON cannot hold`,
        { details: { target, key, path: thrown.path } },
      )
    }
    if (hasSecret(value as Json)) {
      throw new TrueupError(
        'value-unsupported',
        `${target}: the state "${key}" cannot be kept: it is or holds a secret, and those stay where they are`,
        { details: { target, key } },
      )
    }
    return copyOf(value as Json)
  }

  /** Over whatever is there. */
  async function overwrite(key: string, value: Json | undefined): Promise<void> {
    const there = await needed()
    for (;;) {
      const before = await there.read(key)
      await check()
      if (await there.write(key, value, before)) return
    }
  }

  async function set(planning: boolean, key: string, value: Json | undefined): Promise<void> {
    checkKey(target, key)
    if (planning) aside.set(key, { value })
    else await overwrite(key, value)
  }

  return {
    view: (isPlanning) => ({
      async get(key: string, schema?: StandardSchemaV1) {
        const { value } = await current(key)
        return value === undefined ? undefined : checked(target, key, value, schema)
      },
      async set(key, value, schema) {
        await checked(target, key, value, schema)
        await set(isPlanning(), key, storable(key, value))
      },
      delete: (key) => set(isPlanning(), key, undefined),
      list: (prefix = '', { after, limit = PAGE } = {}) => page({ prefix, after, limit }),
      async update<S extends StandardSchemaV1>(
        key: string,
        fn: (now: StandardSchemaV1.InferOutput<S> | undefined) => unknown,
        schema?: S,
      ) {
        for (;;) {
          const planning = isPlanning()
          const { value, stored } = await current(key)
          const given = (value === undefined ? undefined : await checked(target, key, value, schema)) as
            StandardSchemaV1.InferOutput<S> | undefined
          const next: unknown = await fn(given)
          const output = next === undefined ? undefined : await checked(target, key, next, schema)
          const kept = next === undefined ? undefined : storable(key, next)
          if (planning) {
            const before = aside.get(key)
            aside.set(
              key,
              before === undefined ? { value: kept, computedFrom: { stored } } : { ...before, value: kept },
            )
          } else {
            await check()
            if (!(await (await needed()).write(key, kept, stored))) continue
          }
          return output
        }
      },
    }),
    remembered: () =>
      [...aside]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, { value }]) => ({ key, ...(value === undefined ? {} : { value }) })),
    async keep() {
      for (const [key, { value, computedFrom }] of aside) {
        if (computedFrom === undefined) await overwrite(key, value)
        else {
          await check()
          if (!(await (await needed()).write(key, value, computedFrom.stored))) throw conflict(target, key)
        }
        aside.delete(key)
      }
    },
  }

  async function page(asked: { prefix: string; after: string | undefined; limit: number }): Promise<StatePage> {
    const { prefix, after, limit } = asked
    const found = new Set((await (await backend())?.keys(prefix)) ?? [])
    for (const [key, { value }] of aside) {
      if (value === undefined) found.delete(key)
      else if (key.startsWith(prefix)) found.add(key)
    }
    const rest = [...found].sort().filter((key) => after === undefined || key > after)
    const keys = rest.slice(0, Math.max(1, limit))
    return { keys, next: keys.length < rest.length ? keys.at(-1) : undefined }
  }
}

function checkKey(target: string, key: string): void {
  if (typeof key === 'string' && key !== '' && key.length <= LONGEST_KEY) return
  throw new TrueupError('state-invalid', `${target}: a key of state is a text of 1 to ${LONGEST_KEY} characters`, {
    details: { target },
  })
}

async function checked(
  target: string,
  key: string,
  value: unknown,
  schema: StandardSchemaV1 | undefined,
): Promise<unknown> {
  if (schema === undefined) return value
  const result = await schema['~standard'].validate(value)
  if (result.issues === undefined) return result.value
  const [issue] = result.issues
  const path = formatPath(
    (issue?.path ?? []).map((part) => {
      const step = typeof part === 'object' ? part.key : part
      return typeof step === 'symbol' ? String(step) : step
    }),
  )
  throw new TrueupError(
    'state-invalid',
    `${target}: the state "${key}" is not as its schema says: ${path === '' ? '' : `${path}: `}${issue?.message ?? ''}`,
    { details: { target, key, path } },
  )
}

function conflict(target: string, key: string): TrueupError {
  return new TrueupError(
    'state-conflict',
    `${target}: the state "${key}" was changed by somebody else since this plan was made from it; nothing was applied. Run again.`,
    { retryable: true, details: { target, key } },
  )
}

function copyOf(value: Json): Json {
  return JSON.parse(JSON.stringify(value)) as Json
}
