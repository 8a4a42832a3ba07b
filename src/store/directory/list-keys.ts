// The keys below a prefix, in code-unit order, read folder by folder. It must not read values, and never drops a damaged object.

import { join } from 'node:path'
import type { StoreKey } from '../object-store.js'
import { glanceAt, scanFolder } from './key-folder.js'
import { parseName, parsePartName, prefixFolder } from './layout.js'
import type { Disk } from './disk.js'

export interface ListRequest {
  readonly disk: Disk
  readonly root: string
  /** Empty, or ending in `/`. */
  readonly prefix: string
  /** Keys up to and including this are left out. */
  readonly after: string | undefined
}

/** How many folders are looked at side by side. */
const batch = 64

export async function* listKeys(request: ListRequest): AsyncGenerator<StoreKey> {
  yield* walk(request, prefixFolder(request.root, request.prefix), request.prefix)
}

interface Entry {
  readonly path: string
  /** The key, or the prefix with its `/`: sorting by it puts `a`, `a-b`, `a/b` into the order of the keys themselves. */
  readonly text: string
  readonly isKey: boolean
}

async function* walk(request: ListRequest, folder: string, prefix: string): AsyncGenerator<StoreKey> {
  const entries = ((await request.disk.namesLater(folder)) ?? [])
    .flatMap((name): Entry[] => {
      const part = parsePartName(name)
      return part === undefined
        ? []
        : [{ path: join(folder, name), text: `${prefix}${part.part}${part.isKey ? '' : '/'}`, isKey: part.isKey }]
    })
    .filter(
      ({ text, isKey }) =>
        request.after === undefined || text > request.after || (!isKey && request.after.startsWith(text)),
    )
    .sort((a, b) => (a.text < b.text ? -1 : 1))
  for (let at = 0; at < entries.length;) {
    const entry = entries[at]
    if (entry?.isKey === false) {
      yield* walk(request, entry.path, entry.text)
      at += 1
      continue
    }
    const keys = leadingKeys(entries, at)
    const present = await Promise.all(keys.map(({ path }) => isPresent(request.disk, path)))
    for (const [index, { text }] of keys.entries()) {
      if (present[index] === true) yield text as StoreKey
    }
    at += keys.length
  }
}

function leadingKeys(entries: readonly Entry[], from: number): readonly Entry[] {
  const part = entries.slice(from, from + batch)
  const folder = part.findIndex((entry) => !entry.isKey)
  return folder === -1 ? part : part.slice(0, folder)
}

async function isPresent(disk: Disk, folder: string): Promise<boolean> {
  const names = await disk.namesLater(folder)
  if (names === undefined) return false
  const glance = glanceAt(names)
  if (glance !== 'unsure') return glance.kind === 'live'
  // Two tokens are damage, and damage is not absence: `get` will say it.
  if (names.some((name) => parseName(name)?.kind === 'token')) return true
  return scanFolder(disk, folder).kind === 'live'
}
