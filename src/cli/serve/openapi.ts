// The OpenAPI description of the API of `serve`, for dist/openapi.json and /api/v1/openapi.json; a test holds answers against it. Data only.
import { runJsonSchema } from '../../report/run-json-schema.js'

const text = { type: 'string' } as const
const textOrNull = { type: ['string', 'null'] } as const
const flag = { type: 'boolean' } as const
const whole = { type: 'integer', minimum: 0 } as const
const instant = { type: 'string', format: 'date-time' } as const

/** An object with exactly these fields, all of them there. */
function object(properties: Readonly<Record<string, object>>, optional: readonly string[] = []): object {
  return { type: 'object', required: Object.keys(properties).filter((name) => !optional.includes(name)), properties }
}

const list = (items: object): object => ({ type: 'array', items })
const orNull = (schema: object): object => ({ anyOf: [schema, { type: 'null' }] })
const error = object({ error: object({ code: text, message: text }) })

const target = object({
  name: text,
  apply: { ...flag, description: 'Whether this daemon applies it.' },
  schedule: { ...textOrNull, description: 'A cron expression in UTC; null: each everyMs.' },
  everyMs: { anyOf: [whole, { type: 'null' }] },
  nextAt: { ...orNull(instant), description: 'When it is due next; of one that runs or waits, since when it was due.' },
  last: orNull(
    object({
      id: textOrNull,
      mode: { type: 'string', enum: ['apply', 'dry-run'] },
      decision: text,
      reason: text,
      outcome: text,
      summary: text,
      exitCode: whole,
      durationMs: { type: 'number', minimum: 0 },
      endedAt: instant,
    }),
  ),
  held: {
    ...orNull(object({ until: orNull(instant), reasons: list(text) })),
    description: 'What keeps it from being applied; until null: no time will change that.',
  },
  notConverging: list(object({ action: text, key: text, shard: textOrNull })),
})

const doubt = object(
  {
    id: text,
    kind: { type: 'string', enum: ['change', 'durable'] },
    since: instant,
    run: textOrNull,
    target: textOrNull,
    host: text,
    url: textOrNull,
    actor: textOrNull,
    destination: textOrNull,
    action: text,
    key: textOrNull,
    shard: textOrNull,
    namespace: text,
    function: text,
    version: text,
    arguments: { description: 'Any JSON value.' },
  },
  ['destination', 'action', 'key', 'shard', 'namespace', 'function', 'version', 'arguments'],
)

const event = {
  ...object(
    {
      key: { ...text, description: 'The same when it is sent again: within an hour it counts once.' },
      targets: list(text),
      labels: { type: 'object', additionalProperties: text, description: 'In place of targets: those that have all.' },
      reason: text,
      by: { ...text, description: 'Who says so.' },
    },
    ['key', 'targets', 'labels', 'by'],
  ),
  additionalProperties: false,
}
const heard = object({ result: { type: 'string', enum: ['accepted', 'duplicate'] }, targets: list(text) })
const push = object({ ref: text, after: text }, ['ref', 'after'])
const hooked = object(
  {
    result: { type: 'string', enum: ['accepted', 'ignored', 'duplicate'] },
    reason: text,
    ref: text,
    commit: textOrNull,
  },
  ['reason', 'ref', 'commit'],
)

const answers = (status: string, description: string, schema: object): Readonly<Record<string, object>> => ({
  [status]: { description, content: { 'application/json': { schema } } },
})
const html = { content: { 'text/html': { schema: text } } }
const page = { content: { ...html.content, 'text/plain': { schema: text } } }
const plain = { content: { 'text/plain': { schema: text } } }
const get = (summary: string, responses: object, parameters: readonly object[] = []): object => ({
  get: { summary, ...(parameters.length === 0 ? {} : { parameters }), responses },
})

/** OpenAPI 3.1. */
export function openApi(version: string): object {
  const { $schema: _dialect, ...runs } = runJsonSchema() as { readonly $schema: string }
  return {
    openapi: '3.1.0',
    info: { title: 'trueup serve', version, description: 'What a daemon does, and a way to make a target due now.' },
    paths: {
      '/': get('The targets, for people; pages of HTML for those who accept it', {
        '200': { description: 'What needs a person, and all targets', ...page },
      }),
      '/targets/{name}': get(
        'A target: history, last decision, plan and log',
        { '200': { description: 'A page', ...html }, '404': { description: 'There is no such target', ...html } },
        [{ name: 'name', in: 'path', required: true, schema: text }],
      ),
      '/runs/{id}': get(
        'A run: decision, plan, outcomes and log',
        { '200': { description: 'A page', ...html }, '404': { description: 'No such run is on record', ...html } },
        [{ name: 'id', in: 'path', required: true, schema: text }],
      ),
      '/healthz': get('Whether the process answers', { '200': { description: 'It does', ...plain } }),
      '/readyz': get('Whether a revision is served', {
        '200': { description: 'It is', ...plain },
        '503': { description: 'Not yet', ...plain },
      }),
      '/metrics': get('For Prometheus', { '200': { description: 'Text exposition format', ...plain } }),
      '/api/v1/targets': get(
        'The scheduled targets',
        answers('200', 'By name', object({ commit: textOrNull, targets: list(target) })),
      ),
      '/api/v1/runs': get(
        'Records of runs, newest first',
        { ...answers('200', 'As `trueup runs list -o json`', runs), ...answers('400', 'A limit that is none', error) },
        [
          { name: 'target', in: 'query', required: false, schema: text },
          {
            name: 'limit',
            in: 'query',
            required: false,
            schema: { type: 'integer', minimum: 1, maximum: 500, default: 50 },
          },
        ],
      ),
      '/api/v1/doubts': get(
        'Durable calls and changes whose outcome nobody knows, newest first',
        answers('200', 'As `trueup doubts list -o json`', object({ doubts: list(doubt) })),
      ),
      '/api/v1/openapi.json': get('This description', answers('200', 'OpenAPI 3.1', { type: 'object' })),
      '/api/v1/events': {
        post: {
          summary: 'Make targets due now, and say why',
          requestBody: { required: true, content: { 'application/json': { schema: event } } },
          security: [{ token: [] }],
          responses: {
            ...answers('202', 'They are due, or were, when it was sent first', heard),
            ...answers('400', 'It is no event', error),
            ...answers('401', 'The token is missing or wrong', error),
            ...answers('403', 'The daemon has no TRUEUP_TOKEN', error),
            ...answers('404', 'A target that is not there, or labels that no target has: nothing is due', error),
            ...answers('409', 'Another event had this key within the last hour', error),
            ...answers('413', 'It is too large', error),
          },
        },
      },
      '/hooks/git': {
        post: {
          summary: 'Tell of a push',
          description: 'In the form of GitHub, of GitLab, or plain: each is signed with TRUEUP_HOOK_SECRET.',
          requestBody: { required: true, content: { 'application/json': { schema: push } } },
          responses: {
            ...answers('202', 'It looks for a new commit, or says why not', hooked),
            ...answers('400', 'It is no push', error),
            ...answers('401', 'The signature is missing or wrong', error),
            ...answers('403', 'The daemon has no TRUEUP_HOOK_SECRET', error),
            ...answers('413', 'It is too large', error),
          },
        },
      },
      '/api/v1/targets/{name}/run': {
        post: {
          summary: 'Make a target due now',
          parameters: [{ name: 'name', in: 'path', required: true, schema: text }],
          security: [{ token: [] }],
          responses: {
            ...answers('202', 'It is due', object({ target: text, due: { const: 'now' } })),
            ...answers('401', 'The token is missing or wrong', error),
            ...answers('403', 'The daemon has no TRUEUP_TOKEN', error),
            ...answers('404', 'There is no such target', error),
          },
        },
      },
    },
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'TRUEUP_TOKEN' } } },
  }
}
