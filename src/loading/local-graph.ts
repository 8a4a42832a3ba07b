// One module file on disk in, the files it names relatively (by a quick look at their text) out, and whether Node can load
// them all by itself. Only a hint for choosing the loader and for messages: the code digest never stands on it.
import { readFile, realpath } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, extname, resolve } from 'node:path'
import { isFile } from '../util/path-kind.js'

export interface LocalGraph {
  /** Absolute real paths, the module itself first, with their text. */
  readonly files: ReadonlyMap<string, string>
  /** Node alone cannot load it: TypeScript that it does not strip, names without their real extension, or `trueup` out of reach. */
  readonly needsTranspiler: boolean
}

const REFERENCE = /\b(from|import|require)\s*\(?\s*['"](\.{1,2}\/[^'"\n]*|trueup|trueup\/testing)['"]/g
const TYPESCRIPT = /\.[cm]?tsx?$/
const CODE = /\.[cm]?[jt]sx?$/
const SOURCES: Readonly<Record<string, readonly string[]>> = {
  '.js': ['.ts', '.tsx'],
  '.mjs': ['.mts'],
  '.cjs': ['.cts'],
}
const ADDED = ['.ts', '.mts', '.js', '.mjs', '.json', '/index.ts', '/index.mts', '/index.js', '/index.mjs']

export async function readLocalGraph(file: string): Promise<LocalGraph> {
  const canStripTypes = Boolean((process.features as { readonly typescript?: unknown }).typescript)
  const files = new Map<string, string>()
  let needsTranspiler = false
  const queue = [await realpath(file)]
  for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
    if (files.has(at)) continue
    const text = await readFile(at, 'utf8')
    files.set(at, text)
    if (TYPESCRIPT.test(at) && !canStripTypes) needsTranspiler = true
    for (const [, keyword, name = ''] of text.matchAll(REFERENCE)) {
      if (name.startsWith('trueup')) {
        if (!canResolve(at, name)) needsTranspiler = true
        continue
      }
      const exact = resolve(dirname(at), name)
      const found = await firstFile([
        exact,
        ...(SOURCES[extname(exact)] ?? []).map((end) => exact.slice(0, -extname(exact).length) + end),
        ...ADDED.map((end) => exact + end),
      ])
      if (found === undefined) continue
      // CommonJS finds names without an extension by itself.
      if (found !== exact && keyword !== 'require') needsTranspiler = true
      if (CODE.test(found)) queue.push(await realpath(found))
    }
  }
  return { files, needsTranspiler }
}

/** Whether a file can import `name` by Node's own rules. */
export function canResolve(file: string, name: string): boolean {
  try {
    createRequire(file).resolve(name)
    return true
  } catch {
    return false
  }
}

/** The first of these that is a file. */
export async function firstFile(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if (await isFile(path)) return path
  return undefined
}
