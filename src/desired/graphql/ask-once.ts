// Questions in, each asked once; answers out, frozen, or as one error that says what is wrong and where.
import { TrueupError } from '../../errors.js'
import type { Json } from '../../event.js'
import { digestOf } from '../../util/digest.js'
import { deepFreeze } from '../../util/freeze.js'
import type { Question } from './data-queries.js'

/** An answer as GraphQL gives it. */
export interface GraphqlAnswer {
  readonly data?: Json
  readonly errors?: readonly { readonly message: string; readonly path?: readonly (string | number)[] | undefined }[]
  readonly extensions?: unknown
}

/** What a question is known by. */
export interface Asked {
  readonly text: string
  readonly variables: Readonly<Record<string, Json>>
  /** Who asks, for messages. */
  readonly integration: string
}

const TOLD = 5

/** Remembers answers by question. A failure is not remembered. */
export class AskOnce {
  readonly #answers = new Map<string, { readonly asked: Asked; readonly answer: Promise<Json> }>()

  /** @throws what `ask` throws */
  once(asked: Asked, ask: () => Promise<Json>): Promise<Json> {
    const key = keyOf(asked)
    const known = this.#answers.get(key)
    if (known !== undefined) return known.answer
    const answer = ask().then((data) => deepFreeze(data))
    this.#answers.set(key, { asked, answer })
    answer.catch(() => this.#answers.delete(key))
    return answer
  }

  has(asked: Asked): boolean {
    return this.#answers.has(keyOf(asked))
  }

  /** What was asked so far. */
  all(): readonly { readonly asked: Asked; readonly answer: Promise<Json> }[] {
    return [...this.#answers.values()]
  }

  forget(): void {
    this.#answers.clear()
  }
}

function keyOf({ text, variables }: Asked): string {
  return digestOf([text, variables])
}

/**
 * The data of an answer.
 *
 * @param place - what was asked, for people
 * @throws TrueupError `integration-invalid` where the question was refused, `desired-invalid` where the data has errors
 */
export function dataOf(answer: GraphqlAnswer, { integration }: Pick<Question, 'integration'>, place: string): Json {
  const { data, errors = [] } = answer
  // Null stands for what an error took away; without one it is no answer.
  if (errors.length === 0 && data !== undefined && data !== null) return data
  const told = errors
    .slice(0, TOLD)
    .map(({ message, path }) => `${path === undefined ? '' : `${pathText(path)}: `}${message}`)
  const more = errors.length > TOLD ? [`… and ${String(errors.length - TOLD)} more`] : []
  const [code, what] =
    data === undefined
      ? (['integration-invalid', `a query was refused by ${place}`] as const)
      : (['desired-invalid', `a query of ${place} has errors, so nothing of its answer counts`] as const)
  const lines = told.length === 0 ? ['there is neither data nor an error in the answer'] : [...told, ...more]
  throw new TrueupError(code, [`${integration}: ${what}:`, ...lines].join('\n'), {
    details: { integration, errors: errors.map(({ message, path }) => ({ message, path: path ?? [] })) },
  })
}

function pathText(path: readonly (string | number)[]): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${String(part)}]` : index === 0 ? part : `.${part}`))
    .join('')
}
