import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LogRecord } from '../../src/event.js'
import { createLogKeeper, KEPT_BYTES } from '../../src/report/log-keeper.js'

const bytesOf = (records: readonly LogRecord[]): number => Buffer.byteLength(JSON.stringify(records))
const line = (message: string, time = 0): LogRecord => ({ level: 'info', time, message })

function kept(records: Iterable<LogRecord>): ReturnType<ReturnType<typeof createLogKeeper>['kept']> {
  const keeper = createLogKeeper()
  for (const record of records) keeper.keep(record)
  return keeper.kept()
}

describe('the log that is kept', () => {
  it('is whole where it fits', () => {
    const records = Array.from({ length: 5000 }, (_, index) => line(`line ${String(index)}`, index))
    expect(kept(records)).toEqual({ records, dropped: 0, replayedFrom: null })
  })

  it('keeps head and tail, and says at its place how much is missing', () => {
    const records = Array.from({ length: 100_000 }, (_, index) =>
      line(`line ${String(index)} ${'x'.repeat(40)}`, index),
    )
    const { records: found, dropped } = kept(records)
    const at = found.findIndex(({ message }) => message.includes('were dropped here'))
    const [head, marker, tail] = [found.slice(0, at), found[at], found.slice(at + 1)]
    expect(head).toEqual(records.slice(0, head.length))
    expect(tail).toEqual(records.slice(records.length - tail.length))
    expect(dropped).toBe(records.length - head.length - tail.length)
    const lost = records.slice(head.length, records.length - tail.length)
    // Each with the comma behind it.
    expect(marker).toEqual({
      level: 'warn',
      time: lost.at(-1)?.time,
      message: expect.stringMatching(
        new RegExp(`^${String(dropped)} lines \\(\\d+ KiB\\) were dropped here: `),
      ) as string,
      fields: { droppedLines: dropped, droppedBytes: bytesOf(lost) - 1 },
    })
    expect(bytesOf(found)).toBeGreaterThan(KEPT_BYTES - 1024)
    expect(bytesOf(found)).toBeLessThanOrEqual(KEPT_BYTES)
    expect(Math.abs(bytesOf(head) - bytesOf(tail))).toBeLessThan(2048)
  })

  it('is never longer than 1 MiB, whatever is logged, and loses none of what it says it keeps', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 50 }),
      fc
        .constantFrom('"', '\\', 'ü', '漢', '😀', '\ud800', '\u0000', '\n', 'x')
        .chain((unit) => fc.constantFrom(1, 1000, 30_000, 150_000).map((length) => unit.repeat(length))),
    )
    const record = fc.record(
      {
        level: fc.constantFrom('debug', 'info', 'warn', 'error' as const),
        time: fc.integer({ min: 0, max: 4_102_444_800_000 }),
        message: text,
        fields: fc.dictionary(fc.string(), text, { maxKeys: 2 }),
        shard: text,
      },
      { requiredKeys: ['level', 'time', 'message'] },
    )
    fc.assert(
      fc.property(fc.array(record, { maxLength: 8 }), fc.integer({ min: 1, max: 4 }), (some, times) => {
        const records = Array.from({ length: times }, () => some as LogRecord[]).flat()
        const { records: found, dropped } = kept(records)
        expect(bytesOf(found)).toBeLessThanOrEqual(KEPT_BYTES)
        expect(found.length + dropped).toBe(records.length + (dropped === 0 ? 0 : 1))
      }),
      { numRuns: 20 },
    )
  })

  it('shortens a record that is too long by itself, from the middle', () => {
    const { records } = kept([
      { ...line(`start ${'😀'.repeat(200_000)} end`), fields: { n: 1 }, source: 'exec', shard: 'eu' },
      { ...line('small'), fields: { text: 'y'.repeat(200_000) } },
    ])
    expect(records[0]?.message).toMatch(/^start 😀+\n… \d+ characters were dropped here …\n😀+ end$/u)
    expect(records[0]).toMatchObject({ fields: { n: 1 }, source: 'exec', shard: 'eu' })
    expect(records[1]).toEqual(line('small\n(200011 bytes of fields were dropped)'))
  })

  it('can be asked in the middle', () => {
    const keeper = createLogKeeper()
    keeper.keep(line('a'))
    expect(keeper.kept().records).toEqual([line('a')])
    keeper.keep(line('b'))
    expect(keeper.kept().records).toEqual([line('a'), line('b')])
  })
})
