// How long an answer asks its caller to wait (RFC 9110, Retry-After). Pure.

/** Of a 429 or a 503, ms from `now` on; undefined where it does not say, or not in a form that can be read. @param now UTC ms */
export function retryAfterMs(
  { status, headers }: Pick<Response, 'status' | 'headers'>,
  now: number,
): number | undefined {
  if (status !== 429 && status !== 503) return undefined
  const text = headers.get('retry-after')?.trim() ?? ''
  if (/^\d+$/.test(text)) return Number(text) * 1000
  // A date has a day and a month in it; Date.parse takes numbers for years.
  const at = /[a-z]{3}/i.test(text) ? Date.parse(text) : NaN
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}
