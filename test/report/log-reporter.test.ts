import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'
import type { RunEvent } from '../../src/event.js'
import { createLogReporter } from '../../src/report/log-reporter.js'
import type { LogReporterOptions } from '../../src/report/log-reporter.js'
import { createStyle } from '../../src/report/style.js'
import { change, decision, dnsPlan, limit, outcome, record, startedAt } from './samples.js'

const clock = { now: () => startedAt, monotonic: () => 0, sleep: () => Promise.resolve() }
const target = 'dns-records'

async function linesOf(events: readonly RunEvent[], given: Partial<LogReporterOptions> = {}): Promise<string[]> {
  const lines: string[] = []
  const style = createStyle({ color: false, unicode: true, width: 80, utc: true })
  const reporter = await createLogReporter({
    write: (line) => lines.push(line),
    format: 'pretty',
    level: 'info',
    style,
    showTarget: false,
    clock,
    ...given,
  })
  for (const event of events) reporter.report(event)
  return lines
}

const events: readonly RunEvent[] = [
  { kind: 'decided', target, decision: decision({ dirty: true }) },
  {
    kind: 'warned',
    target,
    message: 'cannot compare with 1a2b3c4d: this clone is shallow.\nRunning in full.',
    details: { depth: 1 },
  },
  { kind: 'recovered', target, run: '01JD', unknown: [outcome({ key: 'a/b', result: 'unknown' })] },
  { kind: 'logged', target, record: { level: 'info', time: startedAt, message: '41 records listed' } },
  {
    kind: 'logged',
    target,
    record: {
      level: 'warn',
      time: startedAt,
      message: 'odd\nthing\u001b[2J',
      fields: { zone: 'a b', level: 9 },
      shard: 'eu',
    },
  },
  { kind: 'logged', target, record: { level: 'debug', time: startedAt, message: 'page 2' } },
  { kind: 'planned', target, plan: dnsPlan, limits: [limit()], mode: 'apply' },
  { kind: 'change-started', target, change: change({ action: 'create', key: 'example.com/api/A' }) },
  { kind: 'change-finished', target, outcome: outcome({ key: 'example.com/api/A' }), durationMs: 12 },
  {
    kind: 'change-finished',
    target,
    outcome: outcome({ key: 'x', action: 'delete', shard: 'eu', result: 'failed', error: 'no\nway' }),
    durationMs: 2100,
  },
  {
    kind: 'change-finished',
    target,
    outcome: outcome({ key: 'y', result: 'skipped', error: 'depends on x, which failed' }),
    durationMs: 0,
  },
  {
    kind: 'finished',
    record: record({
      outcomes: [outcome({ key: 'example.com/api/A' })],
      exitCode: 5,
      error: { code: 'apply-failed', message: '1 failed', details: {} },
    }),
  },
]

describe('pretty', () => {
  it('words every event once', async () => {
    expect((await linesOf(events)).join('\n')).toMatchInlineSnapshot(`
      "decision=run reason=no-comparison-asked target=dns-records head=worktree dirty=true digest=9c0d41aa
      trueup: warning: cannot compare with 1a2b3c4d: this clone is shallow.
        Running in full.
      trueup: warning: run 01JD ended in the middle of 1 change, looked at again now: create a/b.
        │ 09:12:44 info  41 records listed
        │ 09:12:44 warn  [eu] odd zone="a b" level=9
        │                thing\\x1b[2J
      applied  create example.com/api/A  (12 ms)
      failed   delete x [eu]  (2.1 s)  no\\nway
      skipped  create y  depends on x, which failed"
    `)
  })

  it('names targets when several share the output', async () => {
    expect((await linesOf(events.slice(1, 5), { showTarget: true })).join('\n')).toMatchInlineSnapshot(`
      "trueup: warning: dns-records: cannot compare with 1a2b3c4d: this clone is shallow.
        Running in full.
      trueup: warning: dns-records: run 01JD ended in the middle of 1 change, looked at again now: create a/b.
        │ 09:12:44 info  dns-records 41 records listed
        │ 09:12:44 warn  dns-records [eu] odd zone="a b" level=9
        │                thing\\x1b[2J"
    `)
  })

  it('leaves applied changes to a moving line, but not failures', async () => {
    const lines = await linesOf(events.slice(8, 10), { changes: false })
    expect(lines).toEqual(['failed   delete x [eu]  (2.1 s)  no\\nway'])
  })
})

describe('json', () => {
  it('writes one JSON object a line, ids whole, data in its own place', async () => {
    const lines = (await linesOf(events, { format: 'json', level: 'debug' })).map(
      (line) => JSON.parse(line) as Record<string, unknown>,
    )
    expect(lines).toHaveLength(events.length)
    expect(lines.map(({ level, message }) => [level, message])).toMatchInlineSnapshot(`
      [
        [
          "info",
          "decision",
        ],
        [
          "warn",
          "cannot compare with 1a2b3c4d: this clone is shallow.
      Running in full.",
        ],
        [
          "warn",
          "recovered",
        ],
        [
          "info",
          "41 records listed",
        ],
        [
          "warn",
          "odd
      thing[2J",
        ],
        [
          "debug",
          "page 2",
        ],
        [
          "warn",
          "planned",
        ],
        [
          "debug",
          "change started",
        ],
        [
          "info",
          "change finished",
        ],
        [
          "error",
          "change finished",
        ],
        [
          "warn",
          "change finished",
        ],
        [
          "error",
          "finished",
        ],
      ]
    `)
    const time = '2026-11-20T09:12:44.000Z'
    expect(lines[0]).toEqual({
      level: 'info',
      time,
      target,
      message: 'decision',
      decision: 'run',
      reason: 'no-comparison-asked',
      head: 'worktree',
      dirty: true,
      digest: decision().digest,
    })
    expect(lines[4]).toEqual({
      level: 'warn',
      time,
      target,
      message: 'odd\nthing\u001b[2J',
      shard: 'eu',
      fields: { zone: 'a b', level: 9 },
    })
  })

  it('shows a GitHub runner no command and the reader the same text', async () => {
    const [line = ''] = await linesOf([{ kind: 'warned', target, message: 'a ##[error]b' }], { format: 'json' })
    expect(line).not.toContain('##[')
    expect(JSON.parse(line)).toMatchObject({ message: 'a ##[error]b' })
  })
})

describe('both', () => {
  it.each(['pretty', 'json'] as const)('%s: the decision is exactly one line, at every level', async (format) => {
    for (const level of ['debug', 'info', 'warn', 'error'] as const) {
      const lines = await linesOf(events, { format, level })
      expect(
        lines.filter((line) => line.startsWith('decision=') || line.includes('"message":"decision"')),
      ).toHaveLength(1)
    }
    expect(await linesOf(events.slice(3, 5), { format, level: 'error' })).toEqual([])
  })

  it('text mode loads no pino', async () => {
    const built = await build({
      entryPoints: [fileURLToPath(new URL('../../src/report/log-reporter.ts', import.meta.url))],
      bundle: true,
      format: 'esm',
      platform: 'node',
      packages: 'external',
      splitting: true,
      outdir: 'never-written',
      write: false,
      metafile: true,
    })
    const entry = Object.values(built.metafile.outputs).find(({ entryPoint }) =>
      entryPoint?.endsWith('log-reporter.ts'),
    )
    expect(
      entry?.imports
        .filter(({ kind }) => kind === 'import-statement')
        .map(({ path }) => path)
        .join(),
    ).not.toMatch(/pino|json-log/)
    expect(JSON.stringify(built.metafile.outputs)).toContain('pino')
  })
})
