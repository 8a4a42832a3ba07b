// Durations as people write them (`90s`, `30m`, `1h`, `1d`) in, milliseconds out, and back. No clock, no domain word.

/** The accepted forms, for messages. */
export const DURATION_FORMS = '90s, 30m, 1h, 1d, or a bare number of seconds'

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** Milliseconds of `90s`, `30m`, `1h`, `1d` or a bare number of seconds; undefined for anything else, zero and what is too long to count exactly. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+)([smhd]?)$/.exec(text)
  if (match === null) return undefined
  const unit = (match[2] === '' ? 's' : match[2]) as keyof typeof UNIT_MS
  const ms = Number(match[1]) * UNIT_MS[unit]
  return ms > 0 && Number.isSafeInteger(ms) ? ms : undefined
}

/** The shortest exact text: `1h`, `90m`, `45s`, `2.1s`, `850ms`. Whole seconds are read back by `parseDuration`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`
  if (ms % 1000 !== 0) return `${Math.round(ms / 100) / 10}s`
  for (const unit of ['d', 'h', 'm'] as const) if (ms % UNIT_MS[unit] === 0) return `${ms / UNIT_MS[unit]}${unit}`
  return `${ms / 1000}s`
}
