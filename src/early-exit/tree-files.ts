// Questions about the files of one snapshot, asked in few batches and remembered. Nothing is read from disk or run here.
import { posix } from 'node:path'
import type { Snapshot, SourceEntry } from '../desired/source.js'
import { isRecord } from '../util/is-record.js'

const REGULAR = new Set(['100644', '100755'])
const LINK = '120000'
/** What a loader may append to a name without an extension. */
const EXTENSIONS = ['.ts', '.mts', '.cts', '.tsx', '.js', '.mjs', '.cjs', '.jsx', '.json', '.d.ts', '.d.mts']
/** What a compiled name stands for while there is only its source. */
const SOURCES: Readonly<Record<string, readonly string[]>> = {
  '.js': ['.ts', '.tsx'],
  '.mjs': ['.mts'],
  '.cjs': ['.cts'],
  '.jsx': ['.tsx'],
}

/** The directory of a repository path; the empty string for the root. */
export function directoryOf(path: string): string {
  const directory = posix.dirname(path)
  return directory === '.' ? '' : directory
}

/** Joins inside the repository; undefined when the result would leave it. */
export function joinInside(directory: string, relative: string): string | undefined {
  const joined = posix.normalize(posix.join(directory, relative)).replace(/\/$/, '')
  if (joined === '..' || joined.startsWith('../') || joined.startsWith('/')) return undefined
  return joined === '.' ? '' : joined
}

/** A directory and those above it, nearest first; ends with the root (the empty string). */
export function ancestors(directory: string): readonly string[] {
  const found: string[] = []
  for (let at = directory; at !== ''; at = directoryOf(at)) found.push(at)
  return [...found, '']
}

export function within(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`
}

/** Every path that a relative name may mean, in the order in which they are tried. */
export function candidatesOf(path: string): {
  readonly exact: string
  readonly groups: readonly (readonly string[])[]
} {
  const extension = posix.extname(path)
  const stem = extension === '' ? path : path.slice(0, -extension.length)
  return {
    exact: path,
    groups: [
      (SOURCES[extension] ?? []).map((source) => stem + source),
      EXTENSIONS.map((added) => path + added),
      EXTENSIONS.map((added) => within(path, `index${added}`)),
    ],
  }
}

/** The files of a snapshot by path. Answers are remembered: a snapshot does not change. */
export class TreeFiles {
  readonly #snapshot: Snapshot
  readonly #entries = new Map<string, SourceEntry | undefined>()
  readonly #texts = new Map<string, string>()
  #askedFolder = false

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot
  }

  /** Every path that was asked for, with its object id; empty where there is none. null once a whole folder was asked for. */
  get asked(): Readonly<Record<string, string>> | null {
    if (this.#askedFolder) return null
    const pairs = [...this.#entries].map(([path, entry]): [string, string] => [path, entry?.oid ?? ''])
    return Object.fromEntries(pairs.sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  /** Asks for many paths in one go, so that later questions about them cost nothing. */
  async prefetch(paths: Iterable<string>): Promise<void> {
    const asked = [...new Set(paths)].filter((path) => path !== '' && !this.#entries.has(path))
    if (asked.length === 0) return
    for (const path of asked) this.#entries.set(path, undefined)
    for (const entry of await this.#snapshot.entries(asked.map(asGlob))) this.#entries.set(entry.path, entry)
  }

  async entry(path: string): Promise<SourceEntry | undefined> {
    await this.prefetch([path])
    return this.#entries.get(path)
  }

  /** Everything below a directory. */
  async below(directory: string, glob = '**'): Promise<readonly SourceEntry[]> {
    this.#askedFolder = true
    const found = await this.#snapshot.entries([directory === '' ? glob : `${asGlob(directory)}/${glob}`])
    for (const entry of found) this.#entries.set(entry.path, entry)
    return found
  }

  /** Text of a file that is there; the empty string otherwise. */
  async text(path: string): Promise<string> {
    const known = this.#texts.get(path)
    if (known !== undefined) return known
    const content = await this.#snapshot.read(path)
    const text = content === undefined ? '' : new TextDecoder().decode(content)
    this.#texts.set(path, text)
    return text
  }

  async readAll(paths: readonly string[]): Promise<void> {
    const asked = paths.filter((path) => !this.#texts.has(path))
    if (asked.length === 0) return
    for await (const { path, content } of this.#snapshot.readMany(asked))
      this.#texts.set(path, new TextDecoder().decode(content))
  }

  /** A parsed JSON object; undefined when the file is missing or is none. Comments and trailing commas only with `comments`. */
  async json(
    path: string,
    options: { readonly comments: boolean } = { comments: false },
  ): Promise<Record<string, unknown> | undefined> {
    if ((await this.entry(path)) === undefined) return undefined
    const text = await this.text(path)
    try {
      const value: unknown = JSON.parse(options.comments ? withoutComments(text) : text)
      return isRecord(value) ? value : undefined
    } catch {
      return undefined
    }
  }

  /** The first of these names in a directory or one above it. */
  async nearest(directory: string, name: string): Promise<string | undefined> {
    const paths = ancestors(directory).map((at) => within(at, name))
    await this.prefetch(paths)
    return paths.find((path) => this.#isFile(path))
  }

  /**
   * The files that a path may load: the exact one, else what stands for it. Where several without an extension exist
   * all are returned, since loaders differ in which they prefer. Symbolic links are followed; the link itself is returned too.
   */
  async resolve(path: string): Promise<readonly string[]> {
    const { exact, groups } = candidatesOf(path)
    await this.prefetch([exact, ...groups.flat()])
    if (this.#isFile(exact)) return this.#follow(exact)
    for (const group of groups) {
      const found = group.filter((candidate) => this.#isFile(candidate))
      if (found.length > 0) return (await Promise.all(found.map((candidate) => this.#follow(candidate)))).flat()
    }
    return []
  }

  async #follow(path: string): Promise<readonly string[]> {
    const passed: string[] = []
    let at: string | undefined = path
    while (at !== undefined && !passed.includes(at)) {
      const entry = await this.entry(at)
      if (entry === undefined) return []
      passed.push(at)
      if (entry.mode !== LINK) return passed
      at = joinInside(directoryOf(at), await this.text(at))
    }
    return []
  }

  #isFile(path: string): boolean {
    const mode = this.#entries.get(path)?.mode
    return mode !== undefined && (REGULAR.has(mode) || mode === LINK)
  }
}

/** A path as a glob that matches nothing else. */
export function asGlob(path: string): string {
  return path.replace(/[\\*?[\]{}()!+@|^$]/g, '\\$&')
}

/** JSON as TypeScript writes it, made plain. Strings are matched first, so that nothing inside them is taken away. */
function withoutComments(text: string): string {
  const plain = text.replace(/"(?:\\.|[^"\\])*"|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (match) =>
    match.startsWith('"') ? match : ' ',
  )
  return plain.replace(/"(?:\\.|[^"\\])*"|,(?=\s*[}\]])/g, (match) => (match.startsWith('"') ? match : ''))
}
