// Where things are in a store folder, and what file names mean. Keys, etags and names go in and out; it must not touch the disk.
//
//   format                       `trueup-directory-store 1`
//   .gitignore                   `*`
//   swept                        when the last sweep began, UTC ms
//   prepared/<ms>-<id>/          key folders in the making
//   objects/<part>/…/<part>@/    the folder of one key ('@' is in no part, so `a` and `a/b` never meet)
//     d.<etag>                   the value, byte for byte
//     m.<etag>                   its metadata, only where there is any
//     t.<epoch>.<etag>           empty: THE token, which value counts
//     x.<etag>                   empty: the token of a deleted key, whose folder is about to go
//
// An etag is `<written at, ms>_<random id>_<size>_<SHA-256 of the value>` with `_m` where there is metadata: so `head` reads no value, and a
// value that is not what was written is known at once (`sha256sum d.*` shows the same).

import { join, sep } from 'node:path'
import type { StoreKey } from '../object-store.js'
import { isStoreKey } from '../store-key.js'
import { digestBytes } from '../../util/digest.js'

export const formatName = 'format'
export const formatVersion = 1

export interface Etag {
  readonly text: string
  readonly modifiedAt: number
  readonly size: number
  readonly digest: string
  readonly hasMetadata: boolean
}

export interface Token {
  readonly epoch: number
  readonly etag: Etag
}

export interface EtagFacts {
  readonly at: number
  /** Letters, digits and `-`; never given out twice. */
  readonly id: string
  readonly value: Uint8Array
  readonly hasMetadata: boolean
}

export function makeEtag({ at, id, value, hasMetadata }: EtagFacts): Etag {
  const modifiedAt = Math.trunc(at)
  const digest = digestBytes(value)
  const text = `${String(modifiedAt)}_${id}_${String(value.byteLength)}_${digest}${hasMetadata ? '_m' : ''}`
  return { text, modifiedAt, size: value.byteLength, digest, hasMetadata }
}

export function parseEtag(text: string): Etag | undefined {
  const match = /^(-?\d+)_[A-Za-z0-9-]+_(\d+)_([0-9a-f]{64})(_m)?$/.exec(text)
  if (match === null) return undefined
  const [, modifiedAt, size, digest, metadata] = match
  if (digest === undefined) return undefined
  return { text, modifiedAt: Number(modifiedAt), size: Number(size), digest, hasMetadata: metadata !== undefined }
}

export const dataPath = (folder: string, etag: Etag): string => `${folder}${sep}d.${etag.text}`
export const metadataPath = (folder: string, etag: Etag): string => `${folder}${sep}m.${etag.text}`
export const tokenPath = (folder: string, { epoch, etag }: Token): string =>
  `${folder}${sep}t.${String(epoch)}.${etag.text}`
export const deletedPath = (folder: string, etag: Etag): string => `${folder}${sep}x.${etag.text}`

/** What a name in a key folder is; undefined: not ours. */
export function parseName(
  name: string,
):
  | { readonly kind: 'data' | 'metadata' | 'deleted'; readonly etag: Etag }
  | ({ readonly kind: 'token' } & Token)
  | undefined {
  const token = /^t\.(\d+)\.(.+)$/.exec(name)
  const etag = parseEtag(token?.[2] ?? name.slice(2))
  if (etag === undefined) return undefined
  if (token !== null) return { kind: 'token', epoch: Number(token[1]), etag }
  if (name.startsWith('d.')) return { kind: 'data', etag }
  if (name.startsWith('m.')) return { kind: 'metadata', etag }
  if (name.startsWith('x.')) return { kind: 'deleted', etag }
  return undefined
}

export const objectsFolder = (root: string): string => join(root, 'objects')
export const preparedFolder = (root: string): string => join(root, 'prepared')

/** The folder of a key. Refuses what {@link isStoreKey} does not know, so that no text leads out of the store. */
export function keyFolder(root: string, key: StoreKey): string {
  if (!isStoreKey(key)) throw new Error(`Internal error: not a store key: ${JSON.stringify(key)}`)
  return `${objectsFolder(root)}${sep}${key.split('/').map(partName).join(sep)}@`
}

/** The folder of a prefix (`a/b/`, or empty). */
export function prefixFolder(root: string, prefix: string): string {
  if (prefix === '') return objectsFolder(root)
  if (!prefix.endsWith('/') || !isStoreKey(prefix.slice(0, -1)))
    throw new Error(`Internal error: not a store prefix: ${JSON.stringify(prefix)}`)
  return join(objectsFolder(root), ...prefix.slice(0, -1).split('/').map(partName))
}

/** A name in `objects/` or below: the part it stands for, and whether it is a key or a folder of keys. */
export function parsePartName(name: string): { readonly part: string; readonly isKey: boolean } | undefined {
  const match = /^([A-Za-z0-9\-_.~%]+)(\^[0-9a-f]{8})?(@)?$/.exec(name)
  const part = match?.[1]
  return part === undefined || name !== `${partName(part)}${match?.[3] ?? ''}`
    ? undefined
    : { part, isKey: match?.[3] !== undefined }
}

// Where the file system does not tell `A` from `a`, two keys must still not share a folder.
function partName(part: string): string {
  return /[A-Z]/.test(part) ? `${part}^${digestBytes(part).slice(0, 8)}` : part
}
