// In: two texts of several lines. Out: the lines that differ, with a little context, never more than asked.
// Owner of the package `diff`. Import this file lazily: a run without changes needs none of it.
import { structuredPatch } from 'diff'
import { visible } from './data-text.js'
import { count } from './format.js'

export interface ChangedLinesOptions {
  /** Equal lines shown around a difference. @defaultValue 1 */
  readonly context?: number
  /** Lines shown in all. @defaultValue 20 */
  readonly maxLines?: number
  /** Characters shown of a line. @defaultValue 200 */
  readonly maxLength?: number
}

export interface ChangedLines {
  readonly added: number
  readonly removed: number
  /** 1-based line of the old text, and its lines: first character `-`, `+` or a space, the rest made visible. */
  readonly hunks: readonly { readonly line: number; readonly lines: readonly string[] }[]
  /** Lines that were left out because of `maxLines`. */
  readonly left: number
}

/** Beyond this many differing lines a comparison costs more than anyone would read. */
const maxEditLength = 1000

/** What differs, line by line; null when the texts differ too much to be compared by lines. */
export function changedLines(before: string, after: string, options: ChangedLinesOptions = {}): ChangedLines | null {
  const patch = structuredPatch('', '', before, after, undefined, undefined, {
    context: options.context ?? 1,
    maxEditLength,
  })
  if (patch === undefined) return null
  const maxLength = options.maxLength ?? 200
  let room = options.maxLines ?? 20
  const totals = { added: 0, removed: 0, left: 0 }
  const hunks: { line: number; lines: string[] }[] = []
  for (const hunk of patch.hunks) {
    const lines: string[] = []
    for (const line of hunk.lines) {
      if (line.startsWith('+')) totals.added += 1
      if (line.startsWith('-')) totals.removed += 1
      if (room > 0) lines.push(shownLine(line, maxLength))
      else if (!line.startsWith('\\')) totals.left += 1
      room -= 1
    }
    if (lines.length > 0) hunks.push({ line: hunk.oldStart, lines })
  }
  return { ...totals, hunks }
}

/** `1 line removed, 2 added`; `3 lines added`. */
export function lineCountsText({ removed, added }: Pick<ChangedLines, 'added' | 'removed'>): string {
  if (removed === 0) return `${count(added, 'line')} added`
  return `${count(removed, 'line')} removed${added === 0 ? '' : `, ${added} added`}`
}

function shownLine(line: string, maxLength: number): string {
  // jsdiff says so of a text whose last line has no line break.
  if (line.startsWith('\\')) return '\\ no line break at the end'
  const text = line.length > maxLength ? `${line.slice(0, maxLength)}…` : line
  // A space at the end of a line may be all that changed.
  return visible(text).replace(/(?<=^[+-].*) +$/, (spaces) => '\\x20'.repeat(spaces.length))
}
