// A kept log on a screen, on a CI runner and as JSON: what it was, and nothing that acts.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LogLevel, LogRecord, ReplayedEvent } from '../../src/event.js'
import { createLogLines } from '../../src/report/log-lines.js'
import { createLogReporter, type LogReporterOptions } from '../../src/report/log-reporter.js'
import { createStyle, type StyleOptions } from '../../src/report/style.js'
import { replayText } from '../../src/report/replay.js'
import { startedAt } from './samples.js'

const clock = { now: () => startedAt + 720_000, monotonic: () => 0, sleep: () => Promise.resolve() }
const records: readonly LogRecord[] = [
  { level: 'info', time: startedAt, message: '41 records listed' },
  { level: 'warn', time: startedAt, message: 'mail has no\nreverse entry', shard: 'eu', source: 'console' },
  { level: 'debug', time: startedAt + 1000, message: 'page 2', fields: { page: 2 } },
  { level: 'error', time: startedAt + 2000, message: 'late', source: 'exec', fields: { program: 'dig' } },
]

function event(over: Partial<ReplayedEvent> = {}): ReplayedEvent {
  return {
    kind: 'replayed',
    target: 'dns-records',
    entry: '5d1c40b2',
    run: '01JD',
    ageMs: 720_000,
    expiresAt: startedAt + 3_600_000,
    zone: 'main',
    records,
    dropped: 0,
    ...over,
  }
}

interface Told extends Partial<Omit<LogReporterOptions, 'style'>> {
  readonly style?: Partial<StyleOptions>
}

async function told(given: ReplayedEvent, { style, ...options }: Told = {}): Promise<string[]> {
  const texts: string[] = []
  const reporter = await createLogReporter({
    write: (text) => texts.push(text),
    format: 'pretty',
    level: 'debug',
    style: createStyle({ color: false, unicode: true, width: 80, utc: true, ...style }),
    showTarget: false,
    clock,
    ...options,
  })
  reporter.report(given)
  return texts.join('\n').split('\n')
}

describe('on a screen', () => {
  it('says first what it is, how to run anyway and how to forget it; keeps level, time and source', async () => {
    expect((await told(event())).join('\n')).toMatchInlineSnapshot(`
      "Replayed: the log of run 01JD of 12 minutes ago (4 records); to run anyway: --force, to forget it: trueup cache delete 5d1c40b2
        │ 09:12:44 info  41 records listed
        │ 09:12:44 warn  [eu] mail has no source=console
        │                reverse entry
        │ 09:12:45 debug page 2 page=2
        │ 09:12:46 error late program=dig source=exec"
    `)
  })

  it('names the target where several share the output, and the day of an old log', async () => {
    const lines = await told(event({ ageMs: 26 * 3_600_000, dropped: 3 }), { showTarget: true })
    expect(lines.slice(0, 2).join('\n')).toMatchInlineSnapshot(`
      "dns-records: Replayed: the log of run 01JD of 26 hours ago (4 records, 3 lines were not kept); to run anyway: --force, to forget it: trueup cache delete 5d1c40b2
        │ 2026-11-20 09:12:44 info  dns-records 41 records listed"
    `)
  })

  it.each([
    ['full', 'debug', 5, '4 records'],
    ['full', 'info', 4, '3 of 4 records: --log-level hides the others'],
    ['errors', 'debug', 1, '1 of 4 records: errors only'],
    ['none', 'debug', 0, '4 records, not shown'],
  ] as const)('--replay %s at level %s shows %d lines, and says so', async (replay, level, count, text) => {
    const [first, ...rest] = await told(event(), { replay, level })
    expect(rest).toHaveLength(count)
    expect(first).toContain(`(${text});`)
  })

  it('says nothing at all where nothing of level info is wanted', async () => {
    expect(await told(event(), { level: 'warn' })).toEqual([''])
  })

  it('of nothing', async () => {
    expect(await told(event({ records: [] }))).toEqual([
      'Replayed: the log of run 01JD of 12 minutes ago (it logged nothing); to run anyway: --force, to forget it: trueup cache delete 5d1c40b2',
    ])
  })
})

describe('as JSON', () => {
  it('one line a record, each with the run it is replayed from', async () => {
    const lines = (await told(event(), { format: 'json', replay: 'errors' })).map((line) => JSON.parse(line) as unknown)
    expect(lines).toEqual([
      {
        level: 'info',
        time: new Date(clock.now()).toISOString(),
        message: 'replayed',
        target: 'dns-records',
        entry: '5d1c40b2',
        replayedFrom: '01JD',
        ageMs: 720_000,
        expiresAt: new Date(startedAt + 3_600_000).toISOString(),
        zone: 'main',
        records: 4,
        shown: 1,
        dropped: 0,
      },
      {
        level: 'error',
        time: new Date(startedAt + 2000).toISOString(),
        message: 'late',
        target: 'dns-records',
        source: 'exec',
        fields: { program: 'dig' },
        replayedFrom: '01JD',
      },
    ])
  })
})

describe('many lines at once', () => {
  /** What goes out line by line, and what as whole lines. */
  async function replayed(records: readonly LogRecord[], format: 'pretty' | 'json'): Promise<readonly string[]> {
    const pieces: Uint8Array[] = []
    await told(event({ records }), { format, writeLines: (lines) => pieces.push(lines) })
    expect(pieces.every((piece) => piece.at(-1) === 0x0a)).toBe(true)
    return Buffer.concat(pieces).toString().split('\n').slice(0, -1)
  }
  const letters = fc.string({
    unit: fc.constantFrom('a', ' ', '"', '\\', '#', 'é', '€', '😀', '\ud800', '\u007f', '\u2028', '\t'),
  })
  const records = fc.array(
    fc.record(
      {
        level: fc.constantFrom<LogLevel>('debug', 'info', 'warn', 'error'),
        time: fc.integer({ min: startedAt, max: startedAt + 3000 }),
        message: letters,
        shard: letters,
        source: fc.constantFrom('exec' as const),
        fields: fc.dictionary(letters, letters, { maxKeys: 2 }),
      },
      { requiredKeys: ['level', 'time', 'message'] },
    ),
    { maxLength: 6 },
  )

  it('each says on a screen what it said when it was logged', async () => {
    const lines = createLogLines({
      style: createStyle({ color: false, unicode: true, width: 80, utc: true }),
    })
    await fc.assert(
      fc.asyncProperty(records, async (kept) => {
        expect(await replayed(kept, 'pretty')).toEqual(kept.map(lines))
      }),
    )
  })

  it('each is the record as it was, as JSON', async () => {
    await fc.assert(
      fc.asyncProperty(records, async (kept) => {
        const lines = (await replayed(kept, 'json')).map((line) => JSON.parse(line) as Record<string, unknown>)
        expect(lines).toEqual(
          kept.map(({ time, ...record }) => ({
            ...record,
            time: new Date(time).toISOString(),
            target: 'dns-records',
            replayedFrom: '01JD',
          })),
        )
      }),
    )
  })

  it('of a long log in pieces, none of which is long', async () => {
    const kept = Array.from({ length: 2000 }, (_, index): LogRecord => ({
      level: index % 7 === 0 ? 'warn' : 'info',
      time: startedAt + index,
      message: `line ${String(index)} ${'€'.repeat(20)}`,
    }))
    for (const format of ['pretty', 'json'] as const) {
      const sizes: number[] = []
      await told(event({ records: kept }), { format, writeLines: (lines) => sizes.push(lines.length) })
      expect(Math.max(...sizes)).toBeLessThan(34 * 1024)
      expect(await replayed(kept, format)).toHaveLength(2000)
    }
  })
})

describe('what is hostile', () => {
  const style = createStyle({ color: false, unicode: true, width: 80, utc: true, githubActions: true })

  it('on GitHub Actions the log stands between stop-commands with a token of its own', async () => {
    const all = await Promise.all([
      told(event(), { style: { githubActions: true } }),
      told(event(), { style: { githubActions: true } }),
    ])
    const tokens = all.map((lines) => {
      const [, token] = /^::stop-commands::([0-9a-f]{48})$/.exec(lines[1] ?? '') ?? []
      expect(lines.at(-1)).toBe(`::${String(token)}::`)
      expect(lines.filter((line) => line.startsWith('::'))).toHaveLength(2)
      return token
    })
    expect(tokens[0]).not.toBe(tokens[1])
  })

  it('commands are taken again when writing fails in the middle', () => {
    const written: string[] = []
    const write = (line: string): void => {
      written.push(line)
    }
    const writeLines = (): void => {
      throw new Error('disk full')
    }
    expect(() => {
      replayText(event(), {
        mode: 'full',
        style,
        showTarget: false,
        isShown: () => true,
        write,
        writeLines,
        newToken: () => 'token',
      })
    }).toThrow('disk full')
    expect([written[1], written.at(-1)]).toEqual(['::stop-commands::token', '::token::'])
  })

  it('no line is a command of any runner and no character acts, whatever was kept', async () => {
    const nasty = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.constantFrom(
        '::set-output name=a::b',
        '::stop-commands::x',
        '::add-mask::',
        '##[error]x',
        '##vso[task.setvariable variable=a]b',
        '##teamcity[message]',
        '\u001b[2J',
        '\u001b]0;t\u0007',
        '\u009b31m',
        '\r',
        '\n',
        '\r\n',
        '\u2028',
        '\u0085',
        '\b\b',
        '\u202e',
        '\t',
        ' ',
        ':',
        '#',
      ),
    )
    const text = fc.array(nasty, { maxLength: 8 }).map((pieces) => pieces.join(''))
    const level = fc.constantFrom<LogLevel>('debug', 'info', 'warn', 'error')
    const record = fc.record(
      {
        level,
        time: fc.integer({ min: 0, max: 4e12 }),
        message: text,
        shard: text,
        fields: fc.dictionary(text, text, { maxKeys: 2 }),
      },
      { requiredKeys: ['level', 'time', 'message'] },
    )
    const replayed = fc.record({
      target: text,
      entry: text,
      run: text,
      zone: text,
      records: fc.array(record as fc.Arbitrary<LogRecord>, { maxLength: 5 }),
    })
    const place = fc.constantFrom<{ format: 'pretty' | 'json'; style: Partial<StyleOptions> }>(
      { format: 'pretty', style: {} },
      { format: 'pretty', style: { unicode: false, runner: true } },
      { format: 'pretty', style: { githubActions: true } },
      { format: 'json', style: {} },
    )
    await fc.assert(
      fc.asyncProperty(replayed, place, fc.boolean(), async (over, options, showTarget) => {
        const lines = await told(event(over), { ...options, showTarget })
        for (const record of over.records) lines.push(...(await live(record, options)))
        // Those of our own, which say so by their token.
        const [, token] =
          lines.map((line) => /^::stop-commands::([0-9a-f]{48})$/.exec(line)).find((match) => match !== null) ?? []
        const others = lines.filter((line) => token === undefined || !line.includes(token))
        expect(lines.length - others.length).toBe(token === undefined ? 0 : 2)
        for (const line of others) {
          expect(line).not.toMatch(/^\s*::/)
          expect(line).not.toMatch(/##(\[|vso\[|teamcity\[)/)
          expect(line).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u)
        }
      }),
      { numRuns: 150 },
    )
  })

  /** The same record, not replayed. */
  async function live(
    record: LogRecord,
    options: { format: 'pretty' | 'json'; style: Partial<StyleOptions> },
  ): Promise<string[]> {
    const lines: string[] = []
    const reporter = await createLogReporter({
      write: (line) => lines.push(line),
      format: options.format,
      level: 'debug',
      style: createStyle({ color: false, unicode: true, width: 80, utc: true, ...options.style }),
      showTarget: true,
      clock,
    })
    reporter.report({ kind: 'logged', target: 't', record })
    return lines
  }
})
