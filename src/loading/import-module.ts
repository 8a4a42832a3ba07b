// A module file in, its exports out; what went wrong while loading it is told with file and line. Owner of jiti, which is
// loaded only for what Node cannot load itself and keeps its file cache in the given folder.
import { join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { toError, TrueupError } from '../errors.js'
import { canResolve, readLocalGraph } from './local-graph.js'
import type { LocalGraph } from './local-graph.js'

export interface ImportOptions {
  /** Absolute. */
  readonly file: string
  /** Absolute; paths in messages are relative to it. */
  readonly configDirectory: string
  readonly cacheDirectory: string
  /** Absolute paths of this trueup's own doors, for files that cannot reach one by name. */
  readonly trueupEntry: { readonly main: string; readonly testing: string }
}

interface Place {
  readonly file: string
  readonly line: number
  readonly column?: number
}

/** Errors of Node's own loader that say: this is TypeScript or naming that only a transpiler takes. */
const TRANSPILER_CODES = new Set([
  'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX',
  'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING',
  'ERR_UNKNOWN_FILE_EXTENSION',
  'ERR_UNSUPPORTED_DIR_IMPORT',
])

/** The exports of a `.js`, `.mjs`, `.ts` or `.mts` file. Any failure is one `integration-invalid` error. */
export async function importModule(options: ImportOptions): Promise<Readonly<Record<string, unknown>>> {
  const graph = await readLocalGraph(options.file)
  try {
    return await importByBestMeans(options, graph)
  } catch (thrown) {
    throw new TrueupError('integration-invalid', await explain(thrown, options, graph), {
      cause: toError(thrown),
      details: { file: options.file },
    })
  }
}

async function importByBestMeans(options: ImportOptions, graph: LocalGraph): Promise<Record<string, unknown>> {
  if (graph.needsTranspiler) return importTranspiled(options)
  try {
    return (await import(/* @vite-ignore */ pathToFileURL(options.file).href)) as Record<string, unknown>
  } catch (thrown) {
    if (TRANSPILER_CODES.has(codeOf(thrown) ?? '')) return importTranspiled(options)
    throw thrown
  }
}

async function importTranspiled({
  file,
  cacheDirectory,
  trueupEntry,
}: ImportOptions): Promise<Record<string, unknown>> {
  const { createJiti } = await import('jiti')
  const jiti = createJiti(file, {
    fsCache: join(cacheDirectory, 'jiti'),
    interopDefault: false,
    // Only for files that reach no trueup by name; those that do keep theirs.
    alias: canResolve(file, 'trueup') ? {} : { 'trueup/testing': trueupEntry.testing, trueup: trueupEntry.main },
  })
  return jiti.import(file)
}

/** Absolute path of what a package name means from a folder; undefined when there is none. */
export async function resolvePackage(name: string, directory: string): Promise<string | undefined> {
  const { createJiti } = await import('jiti')
  const parentURL = pathToFileURL(join(directory, 'package.json')).href
  const found = createJiti(parentURL, { fsCache: false }).esmResolve(name, { parentURL, try: true })
  return found === undefined ? undefined : found.startsWith('file:') ? fileURLToPath(found) : found
}

/** Why a module could not be loaded, starting with its path. */
async function explain(thrown: unknown, options: ImportOptions, graph: LocalGraph): Promise<string> {
  const error = toError(thrown)
  const missing = missingModule(error)
  if (missing !== undefined) return at(options, missingPlace(missing, graph), `imports ${missing.text}`)
  if (error.name === 'SyntaxError' || error.message.startsWith('ParseError')) {
    const syntax = linkPlace(error, graph) ?? (await syntaxPlace(graph))
    return at(options, syntax, `cannot be parsed: ${firstLine(error.message.replace(/^ParseError: /, ''))}`)
  }
  return at(
    options,
    thrownPlace(error, graph),
    `threw while being loaded: ${error.name === 'Error' ? '' : `${error.name}: `}${firstLine(error.message)}`,
  )
}

function at({ file, configDirectory }: ImportOptions, place: Place | undefined, text: string): string {
  const name = relative(configDirectory, file)
  if (place === undefined) return `${name}: ${text}`
  const position = `${place.line}${place.column === undefined ? '' : `:${place.column}`}`
  const here = relative(configDirectory, place.file)
  return here === name ? `${name}:${position}: ${text}` : `${name}: ${here}:${position}: ${text}`
}

interface Missing {
  readonly specifier: string
  readonly importer: string | undefined
  readonly text: string
}

/** Both loaders say it in prose; what is not installed and what does not exist need different advice. */
function missingModule(error: Error): Missing | undefined {
  const code = codeOf(error)
  if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') return undefined
  const match = /Cannot find (?:package|module) '([^']+)'(?: imported from (\S.*)|\s+Require stack:\n- (\S.*))?/.exec(
    error.message,
  )
  const specifier = match?.[1]
  if (specifier === undefined) return undefined
  const importer = match?.[2] ?? match?.[3]
  if (/^(?:\.|\/|file:)/.test(specifier)) return { specifier, importer, text: `${specifier}, which does not exist` }
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
  return { specifier, importer, text: `the package ${name}, which is not installed: npm install ${name}` }
}

function missingPlace({ specifier, importer }: Missing, graph: LocalGraph): Place | undefined {
  const texts = importer === undefined ? undefined : graph.files.get(importer)
  if (importer === undefined || texts === undefined) return undefined
  const last = specifier.split('/').at(-1) ?? specifier
  const line =
    texts.split('\n').findIndex((each) => /\b(?:from|import|require)\b/.test(each) && each.includes(last)) + 1
  return line === 0 ? undefined : { file: importer, line }
}

/** A missing export: Node puts the place on top of the stack. */
function linkPlace(error: Error, graph: LocalGraph): Place | undefined {
  const match = /^file:\/\/(\/.*):(\d+)\n/.exec(error.stack ?? '')
  const file = decodeURIComponent(match?.[1] ?? '')
  return graph.files.has(file) ? { file, line: Number(match?.[2]) } : undefined
}

/** Node keeps the place of a syntax error to itself; the transpiler tells it. */
async function syntaxPlace(graph: LocalGraph): Promise<Place | undefined> {
  const { createJiti } = await import('jiti')
  for (const [file, source] of graph.files) {
    const code = createJiti(file, { fsCache: false }).transform({
      source,
      filename: file,
      ts: /\.[cm]?tsx?$/.test(file),
      async: true,
    })
    const match = /__JITI_ERROR__ = (\{.*\})/.exec(code)
    if (match?.[1] === undefined) continue
    const { line, column } = JSON.parse(match[1]) as { line: number; column: number }
    return { file, line, column }
  }
  return undefined
}

/** The first frame of the stack that is the author's own. */
function thrownPlace(error: Error, graph: LocalGraph): Place | undefined {
  for (const frame of (error.stack ?? '').split('\n')) {
    const match = /(?:file:\/\/)?(\/[^()]*?):(\d+):(\d+)\)?$/.exec(frame)
    const file =
      match?.[1] === undefined ? undefined : frame.includes('file://') ? decodeURIComponent(match[1]) : match[1]
    if (file !== undefined && graph.files.has(file))
      return { file, line: Number(match?.[2]), column: Number(match?.[3]) }
  }
  return undefined
}

function firstLine(text: string): string {
  return text.split('\n')[0]?.trim() ?? ''
}

function codeOf(thrown: unknown): string | undefined {
  const code: unknown = typeof thrown === 'object' && thrown !== null ? (thrown as { code?: unknown }).code : undefined
  return typeof code === 'string' ? code : undefined
}
