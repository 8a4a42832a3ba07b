// 1,000 random secrets, planted wherever an integration can put them, and every place that a run leaves bytes in.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Json, RunEvent, RunRecord } from '../../src/event.js'
import { defineIntegration, diff, listing, TrueupError } from '../../src/index.js'
import { savePlan } from '../../src/reconcile/saved-plan.js'
import { createLogReporter } from '../../src/report/log-reporter.js'
import { planMarkdown } from '../../src/report/markdown-plan.js'
import { createRedactor } from '../../src/report/redact.js'
import { redactRecord } from '../../src/report/redact-run.js'
import { record as sample } from './samples.js'
import { formatJson, runJson } from '../../src/report/run-json.js'
import { createStyle } from '../../src/report/style.js'
import { summaryText } from '../../src/report/summary.js'
import { planText } from '../../src/report/text-plan.js'
import { createMemoryStore, recordRun, type ObjectStore } from '../../src/testing.js'
import { createFakeClock } from '../../src/util/fake-clock.js'

const clock = createFakeClock()
const style = createStyle({ color: false, unicode: true, width: 80 })

/** How an author may come to show a secret. */
const PLANTS: readonly ((value: string) => string)[] = [
  (value) => value,
  (value) => `login failed for ${value}!`,
  (value) => `https://admin:${encodeURIComponent(value)}@db.example.com/x?y=1`,
  (value) => `authorization: Basic ${Buffer.from(`admin:${value}`).toString('base64')}`,
  (value) => JSON.stringify({ password: value }),
  (value) => Buffer.from(value).toString('hex'),
  (value) => `?token=${new URLSearchParams([['t', value]]).toString()}`,
  (value) => `a\n${value}\nb`,
]

const deep = (value: string, levels = 8): Json => (levels === 0 ? value : { down: [deep(value, levels - 1)] })

interface Item {
  readonly id: string
  readonly shown: Json
}

function leaky(secrets: readonly string[], fails: 'nowhere' | 'in run()' | 'in a handler') {
  const planted = (at: number): string => (PLANTS[at % PLANTS.length] ?? String)(secrets[at] ?? '')
  return defineIntegration({
    name: 'leaky',
    version: '1',
    deletePolicy: 'all',
    secrets: secrets.map((_, at) => ({ path: `s/${String(at)}` })),
    desiredState: () => secrets.map((_, at): Item => ({ id: `item-${String(at)}`, shown: null })),
    async run(ctx, desired) {
      const values = await Promise.all(secrets.map((_, at) => ctx.secrets.read(`s/${String(at)}`)))
      values.forEach((value, at) => {
        ctx.log.info(`read ${planted(at)}`, { plain: value, url: planted(at), deep: deep(planted(at)), [value]: at })
        ctx.log.warn(planted(at + 1))
      })
      if (fails === 'in run()')
        throw new Error(values.map((_, at) => planted(at)).join(', '), { cause: new Error(values.join(' ')) })
      const current = listing.whole(
        // Half of them are there and other: updates; the rest are creates. One more is deleted.
        [...values.keys(), 9999]
          .filter((at) => at % 2 === 1)
          .map((at): Item => ({
            id: `item-${String(at)}`,
            shown: {
              text: planted(at),
              deep: deep(planted(at)),
              keyed: { [values[at] ?? 'none']: 1 },
              alone: values[at] ?? null,
            },
          })),
      )
      const act = ({ key }: { readonly key: string }): void => {
        const at = Number(key.slice(5))
        if (fails === 'in a handler' && at % 3 === 0) throw new Error(planted(at), { cause: new Error(values[at]) })
        if (fails === 'in a handler' && at % 3 === 1)
          throw new TrueupError('apply-failed', planted(at), { details: { why: values[at] } })
        ctx.log.info(`done with ${planted(at)}`)
      }
      return ctx.plan(diff({ desired, current, key: (item) => item.id, normalize: (item) => item }), {
        create: act,
        update: act,
        delete: act,
      })
    },
    limits: { allowEmpty: true, maxDeletes: 100 },
  })
}

/** A store that keeps a copy of all that was ever written to it, journals that were removed again among them. */
function keeping(): { readonly store: ObjectStore; readonly written: string[] } {
  const inner = createMemoryStore({ clock: createFakeClock() })
  const written: string[] = []
  const put: ObjectStore['put'] = (key, value, options) => {
    written.push(`${key}\n${Buffer.from(value).toString('utf8')}`)
    return inner.put(key, value, options)
  }
  const store = new Proxy(inner, {
    get(target, name) {
      if (name === 'put') return put
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
  return { store, written }
}

async function logged(events: readonly RunEvent[], format: 'pretty' | 'json'): Promise<string> {
  const lines: string[] = []
  const reporter = await createLogReporter({
    write: (line) => lines.push(line),
    format,
    level: 'debug',
    style,
    showTarget: true,
    clock,
  })
  for (const event of events) reporter.report(event)
  if (format === 'json') for (const line of lines) JSON.parse(line)
  return lines.join('\n')
}

async function everything(
  record: RunRecord,
  events: readonly RunEvent[],
  written: readonly string[],
): Promise<Readonly<Record<string, string>>> {
  const saved = savePlan(record, [])
  const { plan, limits } = record
  return {
    events: JSON.stringify(events),
    json: formatJson(runJson([record], record.exitCode)),
    saved: JSON.stringify(saved ?? null),
    markdown: planMarkdown(record, { applyCommand: 'trueup apply leaky' }),
    text:
      plan === null
        ? ''
        : planText({ target: 'leaky', integration: 'leaky', plan, limits, mode: 'apply', applyCommand: 'x', style }),
    summary: summaryText(record, { style, retryCommand: 'x' }),
    pretty: await logged(events, 'pretty'),
    lines: await logged(events, 'json'),
    store: written.join('\n'),
  }
}

const secret = fc
  .oneof(
    fc.string({ minLength: 12, maxLength: 40, unit: 'grapheme-ascii' }),
    fc.string({ minLength: 12, maxLength: 30, unit: 'grapheme' }),
    fc.base64String({ minLength: 16, maxLength: 64 }),
    fc.stringMatching(/^[0-9a-f]{40}$/),
  )
  .filter((value) => value.trim().length >= 12 && /\d/.test(value) && !value.includes('://') && !value.includes('***'))

describe('any secret', () => {
  it.each(['nowhere', 'in run()', 'in a handler'] as const)(
    'is in nothing that a run leaves; failing %s',
    async (fails) => {
      let planted = 0
      await fc.assert(
        fc.asyncProperty(fc.uniqueArray(secret, { minLength: 50, maxLength: 50 }), async (values) => {
          planted += values.length
          const { store, written } = keeping()
          const secrets = Object.fromEntries(values.map((value, at) => [`s/${String(at)}`, value]))
          const { record, events } = await recordRun(leaky(values, fails), { mode: 'apply', secrets, store })
          expect(record.exitCode).toBe({ nowhere: 0, 'in run()': 1, 'in a handler': 5 }[fails])
          expect(record.outcomes).toHaveLength(fails === 'in run()' ? 0 : 51)
          for (const [sink, text] of Object.entries(await everything(record, events, written))) {
            const seen = values.filter((value) =>
              [
                value,
                JSON.stringify(value).slice(1, -1),
                encodeURIComponent(value),
                Buffer.from(value).toString('hex'),
              ].some((form) => text.includes(form)),
            )
            expect(seen, sink).toEqual([])
          }
          JSON.parse(formatJson(runJson([record], 0)))
          expect(written.some((text) => text.startsWith('journal/'))).toBe(fails !== 'in run()')
        }),
        { numRuns: 20, endOnFailure: true },
      )
      expect(planted).toBeGreaterThanOrEqual(1000)
    },
    120_000,
  )
})

describe('a password that is a word', () => {
  it.each(['postgres', 'true', 'name', 'action', 'create', 'digest', 'apply', 'leaky-keys'])(
    '%s breaks nothing of the document',
    async (word) => {
      const run = (password: string) =>
        recordRun(
          defineIntegration({
            name: 'leaky-keys',
            version: '1',
            deletePolicy: 'never',
            secrets: [{ path: 'db' }],
            desiredState: () => [{ id: 'postgres/true', name: 'x', postgres: true, action: { digest: 'y' } }],
            async run(ctx, desired) {
              await ctx.secrets.read('db')
              ctx.log.info('create digest', { name: 'x', action: 1 })
              return ctx.plan(diff({ desired, current: listing.whole([] as typeof desired), key: (item) => item.id }), {
                create: () => undefined,
              })
            },
          }),
          { secrets: { db: password }, mode: 'apply' },
        )
      const keys = (value: Json): unknown =>
        Array.isArray(value)
          ? value.map(keys)
          : typeof value === 'object' && value !== null
            ? Object.entries(value).map(([key, item]) => [key, keys(item)])
            : typeof value
      const [shown, plain] = [(await run(word)).record, (await run('something else')).record]
      const log = (record: RunRecord): RunRecord => ({
        ...record,
        log: { ...record.log, records: record.log.records.filter(({ level }) => level === 'info') },
      })
      const warned = runJson([log(shown)], 0)
      expect(keys(warned)).toEqual(keys(runJson([log(plain)], 0)))
      expect(shown.plan?.digest).toBe(plain.plan?.digest)
      expect(shown.plan?.changes.map(({ action, key }) => `${action} ${key}`)).toEqual(['create postgres/true'])
      expect([shown.decision.action, shown.run.target, shown.exitCode]).toEqual(['run', 'leaky-keys', 0])
    },
  )
})

it('takes secrets out of stacks and details of an error', () => {
  const redactor = createRedactor()
  redactor.register('hush-hush-1')
  const base = {
    run: { destination: null, shards: [], by: {} },
    decision: { explanation: '', components: {} },
    plan: null,
    limits: [],
    outcomes: [],
    log: { records: [] },
  }
  const stack = new Error('hush-hush-1').stack ?? ''
  const record = {
    ...base,
    error: { code: 'internal', message: 'hush-hush-1', details: { stack, at: [new Error('hush-hush-1')] } },
  } as unknown as RunRecord
  const { error } = redactRecord(redactor, record)
  expect(JSON.stringify(error)).not.toContain('hush-hush-1')
  expect(error).toMatchObject({
    message: '***',
    details: { stack: stack.replaceAll('hush-hush-1', '***'), at: ['***'] },
  })
})

describe('what an undo reads of a record', () => {
  it('holds no secret, in values, names and parameters', () => {
    const secret = 'p4ss-w0rd-of-the-db'
    const redactor = createRedactor()
    redactor.register(secret)
    const shown = redactRecord(
      redactor,
      sample({
        before: { [`user-${secret}`]: { password: [secret] }, plain: 1 },
        instead: { kind: 'undo', run: 'R', only: `user-${secret}`, left: [{ key: secret, why: `not ${secret}` }] },
        configured: {
          integration: 'dns',
          params: { url: `https://a:${secret}@db` },
          flags: { token: secret },
          destination: `db/${secret}`,
        },
      }),
    )
    expect(shown).toMatchObject({
      before: { 'user-***': { password: ['***'] }, plain: 1 },
      instead: { kind: 'undo', run: 'R', only: 'user-***', left: [{ key: '***', why: 'not ***' }] },
      configured: {
        integration: 'dns',
        params: { url: 'https://a:***@db' },
        flags: { token: '***' },
        destination: 'db/***',
      },
    })
    const moved = redactRecord(redactor, sample({ instead: { kind: 'move', keys: [secret], from: 'a', to: 'b' } }))
    expect(moved.instead).toEqual({ kind: 'move', keys: ['***'], from: 'a', to: 'b' })
  })
})
