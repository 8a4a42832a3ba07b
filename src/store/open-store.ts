// A store URL goes in, an open store comes out. It must not read settings or variables, and never repeats credentials of a URL in a message.

import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TrueupError } from '../errors.js'
import type { Clock } from '../util/clock.js'
import { openDirectoryStore } from './directory-store.js'
import { createMemoryStore } from './memory-store.js'
import { stopIfMoved } from './moved.js'
import type { ObjectStore } from './object-store.js'
import { settingsOf } from './s3/settings.js'

export type StoreLocation =
  /** `path` as written: relative to `trueup.yaml`, or absolute. */
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'memory' }
  | {
      readonly kind: 's3'
      readonly bucket: string
      /** Without slashes at the ends; empty: the whole bucket. */
      readonly prefix: string
      readonly region?: string
      readonly endpoint?: string
      /** @defaultValue true with an endpoint that is not AWS's, else false */
      readonly pathStyle?: boolean
      /** Of the shared AWS configuration. */
      readonly profile?: string
    }

export interface OpenStoreOptions {
  /** Absolute; what `file:` is relative to: the folder of `trueup.yaml`, else the repository root. */
  readonly baseDirectory: string
  readonly clock: Clock
  /** Whether git tracks a file at or below this absolute path. Left out: nobody can know, as outside of a repository. */
  readonly isTracked?: (path: string) => Promise<boolean>
  /** Variables that the AWS SDK knows too: endpoint and checksums. @defaultValue none */
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** For who moves it: opens also a store that was moved. @defaultValue false */
  readonly evenIfMoved?: boolean
}

const OPTIONS = ['region', 'endpoint', 'path-style', 'profile']
/** Bytes: the longest keys and it must stay within S3's 1,024. */
const LONGEST_PREFIX = 200

const forms = 'Use file:<dir> (file:.trueup), s3://bucket/prefix?region=… or memory:.'

/** Reads a store URL; throws `usage` with the accepted forms. Nothing is opened. */
export function parseStoreUrl(url: string): StoreLocation {
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]+):/.exec(url)?.[1]?.toLowerCase()
  switch (scheme) {
    case 'file':
      return { kind: 'directory', path: parseFilePath(url) }
    case 'memory':
      if (url.length > 'memory:'.length) throw wrong('memory: takes nothing behind it')
      return { kind: 'memory' }
    case 's3':
      return parseS3(url)
    case undefined:
      throw wrong(url === '' ? 'it is empty' : `it has no scheme; did you mean file:${url}?`)
    default:
      throw wrong(`there is no scheme ${scheme}:`)
  }
}

/**
 * Opens a store. Throws `usage` (a URL that is none) and `store-refused` (a folder with a file tracked by git),
 * besides what the adapter throws on opening. Its first use throws `store-refused` where it was moved.
 */
export async function openStore(url: string, options: OpenStoreOptions): Promise<ObjectStore> {
  const store = await open(url, options)
  return options.evenIfMoved === true || store.description === 'memory:' ? store : stopIfMoved(store)
}

async function open(url: string, options: OpenStoreOptions): Promise<ObjectStore> {
  const location = parseStoreUrl(url)
  switch (location.kind) {
    case 'memory':
      return createMemoryStore({ clock: options.clock })
    case 's3': {
      const { openS3Store } = await import('./s3-store.js')
      return openS3Store(settingsOf(location, options.environment ?? {}), { clock: options.clock })
    }
    case 'directory': {
      const directory = resolve(options.baseDirectory, location.path)
      if ((await options.isTracked?.(directory)) === true) {
        throw new TrueupError(
          'store-refused',
          `The store file:${location.path} has files tracked by git, so that a pull request could forge what was applied. Run \`git rm -r --cached ${directory}\` and commit, or name another folder with --store.`,
          { details: { path: directory } },
        )
      }
      return openDirectoryStore(directory, { clock: options.clock, description: `file:${location.path}` })
    }
  }
}

function parseFilePath(url: string): string {
  const path = url.slice('file:'.length)
  if (path === '') throw wrong('file: needs a folder')
  if (path.includes('\0')) throw wrong('a folder cannot have a NUL in its name')
  if (path.startsWith('~')) throw wrong('~ is the shell’s; write the whole path')
  if (!path.startsWith('//')) return path
  try {
    return fileURLToPath(url)
  } catch (error) {
    throw wrong('file:// needs three slashes and an absolute path, as in file:///var/lib/trueup', error)
  }
}

function parseS3(url: string): StoreLocation {
  let parsed: URL
  try {
    parsed = new URL(url)
  } catch (error) {
    throw wrong('it cannot be read as an s3:// URL', error)
  }
  if (parsed.username !== '' || parsed.password !== '') {
    throw wrong(
      'credentials do not belong into a store URL; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or use a profile',
    )
  }
  if (parsed.hostname === '' || !url.toLowerCase().startsWith('s3://')) throw wrong('s3:// needs a bucket')
  if (parsed.port !== '' || parsed.hash !== '')
    throw wrong('s3:// takes a bucket, a prefix and options, no port and no #')
  const options = new Map<string, string>()
  for (const [name, value] of parsed.searchParams) {
    if (!OPTIONS.includes(name)) throw wrong(`s3:// has no option ${name}; it has ${OPTIONS.join(', ')}`)
    if (options.has(name) || value === '') throw wrong(`the option ${name} needs one value`)
    options.set(name, value)
  }
  const region = options.get('region')
  const endpoint = options.get('endpoint')
  const profile = options.get('profile')
  const pathStyle = options.get('path-style')
  return {
    kind: 's3',
    bucket: parsed.hostname,
    prefix: decodePrefix(parsed.pathname),
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint: checkEndpoint(endpoint) }),
    ...(pathStyle === undefined ? {} : { pathStyle: parsePathStyle(pathStyle) }),
    ...(profile === undefined ? {} : { profile }),
  }
}

function decodePrefix(pathname: string): string {
  let prefix: string
  try {
    prefix = decodeURIComponent(pathname).replace(/^\/+|\/+$/g, '')
  } catch (error) {
    throw wrong('its prefix has a % that encodes nothing', error)
  }
  if (Buffer.byteLength(prefix) > LONGEST_PREFIX) throw wrong(`its prefix has more than ${LONGEST_PREFIX} bytes`)
  // Some stores take such names for paths.
  if (prefix.split('/').some((part) => /^\.{0,2}$/.test(part)) && prefix !== '')
    throw wrong('its prefix has an empty part, . or ..')
  return prefix
}

function checkEndpoint(endpoint: string): string {
  const parsed = URL.canParse(endpoint) ? new URL(endpoint) : undefined
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol))
    throw wrong('the option endpoint must be an http:// or https:// URL')
  if (parsed.username !== '' || parsed.password !== '')
    throw wrong('credentials do not belong into the endpoint of a store URL')
  return endpoint
}

function parsePathStyle(text: string): boolean {
  if (text === 'false') return false
  if (text === 'true') return true
  throw wrong('the option path-style is true or false')
}

function wrong(why: string, cause?: unknown): TrueupError {
  return new TrueupError('usage', `The store URL cannot be used: ${why}. ${forms}`, { cause })
}
