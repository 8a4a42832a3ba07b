// The JSON Schema (draft 2020-12) of the document of run-json.ts, for editors, scripts and the documentation. Data only.
// Objects are open: readers must expect fields that they do not know.
import type { DurableAnswer } from '../durable-types.js'
import type { CacheStatus, ChangeAction, LogLevel, LogSource, RunMode } from '../event.js'
import { errorCodes, every, reasons, results, rules } from './run-json-words.js'

const text = { type: 'string' } as const
const textOrNull = { type: ['string', 'null'] } as const
const flag = { type: 'boolean' } as const
const whole = { type: 'integer', minimum: 0 } as const
const exitCode = { type: 'integer', minimum: 0, maximum: 255 } as const
const instant = { type: 'string', format: 'date-time', description: 'ISO 8601, UTC' } as const
const anything = { description: 'Any JSON value.' } as const

/** An object whose fields are all there, except those named in `optional`. */
function object(properties: Readonly<Record<string, object>>, optional: readonly string[] = []): object {
  return { type: 'object', required: Object.keys(properties).filter((name) => !optional.includes(name)), properties }
}

const list = (items: object): object => ({ type: 'array', items })
const orNull = (schema: object): object => ({ anyOf: [schema, { type: 'null' }] })
const oneOf = (values: readonly string[]): object => ({ type: 'string', enum: values })

/** Builds the schema; a function, so that importing this file does nothing. */
export function runJsonSchema(): object {
  const action = oneOf(every<ChangeAction>({ create: true, update: true, delete: true, adopt: true }))
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'trueup/1',
    description: 'What `trueup run`, `plan` and `apply` print with `-o json`.',
    ...object({
      schema: { const: 'trueup/1' },
      exitCode,
      runs: list(
        object({
          run: identity(),
          state: oneOf(['running', 'finished']),
          decision: decision(),
          plan: orNull(plan(action)),
          limits: list(limit()),
          outcomes: list(object({ key: text, action, shard: textOrNull, result: oneOf(results()), error: textOrNull })),
          log: object({ records: list(logRecord()), replayedFrom: textOrNull, dropped: whole }),
          error: orNull(object({ code: oneOf(errorCodes()), message: text, details: { type: 'object' } })),
          exitCode,
          instead: orNull(
            object(
              {
                kind: oneOf(['undo', 'destroy', 'adopt', 'release', 'move', 'resolve', 'state', 'clear']),
                run: text,
                only: textOrNull,
                left: list(object({ key: text, why: text })),
                keys: list(text),
                from: text,
                to: text,
                as: oneOf(['done', 'absent']),
                key: text,
                before: anything,
                after: anything,
                calls: list(text),
              },
              ['run', 'only', 'left', 'keys', 'from', 'to', 'as', 'key', 'before', 'after', 'calls'],
            ),
          ),
          durable: orNull(durable()),
          relations: list(object({ name: text, asked: whole, loaded: whole })),
          repeats: list(object({ key: text, action, shard: textOrNull, times: whole, stopped: flag })),
          holds: list(
            object({
              shard: textOrNull,
              key: textOrNull,
              reason: text,
              since: instant,
              until: instant,
              by: object({ actor: textOrNull, url: textOrNull, host: text }),
              keys: list(text),
            }),
          ),
          calls: list(object({ provider: text, reads: whole, writes: whole, waitedMs: whole })),
        }),
      ),
    }),
  }
}

function durable(): object {
  const answers = every<DurableAnswer>({ executed: true, 'cache-hit': true, 'idempotent-hit': true, waited: true })
  const call = object({ name: text, version: text, id: text, how: oneOf(answers), shard: textOrNull })
  return object({ counts: object(Object.fromEntries(answers.map((how) => [how, whole]))), calls: list(call) })
}

function identity(): object {
  return object({
    id: text,
    target: text,
    integration: text,
    version: text,
    mode: oneOf(every<RunMode>({ 'dry-run': true, apply: true })),
    destination: textOrNull,
    shards: list(text),
    startedAt: instant,
    durationMs: { type: 'number', minimum: 0 },
    by: object(
      {
        actor: textOrNull,
        url: textOrNull,
        host: text,
        tool: text,
        event: object({ reason: text, by: textOrNull, key: textOrNull }),
      },
      ['event'],
    ),
  })
}

function decision(): object {
  const component = object({
    head: textOrNull,
    base: textOrNull,
    same: { type: ['boolean', 'null'] },
    detail: textOrNull,
  })
  const cache = object({
    status: oneOf(
      every<CacheStatus>({ HIT: true, MISS: true, EXPIRED: true, STALE: true, UNTRUSTED: true, ERROR: true }),
    ),
    id: textOrNull,
    ageMs: { type: ['number', 'null'] },
    expiresAt: orNull(instant),
    zone: textOrNull,
    expiresInMs: { type: ['number', 'null'] },
    why: textOrNull,
  })
  const difference = {
    path: text,
    before: anything,
    after: anything,
    file: text,
    line: { type: 'integer', minimum: 1 },
  }
  return object({
    action: oneOf(['run', 'skip', 'none']),
    reason: oneOf(reasons()),
    base: textOrNull,
    head: text,
    dirty: flag,
    digest: textOrNull,
    cache: orNull(cache),
    components: { type: 'object', additionalProperties: component },
    headCommit: textOrNull,
    explanation: text,
    firstDifference: orNull(object(difference, ['before', 'after', 'file', 'line'])),
  })
}

function plan(action: object): object {
  const field = object({ path: text, before: anything, after: anything }, ['before', 'after'])
  return object({
    digest: text,
    summary: object({
      create: whole,
      update: whole,
      delete: whole,
      adopt: whole,
      of: whole,
      unchanged: whole,
      foreign: whole,
    }),
    changes: list(
      object({
        action,
        key: text,
        shard: textOrNull,
        cause: oneOf(['change', 'drift', 'unknown']),
        overwritesDrift: flag,
        destructive: flag,
        fields: list(field),
        dependsOn: list(text),
        live: textOrNull,
      }),
    ),
    remember: list(object({ key: text, value: anything }, ['value'])),
  })
}

function limit(): object {
  return object({
    rule: oneOf(rules()),
    limit: text,
    actual: text,
    shard: textOrNull,
    blocked: flag,
    override: textOrNull,
    message: text,
    allow: textOrNull,
    keys: list(text),
  })
}

function logRecord(): object {
  const level = oneOf(every<LogLevel>({ debug: true, info: true, warn: true, error: true }))
  const source = oneOf(
    every<LogSource>({ log: true, console: true, warning: true, exec: true, stdout: true, stderr: true }),
  )
  return object({ level, time: instant, message: text, fields: { type: 'object' }, shard: textOrNull, source })
}
