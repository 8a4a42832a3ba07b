// Parts of serve: how a child ends, what a run's end means to the schedule, what is told again and what is only counted, which addresses --listen takes.
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runChild } from '../../src/cli/serve/child-run.js'
import { runEnd } from '../../src/cli/serve/run-result.js'
import { listenAddress } from '../../src/cli/serve/status.js'
import { createTold } from '../../src/cli/serve/told.js'
import { runJson } from '../../src/report/run-json.js'
import type { RunRecord } from '../../src/event.js'
import { systemClock } from '../../src/util/clock.js'
import { createRig } from '../support/rig.js'
import { change, decision, outcome, plan, record } from '../report/samples.js'

const end = (exitCode: number | null, given: Parameters<typeof record>[0] = {}): ReturnType<typeof runEnd> =>
  runEnd({ exitCode, document: runJson([record(given)], exitCode ?? 1), stderr: '' })
const error = (code: NonNullable<RunRecord['error']>['code']): Pick<RunRecord, 'error'> => ({
  error: { code, message: `it is ${code}`, details: {} },
})

describe('the end of a run', () => {
  it.each([
    ['nothing to do', 0, { plan: plan([]) }, 'done', 'converged', 'no changes'],
    ['a skip', 0, { decision: decision({ action: 'skip' }) }, 'done', 'skipped', 'skipped'],
    [
      'changes pending',
      2,
      { plan: plan([change({ action: 'create', key: 'a' })]) },
      'done',
      'pending',
      'changes pending: 1 create',
    ],
    [
      'changes applied',
      0,
      { plan: plan([change({ action: 'create', key: 'a' })]), outcomes: [outcome({ key: 'a' })] },
      'done',
      'applied',
      'applied: 1 create',
    ],
    ['a lease that is held', 75, error('lease-held'), 'after', 'later', 'it is lease-held'],
    ['a limit', 3, error('plan-blocked'), 'failed', 'blocked', 'it is plan-blocked'],
    ['a store that is away', 1, error('store-unavailable'), 'retry', 'failed', 'it is store-unavailable'],
    ['a mistake', 1, error('integration-invalid'), 'failed', 'failed', 'it is integration-invalid'],
    ['something applied, something not', 5, error('apply-failed'), 'retry', 'failed', 'it is apply-failed'],
    ['the end of its time', 143, error('interrupted'), 'retry', 'failed', 'it is interrupted'],
  ] as const)('%s', (_what, exitCode, given, kind, name, summary) => {
    const { result, outcome: told, summary: text } = end(exitCode, given)
    expect([result.kind, told, text]).toEqual([kind, name, summary])
  })

  it('a hold is looked at again later than a lease', () => {
    const after = (reason: 'held' | 'lease-held'): unknown =>
      end(75, { decision: decision({ action: 'none', reason }), ...error(reason) }).result
    expect([after('held'), after('lease-held')]).toEqual([
      { kind: 'after', afterMs: 300_000, reason: 'held' },
      { kind: 'after', afterMs: 30_000, reason: 'lease-held' },
    ])
  })

  it('a hold of a part, when the rest was applied, waits for its usual time: the next look would plan it all again', () => {
    const given = { ...error('held'), outcomes: [outcome({ key: 'a' }), outcome({ key: 'b', result: 'skipped' })] }
    const { result, outcome: told } = end(75, given)
    expect([result, told]).toEqual([{ kind: 'done' }, 'later'])
  })

  it('without a document it is the last line of what it said', () => {
    const { result, summary, exitCode } = runEnd({
      exitCode: null,
      document: undefined,
      stderr: 'one\nout of memory\n',
    })
    expect([result.kind, exitCode, summary]).toEqual(['failed', 1, 'the run ended with no exit code: out of memory'])
  })
})

describe('the child of a run', () => {
  it('that is told to end before it can listen is run again, not put off to its usual time', async () => {
    await using rig = await createRig({ files: { 'wait.mjs': 'setInterval(() => undefined, 1000)\n' } })
    const child = await runChild({
      program: join(rig.repo, 'wait.mjs'),
      args: [],
      directory: rig.repo,
      environment: {},
      signal: AbortSignal.abort(),
      clock: systemClock,
    })
    expect(child).toEqual({ exitCode: 143, document: undefined, stderr: 'ended by SIGTERM' })
    expect(runEnd(child).result.kind).toBe('retry')
  })
})

describe('what is told', () => {
  const rig = (
    format: 'pretty' | 'json' = 'pretty',
  ): { lines: string[]; told: ReturnType<typeof createTold>; pass: (ms: number) => void } => {
    const lines: string[] = []
    let now = Date.UTC(2026, 0, 1)
    const told = createTold({
      write: (text) => lines.push(text),
      format,
      level: 'info',
      now: () => now,
      redact: (text) => text.replaceAll('hunter22', '[redacted]'),
    })
    return { lines, told, pass: (ms) => (now += ms) }
  }

  it('the same again is counted, and told with what differs then', () => {
    const { lines, told, pass } = rig()
    for (let time = 0; time < 12; time += 1) {
      told.change('dns', 'warn', 'dns: the API is away')
      pass(60_000)
    }
    told.change('other', 'info', 'other: no changes')
    told.change('dns', 'info', 'dns: no changes')
    expect(lines.map((line) => line.slice(9))).toEqual([
      'warn  dns: the API is away\n',
      'info  other: no changes\n',
      'info  dns: no changes (before that 12 times in 12m: dns: the API is away)\n',
    ])
  })

  it('what was done is told each time, also when it is the same again', () => {
    const { lines, told } = rig()
    told.each('dns', 'info', 'dns apply: applied: 1 update')
    told.each('dns', 'info', 'dns apply: applied: 1 update')
    told.change('dns', 'info', 'dns apply: no changes')
    told.change('dns', 'info', 'dns apply: no changes')
    told.each('dns', 'info', 'dns apply: applied: 1 update')
    expect(lines.map((line) => line.slice(9))).toEqual([
      'info  dns apply: applied: 1 update\n',
      'info  dns apply: applied: 1 update\n',
      'info  dns apply: no changes\n',
      'info  dns apply: applied: 1 update (before that 2 times in 1s: dns apply: no changes)\n',
    ])
  })

  it('never a secret, never more than one line, and as JSON with its fields', () => {
    const { lines, told } = rig('json')
    told.line('error', 'a\nb hunter22', { target: 'dns' })
    told.line('debug', 'not at this level')
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { level: 'error', time: '2026-01-01T00:00:00.000Z', msg: 'a\nb [redacted]', target: 'dns' },
    ])
    const pretty = rig()
    pretty.told.line('error', 'a\n\u001b[31mb hunter22')
    expect(pretty.lines.join('').slice(9)).toBe('error a [31mb [redacted]\n')
  })
})

describe('--listen', () => {
  it('takes a port, an address, or off', () => {
    expect(['off', '9464', '0.0.0.0:1', '[::1]:0', 'localhost:80'].map(listenAddress)).toEqual([
      null,
      { host: '127.0.0.1', port: 9464 },
      { host: '0.0.0.0', port: 1 },
      { host: '::1', port: 0 },
      { host: 'localhost', port: 80 },
    ])
    for (const wrong of ['', 'host', ':80', '127.0.0.1:65536', 'http://x:80', '-1'])
      expect(() => listenAddress(wrong)).toThrow(/--listen takes/)
  })
})
