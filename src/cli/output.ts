// In: the process's two streams. Out: the only way a command writes: data to stdout, everything else to stderr.
// Loses nothing that a reader still wants, and makes no noise when the reader has gone (`| head`). Never exits the process.

export interface Output {
  /** Data: goes to stdout as it is, bytes being UTF-8. */
  out(text: string | Uint8Array): void
  /** Everything else: goes to stderr as it is. */
  err(text: string | Uint8Array): void
  /** The reader of stdout has gone: more data is of no use to anyone. */
  readonly closed: boolean
  /** Why data on stdout was lost although someone still wanted it (a full disk, say); null when none was. */
  readonly failure: Error | null
  /**
   * Resolves when both streams have taken everything, a stream is lost, or nothing has moved for the time limit.
   * Call it before the process ends, then set `process.exitCode`; after it, `failure` is final.
   * @returns whether nothing is left that a stream may still take
   */
  drain(): Promise<boolean>
}

export interface OutputOptions {
  /** How long `drain()` waits without any progress, in milliseconds. @defaultValue 5000 */
  readonly stallMs?: number
}

/** Pieces small enough that a slow reader is seen to make progress. */
const pieceLength = 64 * 1024

/** Wraps the streams; listens to their errors from now on. */
export function createOutput(
  stdout: NodeJS.WritableStream,
  stderr: NodeJS.WritableStream,
  { stallMs = 5000 }: OutputOptions = {},
): Output {
  const channels = [new Channel(stdout), new Channel(stderr)] as const
  const [out, err] = channels
  return {
    out: (text) => {
      out.write(text)
    },
    err: (text) => {
      err.write(text)
    },
    get closed() {
      return out.lost
    },
    get failure() {
      return out.failure
    },
    drain: async () => {
      const drained = await Promise.all(channels.map((channel) => channel.drain(stallMs)))
      return drained.every(Boolean)
    },
  }
}

/** One stream, with count of what it has not yet taken. */
class Channel {
  readonly #write: NodeJS.WritableStream['write']
  #pending = 0
  #lost = false
  #failure: Error | null = null
  /** Told whenever a piece was taken or the stream was lost; set only while draining. */
  #moved: (() => void) | null = null

  constructor(stream: NodeJS.WritableStream) {
    // As it is now: what is written past an output is caught later, and must not come back here.
    this.#write = stream.write.bind(stream)
    // The listener stays: a stream may report a write's failure long after the write.
    stream.on('error', (error: Error) => {
      this.#lose(error)
    })
  }

  get lost(): boolean {
    return this.#lost
  }

  get failure(): Error | null {
    return this.#failure
  }

  write(text: string | Uint8Array): void {
    for (let from = 0; from < text.length && !this.#lost;) {
      const to = typeof text === 'string' ? pieceEnd(text, from) : Math.min(text.length, from + pieceLength)
      this.#pending += 1
      this.#write(typeof text === 'string' ? text.slice(from, to) : text.subarray(from, to), (error) => {
        this.#pending -= 1
        if (error) this.#lose(error)
        this.#moved?.()
      })
      from = to
    }
  }

  async drain(stallMs: number): Promise<boolean> {
    while (this.#pending > 0 && !this.#lost) {
      const moved = await new Promise<boolean>((resolve) => {
        const timer = setTimeout(() => {
          resolve(false)
        }, stallMs)
        this.#moved = () => {
          clearTimeout(timer)
          resolve(true)
        }
      })
      this.#moved = null
      if (!moved) return false
    }
    return true
  }

  #lose(error: Error): void {
    this.#lost = true
    if (!isReaderGone(error)) this.#failure ??= error
    this.#moved?.()
  }
}

/** The other end of the pipe was closed: the reader has all that it wanted. */
function isReaderGone(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException
  return (
    code === 'EPIPE' ||
    code === 'ECONNRESET' ||
    code === 'ERR_STREAM_DESTROYED' ||
    code === 'ERR_STREAM_WRITE_AFTER_END'
  )
}

/** Never between the halves of a surrogate pair: each piece is encoded on its own. */
function pieceEnd(text: string, from: number): number {
  const to = Math.min(text.length, from + pieceLength)
  const last = text.charCodeAt(to - 1)
  return to < text.length && last >= 0xd800 && last <= 0xdbff ? to - 1 : to
}
