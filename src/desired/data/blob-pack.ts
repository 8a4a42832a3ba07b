// What was made of the content of files, kept in one file by the id of that content: short texts in, the same texts out in a later process. Each line
// carries a checksum of its id and text, looked at when it is used: a line that is torn or changed is one that is not there. Trouble never fails anything.
import { hash } from 'node:crypto'
import { appendFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Lines that nothing asked for may be this many times those that something did, before the file is written anew. */
const MOST_UNUSED = 3
const NEWLINE = 0x0a

export class BlobPack {
  readonly #file: string | null
  #content = Buffer.alloc(0)
  readonly #lines = new Map<string, { readonly start: number; readonly end: number }>()
  readonly #used = new Set<string>()
  readonly #added = new Map<string, string>()

  private constructor(file: string | null) {
    this.#file = file
  }

  /** @param file absolute; null keeps everything in memory */
  static async open(file: string | null): Promise<BlobPack> {
    const pack = new BlobPack(file)
    if (file !== null) await pack.#read(file)
    return pack
  }

  get(id: string): string | undefined {
    const added = this.#added.get(id)
    if (added !== undefined) return added
    const line = this.#lines.get(id)
    if (line === undefined) return undefined
    const text = this.#content.toString('utf8', line.start, line.end)
    const space = text.indexOf(' ')
    if (checksum(text.slice(space + 1)) !== text.slice(0, space)) return undefined
    this.#used.add(id)
    return text.slice(space + id.length + 2)
  }

  /** Whether there is a line for it, which may turn out to be torn. */
  has(id: string): boolean {
    if (this.#added.has(id)) return true
    if (!this.#lines.has(id)) return false
    this.#used.add(id)
    return true
  }

  /** @param id without spaces and line ends; @param text on one line */
  put(id: string, text: string): void {
    this.#added.set(id, text)
  }

  /** Writes what was put, and drops what was neither put nor asked for where that is most of it. */
  async save(): Promise<void> {
    if (this.#file === null || this.#added.size === 0) return
    const lines: string[] = []
    for (const [id, text] of this.#added) lines.push(`${checksum(`${id} ${text}`)} ${id} ${text}\n`)
    const live = this.#used.size + this.#added.size
    try {
      await mkdir(dirname(this.#file), { recursive: true, mode: 0o700 })
      if (this.#lines.size > MOST_UNUSED * live) await this.#rewrite(this.#file, lines)
      else await appendFile(this.#file, lines.join(''), { mode: 0o600 })
    } catch {
      // Not kept: the next process makes it again.
    }
  }

  async #rewrite(file: string, added: readonly string[]): Promise<void> {
    const kept = [...this.#used].flatMap((id) => {
      const line = this.#lines.get(id)
      return line === undefined ? [] : [`${this.#content.toString('utf8', line.start, line.end)}\n`]
    })
    const part = `${file}.${process.pid.toString(36)}`
    try {
      await writeFile(part, [...kept, ...added].join(''), { mode: 0o600 })
      await rename(part, file)
    } finally {
      await rm(part, { force: true })
    }
  }

  async #read(file: string): Promise<void> {
    try {
      this.#content = await readFile(file)
    } catch {
      return
    }
    const content = this.#content
    for (let start = 0; start < content.length;) {
      const end = content.indexOf(NEWLINE, start)
      if (end === -1) break
      // A later line of the same id counts over an earlier one.
      const idStart = content.indexOf(0x20, start) + 1
      const idEnd = content.indexOf(0x20, idStart)
      if (idStart > start && idEnd > idStart && idEnd < end)
        this.#lines.set(content.toString('latin1', idStart, idEnd), { start, end })
      start = end + 1
    }
  }
}

function checksum(text: string): string {
  return hash('sha1', text, 'hex').slice(0, 16)
}
