// Many lines come in, few writes go out: a write costs more than making a line.

/** Characters that are written at once: small enough that no log is held as text a second time. */
const PIECE = 32 * 1024

export interface Pieces {
  write(line: string): void
  /** Writes what is left; to be called after the last line. */
  flush(): void
}

/** `write` gets one line or more, without the last line break. */
export function createPieces(write: (lines: string) => void): Pieces {
  let piece: string | undefined
  const flush = (): void => {
    if (piece === undefined) return
    const lines = piece
    piece = undefined
    write(lines)
  }
  return {
    write: (line) => {
      piece = piece === undefined ? line : `${piece}\n${line}`
      if (piece.length >= PIECE) flush()
    },
    flush,
  }
}
