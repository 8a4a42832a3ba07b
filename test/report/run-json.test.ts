import { describe, expect, it } from 'vitest'
import type { Json, RunRecord } from '../../src/event.js'
import { formatJson, runJson } from '../../src/report/run-json.js'
import { runJsonSchema } from '../../src/report/run-json-schema.js'
import { problems, type Schema } from '../support/json-schema.js'
import { decision, dnsPlan, limit, outcome, record, startedAt } from './samples.js'

const full: RunRecord = record({
  run: { mode: 'apply', shards: ['eu'] },
  decision: decision({
    reason: 'desired-changed',
    base: 'b'.repeat(40),
    components: {
      code: { head: 'x', base: 'x', same: true },
      desired: { head: 'y', base: null, same: null, detail: 'eu' },
    },
    firstDifference: { path: '[3].value', before: undefined, after: '10.0.0.5', file: 'data/a.yaml', line: 9 },
  }),
  plan: dnsPlan,
  limits: [limit({ keys: ['a'], shard: 'eu' })],
  outcomes: [outcome({ key: 'a' }), outcome({ key: 'b', result: 'unknown', error: 'no answer' })],
  log: {
    records: [
      { level: 'warn', time: startedAt, message: 'x ##[y]', fields: { n: 1 }, shard: 'eu' },
      { level: 'info', time: startedAt, message: 'z' },
    ],
    dropped: 2,
    replayedFrom: null,
  },
  error: { code: 'apply-failed', message: '1 unknown', details: { key: 'b' } },
  exitCode: 5,
  relations: [{ name: 'vpc', asked: 2000, loaded: 200 }],
  repeats: [{ key: 'a', action: 'update', shard: null, times: 3, stopped: true }],
  calls: [{ provider: 'https://dns.example.com', reads: 12, writes: 1, waitedMs: 0 }],
})

const samples: Readonly<Record<string, RunRecord>> = {
  full,
  'dry run': record({ plan: dnsPlan }),
  skip: record({ decision: decision({ action: 'skip', reason: 'inputs-unchanged', digest: null }) }),
  failed: record({
    decision: decision({ action: 'none', reason: 'head-failed' }),
    error: { code: 'internal', message: 'x', details: {} },
    exitCode: 1,
  }),
  running: { ...record(), state: 'running' },
}

/** Every path to a field, arrays as one; what may differ between two documents is only what is null or empty in one. */
function shape(value: Json): string[] {
  if (Array.isArray(value) || typeof value !== 'object' || value === null) return ['']
  return Object.entries(value).flatMap(([name, inner]: [string, Json]) => shape(inner).map((path) => `.${name}${path}`))
}

describe('runJson', () => {
  it.each(Object.entries(samples))('%s: agrees with the schema, both ways', (_name, sample) => {
    const document: unknown = JSON.parse(formatJson(runJson([sample], sample.exitCode)))
    expect(problems(runJsonSchema() as Schema, document)).toEqual([])
  })

  it('the check itself finds what is missing, unknown and of another type', () => {
    const document = JSON.parse(formatJson(runJson([full], 5))) as { runs: Record<string, Record<string, unknown>>[] }
    const run = document.runs[0]
    if (run === undefined) throw new Error('no run')
    delete run['log']?.['dropped']
    run['run'] = { ...run['run'], startedAt, extra: 1 }
    expect(problems(runJsonSchema() as Schema, document).sort()).toEqual([
      '$.runs[0].log.dropped: missing',
      '$.runs[0].run.extra: not in the schema',
      '$.runs[0].run.startedAt: is number',
      '$.runs[0].run.startedAt: no UTC time',
    ])
  })

  it('has the fields of the CLI reference', () => {
    const [run] = (runJson([full], 5) as { runs: Json[] }).runs
    expect(shape(run ?? null)).toMatchInlineSnapshot(`
      [
        ".run.id",
        ".run.target",
        ".run.integration",
        ".run.version",
        ".run.mode",
        ".run.destination",
        ".run.shards",
        ".run.startedAt",
        ".run.durationMs",
        ".run.by.actor",
        ".run.by.url",
        ".run.by.host",
        ".run.by.tool",
        ".state",
        ".decision.action",
        ".decision.reason",
        ".decision.base",
        ".decision.head",
        ".decision.dirty",
        ".decision.digest",
        ".decision.cache",
        ".decision.components.code.head",
        ".decision.components.code.base",
        ".decision.components.code.same",
        ".decision.components.code.detail",
        ".decision.components.desired.head",
        ".decision.components.desired.base",
        ".decision.components.desired.same",
        ".decision.components.desired.detail",
        ".decision.headCommit",
        ".decision.explanation",
        ".decision.firstDifference.path",
        ".decision.firstDifference.after",
        ".decision.firstDifference.file",
        ".decision.firstDifference.line",
        ".plan.digest",
        ".plan.summary.create",
        ".plan.summary.update",
        ".plan.summary.delete",
        ".plan.summary.adopt",
        ".plan.summary.of",
        ".plan.summary.unchanged",
        ".plan.summary.foreign",
        ".plan.changes",
        ".plan.remember",
        ".limits",
        ".outcomes",
        ".log.records",
        ".log.replayedFrom",
        ".log.dropped",
        ".error.code",
        ".error.message",
        ".error.details.key",
        ".exitCode",
        ".instead",
        ".durable",
        ".relations",
        ".repeats",
        ".holds",
        ".calls",
      ]
    `)
    expect(runJson([full], 5)).toMatchObject({ schema: 'trueup/1', exitCode: 5 })
    expect(run).toMatchObject({
      run: { startedAt: '2026-11-20T09:12:44.000Z', durationMs: 2100 },
      log: { records: [{ fields: { n: 1 } }, { fields: {}, shard: null }] },
    })
  })

  it('keeps a missing side of a field apart from null', () => {
    const fields = [
      { path: 'a', before: null, after: 1 },
      { path: 'b', after: null },
    ]
    const sample = record({
      plan: { ...dnsPlan, changes: dnsPlan.changes.slice(0, 1).map((item) => ({ ...item, fields })) },
    })
    const text = formatJson(runJson([sample], 0))
    expect(JSON.parse(text)).toMatchObject({ runs: [{ plan: { changes: [{ fields }] } }] })
    expect(text.match(/"before"/g)).toHaveLength(1)
  })

  it('survives any error details', () => {
    const details: Record<string, unknown> = {
      big: 10n,
      when: new Date(0),
      set: new Set([1]),
      map: new Map([['a', NaN]]),
      error: new Error('e'),
      no: undefined,
      call: () => 0,
    }
    details['self'] = details
    const sample = record({ error: { code: 'internal', message: 'x', details } })
    expect(JSON.parse(formatJson(runJson([sample], 1)))).toMatchObject({
      runs: [
        {
          error: {
            details: {
              big: '10',
              when: '1970-01-01T00:00:00.000Z',
              set: [1],
              map: { a: 'NaN' },
              error: 'e',
              call: null,
              self: '(circular)',
            },
          },
        },
      ],
    })
  })

  it('is an empty list of runs when none was made, and shows a runner no command', () => {
    expect(formatJson(runJson([], 64))).toBe('{\n  "schema": "trueup/1",\n  "exitCode": 64,\n  "runs": []\n}\n')
    const text = formatJson(runJson([full], 5))
    expect(text).not.toContain('##[')
    expect(JSON.parse(text)).toMatchObject({ runs: [{ log: { records: [{ message: 'x ##[y]' }, {}] } }] })
  })
})
