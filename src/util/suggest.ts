// A mistyped word and the words that exist in; the nearest one out, or nothing where nothing is near. Owner of fastest-levenshtein.
import { distance } from 'fastest-levenshtein'

/** The candidate that `word` was probably meant to be: nearest by edit distance, or the only one that it begins; undefined when none is near. */
export function suggest(word: string, candidates: Iterable<string>): string | undefined {
  const typed = word.toLowerCase()
  const allowed = Math.ceil(typed.length / 3)
  const begun: string[] = []
  let best: { readonly candidate: string; readonly edits: number } | undefined
  for (const candidate of candidates) {
    const known = candidate.toLowerCase()
    if (typed.length >= 3 && known.startsWith(typed)) begun.push(candidate)
    const edits = distance(typed, known)
    // A word of which every letter was replaced is another word.
    if (edits <= allowed && edits < known.length && (best === undefined || edits < best.edits))
      best = { candidate, edits }
  }
  if (best !== undefined) return best.candidate
  return begun.length === 1 ? begun[0] : undefined
}

/** ` Did you mean X?` to put behind a sentence, with `shown(candidate)` for X; empty when nothing is near. */
export function didYouMean(
  word: string,
  candidates: Iterable<string>,
  shown = (candidate: string) => `"${candidate}"`,
): string {
  const found = suggest(word, candidates)
  return found === undefined ? '' : ` Did you mean ${shown(found)}?`
}
