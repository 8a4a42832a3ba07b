// The random key under which values of secrets without versions are told apart. Lives in the store, and nowhere else.
import { randomBytes } from 'node:crypto'
import { readDocument, writeDocument } from '../store/document.js'
import { storeKey, type ObjectStore } from '../store/object-store.js'

const KEY = { kind: 'secret-version-key', version: 1 } as const
const PLACE = storeKey('secrets', 'version-key')

interface VersionKey {
  readonly base64: string
}

/** @param create makes one where there is none; of two runs that do so at once, both get the same. */
export async function versionKey(
  store: ObjectStore,
  { create, random = randomBytes }: { readonly create: boolean; readonly random?: (size: number) => Uint8Array },
): Promise<Uint8Array | undefined> {
  const found = await read(store)
  if (found !== undefined || !create) return found
  const made: VersionKey = { base64: Buffer.from(random(32)).toString('base64') }
  await writeDocument(store, PLACE, KEY, made, { condition: { kind: 'if-absent' } })
  return read(store)
}

async function read(store: ObjectStore): Promise<Uint8Array | undefined> {
  const found = await readDocument<VersionKey>(store, PLACE, KEY)
  return found.kind === 'found' ? Buffer.from(found.value.base64, 'base64') : undefined
}
