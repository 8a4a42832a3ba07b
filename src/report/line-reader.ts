// What is written to a stream piece by piece comes in, whole lines go out.
import { StringDecoder } from 'node:string_decoder'
import { replaceMember } from '../util/replace-member.js'

export interface LineReader {
  write(chunk: string | Uint8Array, encoding?: BufferEncoding): void
  /** Tells a line that has not ended yet. */
  flush(): void
  /** From now on nothing waits for the end of its line. */
  close(): void
}

/** A line that does not end is told in pieces of this many characters. */
const LONGEST_LINE = 256 * 1024

export function createLineReader(tell: (line: string) => void): LineReader {
  let decoder: StringDecoder | undefined
  let rest = ''
  let isClosed = false

  const textOf = (chunk: string | Uint8Array, encoding?: BufferEncoding): string => {
    if (typeof chunk === 'string') {
      if (encoding === undefined || /^utf-?8$/i.test(encoding)) return chunk
      return textOf(Buffer.from(chunk, encoding))
    }
    decoder ??= new StringDecoder('utf8')
    return decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
  }
  const flush = (): void => {
    const line = rest + (decoder?.end() ?? '')
    rest = ''
    if (line !== '') tell(line)
  }
  return {
    write(chunk, encoding) {
      const text = textOf(chunk, encoding)
      const end = text.lastIndexOf('\n')
      if (end === -1) rest += text
      else {
        const lines = (rest + text.slice(0, end)).split('\n')
        rest = text.slice(end + 1)
        for (const line of lines) tell(line.endsWith('\r') ? line.slice(0, -1) : line)
      }
      while (rest.length > LONGEST_LINE) {
        // Between words where there are any: what must not be shown is found whole or not at all.
        const space = rest.lastIndexOf(' ', LONGEST_LINE)
        const at = space > LONGEST_LINE / 2 ? space + 1 : LONGEST_LINE
        tell(rest.slice(0, at))
        rest = rest.slice(at)
      }
      if (isClosed) flush()
    },
    flush,
    close() {
      isClosed = true
      flush()
    },
  }
}

/** All that is written to the stream goes to `take`; writing always succeeds. The result puts `write` back. */
export function patchWrite(
  stream: NodeJS.WritableStream,
  take: (chunk: string | Uint8Array, encoding?: BufferEncoding) => void,
): () => void {
  return replaceMember(stream, 'write', () => {
    const write = (chunk: string | Uint8Array, second?: unknown, third?: unknown): boolean => {
      take(chunk, typeof second === 'string' ? (second as BufferEncoding) : undefined)
      const done = typeof second === 'function' ? second : third
      if (typeof done === 'function') queueMicrotask(() => (done as (error?: Error | null) => void)())
      return true
    }
    return write
  })
}
