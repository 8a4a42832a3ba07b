// What was made of the content of files, kept in one file by the id of that content: short texts in, the same texts out in a later process. Each line
// carries a checksum of its id and text, looked at when it is first used: a line that is torn or changed is one that is not there. Trouble never fails
// anything.
import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { appendFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Lines that nothing asked for may be this many times those that something did, before the file is worth writing anew. */
const MOST_UNUSED = 3
const NEWLINE = 0x0a
const SPACE = 0x20
const TAB = 0x09

export class BlobPack {
  readonly #file: string | null
  #content: Buffer = Buffer.alloc(0)
  /** Where the line of an id starts; undefined until the file was read. */
  #lines: Map<string, number> | undefined
  readonly #used = new Set<string>()
  readonly #added = new Map<string, string>()

  /** Reads the file when something is first asked for. @param file absolute; null keeps everything in memory */
  constructor(file: string | null) {
    this.#file = file
  }

  /** Reads the file now, while others may do something. */
  async read(): Promise<void> {
    if (this.#file === null || this.#lines !== undefined) return
    this.#take(await readFile(this.#file).catch(() => Buffer.alloc(0)))
  }

  /** Forgets what the file holds, which the next save() replaces. */
  discard(): void {
    this.#take(Buffer.alloc(0))
    this.#used.clear()
  }

  /** @param part one of the parts that tabs cut the text into, of which there must be so many. @defaultValue the whole text */
  get(id: string, part?: number): string | undefined {
    const added = this.#added.get(id)
    if (added !== undefined) return part === undefined ? added : added.split('\t')[part]
    const start = this.#known().get(id)
    if (start === undefined) return undefined
    const end = this.#content.indexOf(NEWLINE, start)
    const space = this.#content.indexOf(SPACE, start)
    if (!this.#used.has(id)) {
      if (checksum(this.#content.subarray(space + 1, end)) !== this.#content.toString('latin1', start, space))
        return undefined
      this.#used.add(id)
    }
    let from = space + id.length + 2
    if (part === undefined) return this.#content.toString('utf8', from, end)
    for (let left = part; left > 0; left--) from = this.#content.indexOf(TAB, from) + 1
    const cut = this.#content.indexOf(TAB, from)
    return this.#content.toString('utf8', from, cut === -1 || cut > end ? end : cut)
  }

  /** @param id without spaces and line ends; @param text on one line */
  put(id: string, text: string): void {
    this.#added.set(id, text)
  }

  /** The ids that were put or asked for, where something was put and most of the file is of others: those to save() alone. */
  worthKeeping(): ReadonlySet<string> | undefined {
    if (this.#added.size === 0) return undefined
    const live = new Set([...this.#used, ...this.#added.keys()])
    return this.#known().size > MOST_UNUSED * live.size ? live : undefined
  }

  /** Writes what was put. With `keep`, also drops all lines that were there of other ids. */
  async save(keep?: ReadonlySet<string>): Promise<void> {
    const isAnew = keep !== undefined
    if (this.#file === null || (this.#added.size === 0 && !isAnew)) return
    try {
      const kept = isAnew ? this.#keptLines(keep) : []
      const added = [...this.#added].map(([id, text]) => `${checksum(`${id} ${text}`)} ${id} ${text}\n`)
      await mkdir(dirname(this.#file), { recursive: true, mode: 0o700 })
      if (isAnew) await replace(this.#file, [...kept, ...added].join(''))
      else await appendFile(this.#file, added.join(''), { mode: 0o600 })
    } catch {
      // Not kept: the next process makes it again.
    }
  }

  #keptLines(keep: ReadonlySet<string>): readonly string[] {
    const lines: string[] = []
    for (const [id, start] of this.#known()) {
      if (!keep.has(id) || this.#added.has(id)) continue
      lines.push(this.#content.toString('utf8', start, this.#content.indexOf(NEWLINE, start) + 1))
    }
    return lines
  }

  #known(): Map<string, number> {
    if (this.#lines !== undefined) return this.#lines
    let content: Buffer = Buffer.alloc(0)
    try {
      if (this.#file !== null) content = readFileSync(this.#file)
    } catch {
      // Nothing was kept.
    }
    return this.#take(content)
  }

  #take(content: Buffer): Map<string, number> {
    const lines = new Map<string, number>()
    for (let start = 0; start < content.length;) {
      const end = content.indexOf(NEWLINE, start)
      if (end === -1) break
      // A later line of the same id counts over an earlier one.
      const idStart = content.indexOf(SPACE, start) + 1
      const idEnd = content.indexOf(SPACE, idStart)
      if (idStart > start && idEnd > idStart && idEnd < end)
        lines.set(content.toString('latin1', idStart, idEnd), start)
      start = end + 1
    }
    this.#content = content
    this.#lines = lines
    return lines
  }
}

/** Whole or not at all. */
async function replace(file: string, text: string): Promise<void> {
  const part = `${file}.${process.pid.toString(36)}`
  try {
    await writeFile(part, text, { mode: 0o600 })
    await rename(part, file)
  } finally {
    await rm(part, { force: true })
  }
}

function checksum(text: string | Uint8Array): string {
  return hash('sha1', text, 'hex').slice(0, 16)
}
