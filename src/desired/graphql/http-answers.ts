// One HTTP request for a bundle in, its answer out; the surface is that of the server which clients of the qontract layout know. Opens no port.
import { isTrueupError } from '../../errors.js'
import { isRecord } from '../../util/is-record.js'
import { datafileDifference, diffBundles, resourceDifference } from './bundle-diff.js'
import type { Answer, QueryRequest } from './run-query.js'
import type { ServedBundle, ServedBundles } from './served-bundles.js'

export interface HttpRequest {
  readonly method: string
  /** Path and query, as in the request line. */
  readonly url: string
  readonly contentType: string
  readonly body: string
}

export interface HttpAnswer {
  readonly status: number
  readonly type: 'text/plain; charset=utf-8' | 'application/json; charset=utf-8'
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Counted by the server, told by `/metrics`. */
export interface ServerCounts {
  requests: number
  queries: number
  queryErrors: number
  reloads: number
}

export interface Surface {
  readonly bundles: ServedBundles
  readonly counts: ServerCounts
}

type Params = readonly string[]
type Handler = (surface: Surface, request: HttpRequest, params: Params) => HttpAnswer | Promise<HttpAnswer>

/** Each parenthesis is a parameter. */
const ROUTES: readonly (readonly [methods: string, path: RegExp, handler: Handler])[] = [
  ['GET POST', /^\/graphql\/?$/, (surface, request) => graphql(surface, request, surface.bundles.newest())],
  [
    'GET POST',
    /^\/graphqlsha\/([^/]+)\/?$/,
    (surface, request, [id]) => withBundle(surface, id, (it) => graphql(surface, request, it)),
  ],
  ['GET', /^\/sha256\/?$/, ({ bundles }) => text(200, bundles.newest().id)],
  ['GET', /^\/git-commit\/?$/, ({ bundles }) => text(200, commitOf(bundles.newest()).commit)],
  [
    'GET',
    /^\/git-commit\/([^/]+)\/?$/,
    (surface, _, [id]) => withBundle(surface, id, (it) => text(200, commitOf(it).commit)),
  ],
  ['GET', /^\/git-commit-info\/?$/, ({ bundles }) => json(200, commitOf(bundles.newest()))],
  [
    'GET',
    /^\/git-commit-info\/([^/]+)\/?$/,
    (surface, _, [id]) => withBundle(surface, id, (it) => json(200, commitOf(it))),
  ],
  ['GET', /^\/diff\/([^/]+)\/([^/]+)\/?$/, (surface, _, params) => difference(surface, params)],
  ['GET', /^\/diff\/([^/]+)\/([^/]+)\/([^/]+)(\/.+)$/, (surface, _, params) => difference(surface, params)],
  ['POST', /^\/reload\/?$/, reload],
  [
    'GET',
    /^\/cache\/?$/,
    ({ bundles }) =>
      json(200, {
        bundles: bundles.list().map((it, index) => ({ sha256: it.id, ...commitOf(it), newest: index === 0 })),
      }),
  ],
  ['GET', /^\/metrics\/?$/, metrics],
  ['GET', /^\/healthz\/?$/, () => text(200, '')],
  ['GET', /^\/$/, () => ({ ...text(302, 'see /graphql'), headers: { location: '/graphql' } })],
]

/** Never throws for what a client or the data did. */
export async function answerRequest(surface: Surface, request: HttpRequest): Promise<HttpAnswer> {
  surface.counts.requests++
  const path = pathOf(request.url)
  if (path === undefined) return text(400, 'the path is not properly encoded')
  const found = ROUTES.filter(([, pattern]) => pattern.test(path))
  const method = request.method === 'HEAD' ? 'GET' : request.method
  const route = found.find(([methods]) => methods.split(' ').includes(method))
  if (route === undefined) {
    const allowed = [...new Set(found.flatMap(([methods]) => methods.split(' ')))].join(', ')
    if (allowed === '') return text(404, `there is nothing at ${path}`)
    return { ...text(405, `${path} takes ${allowed}`), headers: { allow: allowed } }
  }
  const [, pattern, handler] = route
  return handler(surface, request, (pattern.exec(path) ?? []).slice(1))
}

/** What the server says before it has a request to answer. */
export function text(status: number, body: string): HttpAnswer {
  return { status, type: 'text/plain; charset=utf-8', body }
}

function json(status: number, value: unknown): HttpAnswer {
  return { status, type: 'application/json; charset=utf-8', body: `${JSON.stringify(value)}\n` }
}

function pathOf(url: string): string | undefined {
  try {
    return decodeURIComponent(url.split('?', 1)[0] ?? '')
  } catch {
    return undefined
  }
}

function withBundle(
  { bundles }: Surface,
  id: string | undefined,
  answer: (bundle: ServedBundle) => HttpAnswer,
): HttpAnswer {
  const bundle = bundles.get(id ?? '')
  return bundle === undefined ? unknownBundle(id, bundles) : answer(bundle)
}

function unknownBundle(id: string | undefined, bundles: ServedBundles): HttpAnswer {
  const known = bundles.list().map((it) => it.id)
  return text(404, `the bundle ${id ?? ''} is not loaded; these are: ${known.join(', ')}`)
}

function commitOf({ queries: { bundle } }: ServedBundle): { readonly commit: string; readonly timestamp: string } {
  return { commit: bundle.gitCommit, timestamp: bundle.gitCommitTimestamp }
}

/** 400 where the question itself is refused; an error of a field comes with 200. */
function graphql({ counts }: Surface, request: HttpRequest, { queries }: ServedBundle): HttpAnswer {
  const question = request.method === 'POST' ? questionOfBody(request) : questionOfUrl(request.url)
  if (typeof question === 'string') return json(400, { errors: [{ message: question }], extensions: { schemas: [] } })
  counts.queries++
  const answer: Answer = queries.answer(question)
  if (answer.errors !== undefined) counts.queryErrors++
  return json('data' in answer ? 200 : 400, answer)
}

/** The question, or what is wrong with it. */
function questionOfBody({ contentType, body }: HttpRequest): QueryRequest | string {
  if (!/^application\/(?:json|graphql-response\+json)\b/i.test(contentType))
    return 'the body must be JSON: content-type: application/json'
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch (error) {
    return `the body is not JSON: ${(error as Error).message}`
  }
  if (Array.isArray(value)) return 'several operations in one request are not answered: send one'
  return isRecord(value)
    ? question(value['query'], value['variables'], value['operationName'])
    : 'the body must be an object with `query`'
}

function questionOfUrl(url: string): QueryRequest | string {
  const params = new URLSearchParams(url.slice(url.indexOf('?') + 1))
  const variables = params.get('variables')
  try {
    return question(
      params.get('query'),
      variables === null ? null : (JSON.parse(variables) as unknown),
      params.get('operationName'),
    )
  } catch (error) {
    return `variables are not JSON: ${(error as Error).message}`
  }
}

function question(query: unknown, variables: unknown, operation: unknown): QueryRequest | string {
  if (typeof query !== 'string' || query === '') return 'there is no `query`: POST it as JSON, or as ?query='
  if (variables !== null && variables !== undefined && !isRecord(variables)) return '`variables` must be an object'
  if (operation !== null && operation !== undefined && typeof operation !== 'string')
    return '`operationName` must be a text'
  return { document: query, variables, operation }
}

function difference({ bundles }: Surface, [from, to, kind, path]: Params): HttpAnswer {
  const [base, head] = [bundles.get(from ?? ''), bundles.get(to ?? '')]
  if (base === undefined) return unknownBundle(from, bundles)
  if (head === undefined) return unknownBundle(to, bundles)
  const sides = [base.queries.bundle, head.queries.bundle] as const
  if (kind === undefined || path === undefined) return json(200, diffBundles(...sides))
  const one =
    kind === 'datafile'
      ? datafileDifference(...sides, path)
      : kind === 'resourcefile'
        ? resourceDifference(...sides, path)
        : null
  if (one === null) return text(400, `it is datafile or resourcefile, not ${kind}`)
  return one === undefined ? text(404, `neither bundle has ${path}`) : json(200, one)
}

/** 503: the data cannot be loaded now. 500: their types cannot be used. Either way what was served before still is. */
async function reload({ bundles, counts }: Surface): Promise<HttpAnswer> {
  counts.reloads++
  try {
    const outcome = await bundles.reload()
    return text(200, `${outcome === 'loaded' ? 'loaded' : 'already loaded'} ${bundles.newest().id}`)
  } catch (thrown) {
    if (!isTrueupError(thrown)) throw thrown
    return text(thrown.details['types'] === true ? 500 : 503, thrown.message)
  }
}

/** https://prometheus.io/docs/instrumenting/exposition_formats/ */
function metrics({ bundles, counts }: Surface): HttpAnswer {
  const { bundle } = bundles.newest().queries
  const rows: readonly (readonly [name: string, kind: 'counter' | 'gauge', help: string, value: number])[] = [
    ['trueup_data_requests_total', 'counter', 'HTTP requests', counts.requests],
    ['trueup_data_queries_total', 'counter', 'GraphQL operations', counts.queries],
    ['trueup_data_query_errors_total', 'counter', 'GraphQL operations with errors', counts.queryErrors],
    ['trueup_data_reloads_total', 'counter', 'Reloads asked for', counts.reloads],
    ['trueup_data_bundles', 'gauge', 'Bundles in memory', bundles.list().length],
    ['trueup_data_files', 'gauge', 'Data files of the newest bundle', bundle.data.size],
    ['trueup_data_resources', 'gauge', 'Resources of the newest bundle', bundle.resources.size],
  ]
  const lines = rows.map(
    ([name, kind, help, value]) => `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n${name} ${String(value)}\n`,
  )
  return text(200, lines.join(''))
}
