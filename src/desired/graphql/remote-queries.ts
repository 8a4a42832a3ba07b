// A GraphQL endpoint in, answers of one state of it out: of a bundle that is pinned at the first question, or, where nothing can be pinned, of
// answers that are all still the same in the end. Owner of graphql-request. Reads only; whatever is not a whole answer is an error.
import { GraphQLClient } from 'graphql-request'
import { isTrueupError, toError, TrueupError } from '../../errors.js'
import type { Json } from '../../event.js'
import type { Clock } from '../../util/clock.js'
import { digestOf } from '../../util/digest.js'
import { isRecord } from '../../util/is-record.js'
import { AskOnce, dataOf, type Asked, type GraphqlAnswer } from './ask-once.js'
import { MOVED, type DataQueries, type Question } from './data-queries.js'
import { fetchUntilAnswered, originOf } from './fetch-again.js'
import { OperationTypeNode, parse, print, type DocumentNode } from './graphql-js.js'

export interface RemoteOptions {
  /** Of the endpoint; with `pin: 'bundle'`, `…/graphql` of a server that also has `…/sha256` and `…/graphqlsha/<id>`. */
  readonly url: string
  readonly pin: 'bundle' | 'none'
  /** Id of the bundle to ask. @defaultValue the newest at the first question */
  readonly bundle?: string
  /** Value of the `authorization` header; asked once. */
  readonly authorization: () => Promise<string | undefined>
  /** Of trueup itself: planning does not refuse it. */
  readonly fetch: typeof globalThis.fetch
  readonly clock: Clock
  /** Of one attempt. */
  readonly timeoutMs: number
  /** How often a request is sent before its failure counts. */
  readonly attempts: number
  readonly signal: AbortSignal
}

export function createRemoteQueries(options: RemoteOptions): DataQueries {
  return new RemoteQueries(options)
}

class RemoteQueries implements DataQueries {
  readonly #options: RemoteOptions
  /** Address of the endpoint without `/graphql`. */
  readonly #root: string
  readonly #answers = new AskOnce()
  #pinned: Promise<string> | undefined
  #bundle: string | undefined
  /** As the server tells them of each answer. */
  readonly #schemas = new Set<string>()
  #authorization: Promise<string | undefined> | undefined
  /** All answers so far were found to be of one state: who was told so must not get answers of another one. */
  #isSettled = false

  constructor(options: RemoteOptions) {
    this.#options = options
    this.#root = options.url.replace(/\/+$/, '').replace(/\/graphql$/, '')
  }

  async ask(question: Question): Promise<Json> {
    const asked = { text: readingText(question), variables: question.variables, integration: question.integration }
    const isNew = !this.#answers.has(asked)
    const data = await this.#answers.once(asked, () => this.#send(asked, question))
    // A further question after the others were settled: they must still be true beside it.
    if (this.#isSettled && isNew && !(await this.#isOneState())) throw this.#changed(question)
    return data
  }

  bundle(): string | undefined {
    return this.#bundle
  }

  schemas(): readonly string[] {
    return [...this.#schemas].sort()
  }

  async settle(): Promise<boolean> {
    const isOneState = await this.#isOneState()
    this.#isSettled = isOneState
    if (!isOneState) this.#forget()
    return isOneState
  }

  #forget(): void {
    this.#answers.forget()
    this.#schemas.clear()
    this.#pinned = undefined
  }

  /** Forgets everything, so that the next question begins anew. */
  #moved(question: Pick<Question, 'integration'>): TrueupError {
    const origin = originOf(this.#root)
    const { bundle } = this.#options
    if (bundle !== undefined)
      return new TrueupError('source-unavailable', `${question.integration}: ${origin} has no bundle ${bundle}`, {
        details: { origin },
      })
    const details = this.#isSettled ? {} : MOVED
    this.#forget()
    const message = `${question.integration}: the bundle that this run was reading is no longer at ${origin}. Run again.`
    return new TrueupError('source-unavailable', message, {
      retryable: true,
      details: { ...details, origin },
    })
  }

  #changed({ integration }: Question): TrueupError {
    return new TrueupError(
      'source-unavailable',
      `${integration}: what ${originOf(this.#root)} answers changed while the run was planning. Run again.`,
      { retryable: true, details: { origin: originOf(this.#root) } },
    )
  }

  /** A pinned bundle cannot change; one answer alone is of one state. */
  async #isOneState(): Promise<boolean> {
    if (this.#options.pin === 'bundle') return true
    const asked = this.#answers.all()
    if (asked.length < 2) return true
    for (const { asked: question, answer } of asked) {
      const [before, now] = [await answer, await this.#send(question, question)]
      if (digestOf(before) !== digestOf(now)) return false
    }
    return true
  }

  async #send(asked: Asked, question: Pick<Question, 'integration'>): Promise<Json> {
    const { pin, url } = this.#options
    const pinned = pin === 'bundle' ? await (this.#pinned ??= this.#pin(question)) : undefined
    const endpoint = pinned === undefined ? url : `${this.#root}/graphqlsha/${pinned}`
    const place = `${originOf(url)}${pinned === undefined ? '' : ` (bundle ${pinned.slice(0, 12)})`}`
    const client = new GraphQLClient(endpoint, {
      errorPolicy: 'all',
      headers: await this.#headers(),
      fetch: (input, init) => this.#fetch(input instanceof Request ? input.url : input, init, question),
    })
    try {
      const answer = await client.rawRequest<Json>(asked.text, asked.variables)
      for (const schema of schemasOf(answer)) this.#schemas.add(schema)
      return dataOf(answer, question, place)
    } catch (thrown) {
      if (isTrueupError(thrown)) throw thrown
      if (this.#options.signal.aborted) throw toError(this.#options.signal.reason)
      const response = isRecord(thrown) && isRecord(thrown['response']) ? thrown['response'] : undefined
      if (response?.['status'] === 404 && pinned !== undefined) throw this.#moved(question)
      // What the server says of the question itself.
      if (Array.isArray(response?.['errors']))
        return dataOf({ errors: response['errors'] as NonNullable<GraphqlAnswer['errors']> }, question, place)
      const why =
        response === undefined ? 'its answer is no GraphQL answer' : `it answered ${String(response['status'])}`
      throw new TrueupError('source-unavailable', `${question.integration}: ${place} does not answer queries: ${why}`, {
        details: { origin: originOf(url), status: response?.['status'] ?? null },
      })
    }
  }

  async #pin(question: Pick<Question, 'integration'>): Promise<string> {
    return (this.#bundle = this.#options.bundle ?? (await this.#newest(question)))
  }

  async #newest(question: Pick<Question, 'integration'>): Promise<string> {
    const url = `${this.#root}/sha256`
    try {
      const response = await this.#fetch(url, { headers: await this.#headers() }, question)
      const id = (await response.text()).trim()
      if (response.ok && /^[0-9a-f]{64}$/.test(id)) return id
      throw new TrueupError(
        'source-unavailable',
        `${question.integration}: ${originOf(url)} cannot be pinned to one bundle: /sha256 answered ${response.ok ? 'what is no digest' : String(response.status)}. If it has only a GraphQL endpoint, write pin: none beside its url in trueup.yaml.`,
        { details: { origin: originOf(url), status: response.status } },
      )
    } catch (thrown) {
      this.#pinned = undefined
      throw thrown
    }
  }

  async #headers(): Promise<Record<string, string>> {
    const authorization = await (this.#authorization ??= this.#options.authorization())
    return authorization === undefined ? {} : { authorization }
  }

  #fetch(
    input: string | URL,
    init: RequestInit | undefined,
    { integration }: Pick<Question, 'integration'>,
  ): Promise<Response> {
    return fetchUntilAnswered({ ...this.#options, integration }, input, init)
  }
}

/** Of a server that tells them: the `$schema` of each file that a field was read from. */
function schemasOf({ extensions }: { readonly extensions?: unknown }): readonly string[] {
  const schemas = isRecord(extensions) ? extensions['schemas'] : undefined
  return Array.isArray(schemas) ? schemas.filter((schema) => typeof schema === 'string') : []
}

/** @throws `integration-invalid` for what is no document, or one that does more than read */
function readingText({ document, integration }: Question): string {
  let parsed: DocumentNode
  try {
    parsed = typeof document === 'string' ? parse(document) : (document as DocumentNode)
  } catch (cause) {
    throw new TrueupError('integration-invalid', `${integration}: a query is no GraphQL: ${(cause as Error).message}`, {
      cause,
    })
  }
  if (parsed.definitions.some((one) => 'operation' in one && one.operation !== OperationTypeNode.QUERY))
    throw new TrueupError(
      'integration-invalid',
      `${integration}: ctx.source.query only reads, so a mutation or subscription is not sent`,
    )
  return typeof document === 'string' ? document : print(parsed)
}
