// A mistyped name and the names there are in, a suggestion out. Owner of fastest-levenshtein.
import { distance } from 'fastest-levenshtein'

/** The known name that a mistyped one most likely means; undefined when none is near. */
export function nearestName(mistyped: string, known: Iterable<string>): string | undefined {
  let best: { name: string; steps: number } | undefined
  for (const name of known) {
    const steps = distance(mistyped.toLowerCase(), name.toLowerCase())
    const isNear =
      steps <= Math.ceil(Math.max(name.length, mistyped.length) * 0.4) ||
      (mistyped.length > 2 && name.startsWith(mistyped))
    if (isNear && (best === undefined || steps < best.steps)) best = { name, steps }
  }
  return best?.name
}

/** ` Did you mean "x"?`, or nothing. */
export function didYouMean(mistyped: string, known: Iterable<string>): string {
  const name = nearestName(mistyped, known)
  return name === undefined ? '' : ` Did you mean ${JSON.stringify(name)}?`
}
