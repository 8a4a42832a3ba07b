// The output of `git cat-file --batch` in pieces in, whole answers out. Knows nothing of the process.
import { TrueupError } from '../../errors.js'

export type ObjectAnswer =
  | { readonly kind: 'found'; readonly oid: string; readonly type: string; readonly content: Buffer }
  | { readonly kind: 'missing' }
  | { readonly kind: 'ambiguous' }

/** Cuts the output of `cat-file --batch` into answers: `<oid> <type> <size>\n<bytes>\n`, or `<name> missing\n`. */
export class AnswerParser {
  #buffered: Buffer[] = []
  #size = 0
  /** Bytes that must be there before looking again. */
  #needed = 1

  /** The answers that this chunk completes. */
  push(chunk: Buffer): ObjectAnswer[] {
    this.#buffered.push(chunk)
    this.#size += chunk.length
    if (this.#size < this.#needed) return []
    const answers: ObjectAnswer[] = []
    const data = this.#buffered.length === 1 ? chunk : Buffer.concat(this.#buffered, this.#size)
    let at = 0
    this.#needed = 1
    while (at < data.length) {
      const end = data.indexOf(10, at)
      if (end === -1) break
      const line = data.toString('utf8', at, end)
      const header = /^([0-9a-f]{40,64}) ([a-z]+) (\d+)$/.exec(line)
      if (header === null) {
        at = end + 1
        if (line.endsWith(' missing')) answers.push({ kind: 'missing' })
        else if (line.endsWith(' ambiguous')) answers.push({ kind: 'ambiguous' })
        else throw new TrueupError('git-failed', `git cat-file answered '${line}', which trueup does not understand`)
        continue
      }
      const [, oid = '', type = '', size = '0'] = header
      const start = end + 1
      const stop = start + Number(size)
      if (data.length <= stop) {
        this.#needed = stop + 1 - at
        break
      }
      // A copy: a small file must not keep a whole chunk alive.
      answers.push({ kind: 'found', oid, type, content: Buffer.from(data.subarray(start, stop)) })
      at = stop + 1
    }
    const rest = data.subarray(at)
    this.#buffered = rest.length === 0 ? [] : [rest]
    this.#size = rest.length
    return answers
  }
}
