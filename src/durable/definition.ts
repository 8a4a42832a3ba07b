// What an author registers comes in, checked definitions go out. Light: loaded with the context, before anything durable is called.
import { TrueupError } from '../errors.js'
import type { DurableOptions, ProbeAnswer } from '../durable-types.js'
import { DURATION_FORMS, parseDuration } from '../util/duration.js'

/** One registered function, its types forgotten. */
export interface DurableDefinition {
  readonly name: string
  readonly version: string
  readonly idempotent: boolean
  readonly cached: boolean
  readonly ttlMs: number | undefined
  /** Left out: all arguments. */
  readonly key: ((...args: readonly unknown[]) => unknown) | undefined
  readonly checked: ((...args: readonly unknown[]) => unknown) | undefined
  readonly onDoubt: 'stop' | 'retry' | ((...args: readonly unknown[]) => unknown)
  readonly fn: (...args: readonly unknown[]) => unknown
}

/** The answer of a probe, checked. */
export function probeAnswerOf(name: string, answer: unknown): ProbeAnswer<unknown> {
  if (answer === 'absent' || answer === 'unknown') return answer
  if (typeof answer === 'object' && answer !== null && 'done' in answer) return { done: answer.done }
  throw misuse(name, "its probe must answer { done: result }, 'absent' or 'unknown'")
}

const LONGEST_NAME = 100

/** @throws durable-misuse */
export function defineDurable<A extends readonly unknown[], R>(
  name: string,
  options: DurableOptions<A, R>,
  fn: (...args: A) => R | Promise<R>,
): DurableDefinition {
  if (typeof name !== 'string') throw misuse('', 'its name must be a text')
  if (name === '' || name.length > LONGEST_NAME)
    throw misuse(name.slice(0, LONGEST_NAME), `a durable function needs a name of 1 to ${LONGEST_NAME} characters`)
  if (typeof fn !== 'function') throw misuse(name, 'it has no function')
  // Checked as an author in JavaScript may have written it.
  const given: Readonly<Record<string, unknown>> = { ...options }
  const { version = '1', ttl, key, checked, onDoubt = 'stop' } = given
  const [idempotent, cached] = [given['idempotent'] === true, given['cached'] === true]
  const unknown = Object.keys(given).find((option) => !KNOWN.includes(option))
  if (unknown !== undefined) throw misuse(name, `there is no option ${unknown}; there are ${KNOWN.join(', ')}`)
  if (!idempotent && !cached)
    throw misuse(name, 'say what is remembered: { idempotent: true } for an effect, { cached: true } for a result')
  if (typeof version !== 'string' || version === '') throw misuse(name, 'its version must be a text')
  if (checked !== undefined && key === undefined) throw misuse(name, '`checked` is only for functions with a `key`')
  for (const [option, value] of Object.entries({ key, checked }))
    if (value !== undefined && typeof value !== 'function') throw misuse(name, `\`${option}\` must be a function`)
  if (idempotent && ttl !== undefined)
    throw misuse(
      name,
      'an effect is remembered for ever: `ttl` is for what is only cached. For once a day, put the day into `key`',
    )
  if (!idempotent && given['onDoubt'] !== undefined)
    throw misuse(name, '`onDoubt` is for idempotent functions: what is only cached is simply called again')
  if (typeof onDoubt !== 'function' && onDoubt !== 'stop' && onDoubt !== 'retry')
    throw misuse(name, "`onDoubt` must be 'stop', 'retry' or a function")
  return {
    name,
    version,
    idempotent,
    cached,
    ttlMs: ttl === undefined ? undefined : ttlOf(name, ttl),
    key: key as DurableDefinition['key'],
    checked: checked as DurableDefinition['checked'],
    onDoubt: onDoubt as DurableDefinition['onDoubt'],
    // Called with the arguments of the function that is handed out, whose types are those of `fn`.
    fn: fn as unknown as DurableDefinition['fn'],
  }
}

const KNOWN = ['idempotent', 'cached', 'version', 'ttl', 'key', 'checked', 'onDoubt']

function ttlOf(name: string, ttl: unknown): number {
  const ms = typeof ttl === 'string' ? parseDuration(ttl) : undefined
  if (ms === undefined) throw misuse(name, `its ttl must be a duration: ${DURATION_FORMS}`)
  return ms
}

export function misuse(name: string, why: string): TrueupError {
  return new TrueupError('durable-misuse', `durable function ${name === '' ? '""' : name}: ${why}`, {
    details: { name },
  })
}

/** Refuses a second function of one name and version: two calls that mean different things must not share results. */
export class Registry {
  readonly #known = new Set<string>()
  readonly #place: string

  /** @param place where, for people: `create-accounts` or a namespace */
  constructor(place: string) {
    this.#place = place
  }

  /** @throws durable-misuse */
  add({ name, version }: DurableDefinition): void {
    const id = JSON.stringify([name, version])
    if (this.#known.has(id)) {
      throw misuse(
        name,
        `version ${version} is registered twice in ${this.#place}. Register it once, outside of loops and handlers, and call what it returns; two functions need two names`,
      )
    }
    this.#known.add(id)
  }
}

/** An effect must not happen before its plan was seen, checked and approved. */
export function refusedWhilePlanning(name: string): TrueupError {
  return new TrueupError(
    'dry-run-write',
    `${name} is idempotent: it has an effect, so it is called only from handlers of the plan, never while planning. Nothing was done.`,
    { details: { name } },
  )
}
