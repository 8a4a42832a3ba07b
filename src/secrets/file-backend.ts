// Secrets from files, as Kubernetes and Docker mount them: a file is a text or a JSON object of fields, a folder has a field a file.
// Reads nothing outside of its folder, follows links only inside of it, and names places, never values.
import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { TrueupError } from '../errors.js'
import type { SecretBackend } from './secret-backend.js'
import { fieldValue, parseFields, type SecretFields } from './secret-fields.js'

export interface FileBackendOptions {
  /** Absolute. */
  readonly directory: string
  /** The directory as trueup.yaml has it, for messages. @defaultValue `directory` */
  readonly shown?: string
}

/** What one path holds. */
interface Content {
  /** Absent for a folder. */
  readonly text?: string
  readonly fields: SecretFields | undefined
}

/** Larger than any secret: Kubernetes takes no larger one either. */
const MAX_BYTES = 1024 * 1024

export function createFileBackend({ directory, shown = directory }: FileBackendOptions): SecretBackend {
  const place = `files in ${shown}`
  const kept = new Map<string, Promise<Content>>()

  /** Once a path, so that a user name and its password are of one moment. */
  function contentOf(path: string): Promise<Content> {
    const known = kept.get(path)
    if (known !== undefined) return known
    const loading = load(path)
    kept.set(path, loading)
    // What failed may be there the next time.
    loading.catch(() => kept.delete(path))
    return loading
  }

  async function load(path: string): Promise<Content> {
    refusePath(path)
    const real = await insideOnly(path, ...path.split('/'))
    const found = await attempt(path, stat(real))
    if (!found.isDirectory()) {
      const text = await textOf(path, real)
      return { text, fields: parseFields(text) }
    }
    // Kubernetes keeps the files themselves in `..data`, a link that it moves to a new folder: one look at it gives files of one moment.
    const data = await realpath(join(real, '..data')).catch(() => real)
    const names = (await attempt(path, readdir(data))).filter((name) => !name.startsWith('.')).sort()
    const fields: Record<string, string> = {}
    for (const name of names) {
      const file = await insideOnly(path, ...path.split('/'), ...(data === real ? [] : ['..data']), name)
      if ((await attempt(path, stat(file))).isFile()) fields[name] = await textOf(`${path}/${name}`, file)
    }
    return { fields }
  }

  /** The real place, which a link may not take outside. */
  async function insideOnly(path: string, ...segments: readonly string[]): Promise<string> {
    const root = await attempt(path, realpath(directory))
    const real = await attempt(path, realpath(join(directory, ...segments)))
    if (real.startsWith(root.endsWith(sep) ? root : root + sep)) return real
    throw missing(path, 'is a link to somewhere outside')
  }

  async function textOf(path: string, file: string): Promise<string> {
    if ((await attempt(path, stat(file))).size > MAX_BYTES) throw missing(path, 'is larger than 1 MiB')
    const bytes = await attempt(path, readFile(file))
    let text: string
    try {
      text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    } catch {
      throw missing(path, 'is no UTF-8 text')
    }
    // Editors and `echo` end a single line with a break that is no part of the secret; of several lines it is.
    const single = /^([^\r\n]*)\r?\n$/.exec(text)
    const value = single?.[1] ?? text
    if (value === '') throw missing(path, 'is empty')
    return value
  }

  async function attempt<T>(path: string, work: Promise<T>): Promise<T> {
    try {
      return await work
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      const isAbsent = code === 'ENOENT' || code === 'ENOTDIR'
      throw missing(
        path,
        isAbsent ? `is not there: make the file ${join(shown, path)}` : `cannot be read: ${code ?? ''}`,
      )
    }
  }

  function missing(path: string, why: string): TrueupError {
    return new TrueupError('secret-missing', `the secret ${path} ${why} (${place})`, { details: { path } })
  }

  return {
    description: place,
    async read(path, field) {
      const { text, fields } = await contentOf(path)
      if (field !== undefined) return { value: fieldValue(fields, { path, field, place }) }
      if (text !== undefined) return { value: text }
      const names = Object.keys(fields ?? {})
      throw missing(path, `is a folder of fields, name one; it has: ${names.length === 0 ? 'none' : names.join(', ')}`)
    },
    versionOf: () => Promise.resolve(undefined),
    async fields(path) {
      const { fields } = await contentOf(path)
      return fields === undefined ? undefined : Object.keys(fields).sort()
    },
    accept(paths) {
      for (const path of paths) refusePath(path)
    },
  }

  function refusePath(path: string): void {
    const segments = path.split('/')
    const bad = segments.find((it) => it === '' || it.startsWith('.') || /[\\\0]/.test(it))
    if (bad !== undefined)
      throw new TrueupError(
        'usage',
        `the secret path ${JSON.stringify(path)} is no path of files: names joined by /, none of them empty or beginning with a dot (${place})`,
        { details: { path } },
      )
  }
}
