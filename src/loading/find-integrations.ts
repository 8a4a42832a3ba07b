// The places of trueup.yaml in, the files that may hold an integration out. Looks at names only; loads nothing.
import { readdir } from 'node:fs/promises'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { resolvePackage } from './import-module.js'
import { compareText } from '../util/compare-text.js'
import { isDirectory, isFile } from '../util/path-kind.js'
import { firstFile } from './local-graph.js'

export interface IntegrationFile {
  /** By its file or folder. */
  readonly name: string
  /** Absolute. */
  readonly file: string
}

export interface FoundIntegrations {
  /** Sorted by name, then path; a file that two places name is listed once. */
  readonly files: readonly IntegrationFile[]
  /** Packages whose default export is an integration or a list: the name as configured, and the file it means. */
  readonly packages: readonly { readonly place: string; readonly file: string }[]
  /** Places that are neither a directory, a file nor a package. */
  readonly missing: readonly string[]
}

const EXTENSIONS = ['.ts', '.mts', '.js', '.mjs']
const NAME = /^[a-z][a-z0-9-]*$/

/** Whether a reference is a path, not a name. */
export function isPathReference(reference: string): boolean {
  return /^(?:\.{1,2}(?:\/|$)|\/)/.test(reference) || /\.m?[jt]s$/.test(reference)
}

/** The name that a file carries: its folder's for an index file, else its own. */
export function nameOfFile(file: string): string {
  const name = basename(file, extname(file))
  return name === 'index' ? basename(dirname(file)) : name
}

/** A path to a file, or to a folder with an index file, from the first base where it exists. */
export async function findByPath(reference: string, bases: readonly string[]): Promise<string | undefined> {
  for (const base of bases) {
    const path = resolve(base, reference)
    const found = (await isFile(path)) ? path : await indexOf(path)
    if (found !== undefined) return found
  }
  return undefined
}

export async function findInPlaces(places: readonly string[], configDirectory: string): Promise<FoundIntegrations> {
  const files = new Map<string, IntegrationFile>()
  const packages: { place: string; file: string }[] = []
  const missing: string[] = []
  for (const place of places) {
    const path = resolve(configDirectory, place)
    if (await isDirectory(path)) for (const found of await filesIn(path)) files.set(found.file, found)
    else if (await isFile(path)) files.set(path, { name: nameOfFile(path), file: path })
    else {
      const file = isPathReference(place) ? undefined : await resolvePackage(place, configDirectory)
      if (file === undefined) missing.push(place)
      else packages.push({ place, file })
    }
  }
  const sorted = [...files.values()].sort((a, b) => compareText(a.name, b.name) || compareText(a.file, b.file))
  return { files: sorted, packages, missing }
}

/** `<name>.ts` and `<name>/index.ts`; names that no integration may have (`_helper`, `dns.test`) are others' business. */
async function filesIn(directory: string): Promise<readonly IntegrationFile[]> {
  const found: IntegrationFile[] = []
  for (const entry of await readdir(directory)) {
    const path = join(directory, entry)
    const extension = extname(entry)
    if (EXTENSIONS.includes(extension)) {
      const name = basename(entry, extension)
      if (NAME.test(name) && name !== 'index' && (await isFile(path))) found.push({ name, file: path })
    } else if (NAME.test(entry)) {
      const index = await indexOf(path)
      if (index !== undefined) found.push({ name: entry, file: index })
    }
  }
  return found
}

function indexOf(directory: string): Promise<string | undefined> {
  return firstFile(EXTENSIONS.map((extension) => join(directory, `index${extension}`)))
}
