// In: numbers, times, ids and who did something. Out: the short texts that people read, one form of each for all of trueup.
// Pure: the time now comes in as an argument.

import type { RunActor, RunEventCause } from '../event.js'

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

/** A duration for people: `12 ms`, `2.1 s`, `42 s`, `12m`, `3m 20s`, `1h 5m`, `2d 3h`. @param ms - milliseconds; below 0 counts as 0 */
export function formatDuration(ms: number): string {
  const whole = Math.max(0, Math.round(ms))
  if (whole < second) return `${whole} ms`
  // 9.95 s and more would print as `10.0 s`.
  if (whole < 9_950) return `${(whole / second).toFixed(1)} s`
  const seconds = Math.round(whole / second)
  if (seconds < 60) return `${seconds} s`
  const parts: readonly [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ]
  const first = parts.findIndex(([amount]) => amount > 0)
  return parts
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount}${unit}`)
    .join(' ')
}

/** A duration as one word in its largest unit, rounded down, as in flags and logfmt: `90s`, `12m`, `3h`, `2d`. */
export function compactDuration(ms: number): string {
  const whole = Math.max(0, ms)
  if (whole >= 2 * day) return `${Math.floor(whole / day)}d`
  if (whole >= 2 * hour) return `${Math.floor(whole / hour)}h`
  if (whole >= 2 * minute) return `${Math.floor(whole / minute)}m`
  return `${Math.floor(whole / second)}s`
}

/** How long ago: `12 minutes ago`; `just now` below a second and for clocks that disagree. @param ms - age in milliseconds */
export function formatAge(ms: number): string {
  if (ms < second) return 'just now'
  if (ms < minute) return `${count(Math.floor(ms / second), 'second')} ago`
  if (ms < hour) return `${count(Math.floor(ms / minute), 'minute')} ago`
  if (ms < 2 * day) return `${count(Math.floor(ms / hour), 'hour')} ago`
  return `${count(Math.floor(ms / day), 'day')} ago`
}

/** A number with its noun: `1 object`, `41 objects`. */
export function count(amount: number, noun: string, plural = `${noun}s`): string {
  return `${amount} ${amount === 1 ? noun : plural}`
}

/** A share: `29 %`; `<1 %` rather than 0 for something, and never 100 for less than all. */
export function percent(part: number, of: number): string {
  if (part <= 0) return '0 %'
  if (part >= of) return '100 %'
  const share = Math.round((100 * part) / of)
  if (share === 0) return '<1 %'
  return share === 100 ? '>99 %' : `${share} %`
}

/** The first 12 digits of a digest, as `--expect-plan` takes them on a terminal. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 12)
}

/** The first 8 digits of a commit id or digest; words such as `worktree` stay whole. */
export function shortId(id: string): string {
  return /^[0-9a-f]{9,}$/.test(id) ? id.slice(0, 8) : id
}

/** `by jane on ci-7 (https://…)`. */
export function byText({ actor, host, url }: Pick<RunActor, 'actor' | 'host' | 'url'>): string {
  return `by ${actor ?? 'unknown'} on ${host}${url === null ? '' : ` (${url})`}`
}

/** `the export is done (by billing, key export-7)`. */
export function eventText({ reason, by, key }: RunEventCause): string {
  const facts = [...(by === null ? [] : [`by ${by}`]), ...(key === null ? [] : [`key ${key}`])]
  return facts.length === 0 ? reason : `${reason} (${facts.join(', ')})`
}

/** Clock time of the day, local unless `utc`: `09:12:44`. @param time - UTC milliseconds */
export function clockTime(time: number, utc = false): string {
  return dateParts(time, utc).slice(3).join(':')
}

/** Date and minute, local unless `utc`: `2026-11-20 09:41`. @param time - UTC milliseconds */
export function dateTime(time: number, utc = false): string {
  const parts = dateParts(time, utc)
  return `${parts.slice(0, 3).join('-')} ${parts.slice(3, 5).join(':')}`
}

/** The form of machine output: `2026-11-20T09:41:00.000Z`. @param time - UTC milliseconds */
export function utcTime(time: number): string {
  return new Date(time).toISOString()
}

/** Year, month, day, hours, minutes, seconds. */
function dateParts(time: number, utc: boolean): string[] {
  const date = new Date(time)
  // Shifting by the offset lets one set of getters serve both zones.
  const shown = utc ? date : new Date(time - date.getTimezoneOffset() * minute)
  return shown.toISOString().slice(0, 19).split(/[-T:]/)
}
