// Many lines come in, few writes go out: a write costs more than making a line.
// The lines are bytes in the guise of text: one character beyond Latin-1, the bar before each line for one, would make every text twice as long in
// memory, and encoding them would take as long as making them.

/** Bytes that are written at once: small enough that no log is held as text a second time. */
const PIECE = 32 * 1024

/** A text whose characters are the bytes of `text` in UTF-8. ASCII is itself. */
export function bytesAsText(text: string): string {
  return /^[\0-\u007f]*$/.test(text) ? text : Buffer.from(text).toString('latin1')
}

export interface Pieces {
  /** A part of a line, or several lines, as {@link bytesAsText} gives it. */
  readonly add: (part: string) => void
  /** Ends a line. */
  readonly end: () => void
  /** Writes what is left; to be called after the last line. */
  readonly flush: () => void
}

/** `write` gets whole lines as UTF-8, each with its line break; they are its own. */
export function createPieces(write: (lines: Uint8Array) => void): Pieces {
  // Kept from piece to piece: one that grows anew for each is most of what there is to collect.
  const parts: string[] = []
  let count = 0
  let length = 0

  const flush = (): void => {
    if (length === 0) return
    parts.length = count
    // Joined at once: a text that grows part by part is a chain of as many texts.
    const piece = Buffer.from(parts.join(''), 'latin1')
    count = 0
    length = 0
    write(piece)
  }
  return {
    add: (part) => {
      parts[count] = part
      count += 1
      length += part.length
    },
    end: () => {
      parts[count] = '\n'
      count += 1
      length += 1
      if (length >= PIECE) flush()
    },
    flush,
  }
}
