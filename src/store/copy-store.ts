// Moves a store: every object copied, read back and compared, then a mark that stops who still uses the old one. In: two stores. Out: counts. It must not
// overwrite anything in the new store, and begins nothing while an apply runs in the old one.
//
//   old: mark "moving" ─▶ no lease alive? ─▶ copy each key that is absent in the new one, compare each ─▶ old: mark "moved"
//
// The mark comes before the look for leases, and an apply looks for the mark after it has its lease: one of the two sees the other. Killed anywhere, the same
// command goes on: what is there already is compared only.
import { createHash } from 'node:crypto'
import { TrueupError } from '../errors.js'
import { writeDocument } from './document.js'
import { standingOf, type LeaseHolder } from './lease-documents.js'
import { MOVED, MOVED_KEY, readMoved } from './moved.js'
import { storePrefix, type ObjectStore, type StoreKey, type StoredObject } from './object-store.js'

export interface CopyRequest {
  readonly from: ObjectStore
  readonly to: ObjectStore
  /** URL of `to`, for the mark. */
  readonly toUrl: string
  /** Whether a process on this host is gone for certain. */
  readonly isDead: (holder: LeaseHolder) => boolean
  /** Called after each object. */
  readonly onObject?: (counts: CopyCounts) => void
}

export interface CopyCounts {
  readonly copied: number
  /** There already, and the same. */
  readonly same: number
  readonly bytes: number
}

/** Of the old store alone: signs of life, and what was found out about that store. */
const LEFT = [storePrefix('heartbeats'), storePrefix('probe'), storePrefix('probed')]

/**
 * @throws store-refused when the new store holds other things or was moved itself, or the old one was moved elsewhere
 * @throws lease-held while an apply runs
 * @throws store-corrupt when an object does not come back as it was written
 */
export async function copyStore(request: CopyRequest): Promise<CopyCounts> {
  const { from, to, toUrl, onObject } = request
  const mark = await markMoving(request)
  const keys: StoreKey[] = []
  for await (const { key } of from.list('')) if (isCopied(key)) keys.push(key)
  await refuseOthers(to, new Set(keys))
  let counts: CopyCounts = { copied: 0, same: 0, bytes: 0 }
  for (const key of keys) {
    const object = await from.get(key)
    // Records may be tidied up meanwhile.
    if (object.kind === 'missing') continue
    const isNew = await copyObject(to, key, object)
    counts = {
      copied: counts.copied + (isNew ? 1 : 0),
      same: counts.same + (isNew ? 0 : 1),
      bytes: counts.bytes + object.size,
    }
    onObject?.(counts)
  }
  const condition = { kind: 'if-etag', etag: mark } as const
  const at = await from.now()
  const put = await writeDocument(from, MOVED_KEY, MOVED, { to: toUrl, state: 'moved', at }, { condition })
  if (put.kind !== 'stored')
    throw new TrueupError(
      'store-refused',
      `The store ${from.description} is being moved by another; look which one is to be kept.`,
    )
  return counts
}

/** The etag of the mark. */
async function markMoving(request: CopyRequest): Promise<string> {
  const { from, to, toUrl } = request
  const there = await readMoved(to)
  if (there !== undefined)
    throw new TrueupError(
      'store-refused',
      `The store ${to.description} was itself moved to ${there.value.to}; name that one, or an empty one.`,
    )
  for (;;) {
    const found = await readMoved(from)
    if (found !== undefined && found.value.to !== toUrl)
      throw new TrueupError(
        'store-refused',
        `The store ${from.description} was moved to ${found.value.to} already; copy that one.`,
        { details: { to: found.value.to } },
      )
    const at = await from.now()
    const put =
      found === undefined
        ? await writeDocument(
            from,
            MOVED_KEY,
            MOVED,
            { to: toUrl, state: 'moving', at },
            { condition: { kind: 'if-absent' } },
          )
        : ({ kind: 'stored', etag: found.etag } as const)
    if (put.kind !== 'stored') continue
    try {
      await refuseWhileHeld(request)
    } catch (error) {
      if (found === undefined) await from.delete(MOVED_KEY, { etag: put.etag })
      throw error
    }
    return put.etag
  }
}

async function refuseWhileHeld({ from, isDead }: CopyRequest): Promise<void> {
  const now = await from.now()
  for await (const { key } of from.list(storePrefix('heartbeats'))) {
    const run = decodeURIComponent(key.slice(storePrefix('heartbeats').length))
    const standing = await standingOf({ store: from, run, now, isDead })
    if (standing.kind !== 'alive') continue
    const { target, host } = standing.holder
    const end = new Date(standing.expiresAt).toISOString().slice(11, 19)
    throw new TrueupError(
      'lease-held',
      `run ${run} (${target}) on ${host} holds a lease in ${from.description} until ${end} UTC: nothing was copied. Wait for it, or end it with \`trueup lease release ${run} --force\`.`,
      { retryable: true, details: { run, target, host } },
    )
  }
}

async function refuseOthers(to: ObjectStore, keys: ReadonlySet<StoreKey>): Promise<void> {
  for await (const { key } of to.list('')) {
    if (keys.has(key) || !isCopied(key)) continue
    throw new TrueupError(
      'store-refused',
      `The store ${to.description} is not empty: it holds ${key}, which the old one does not. Name an empty one.`,
      { details: { key } },
    )
  }
}

/** True when it was not there before. */
async function copyObject(to: ObjectStore, key: StoreKey, object: StoredObject): Promise<boolean> {
  const { value, metadata } = object
  const put = await to.put(key, value, { condition: { kind: 'if-absent' }, metadata })
  const back = await to.get(key)
  if (back.kind === 'found' && digestOfObject(back) === digestOfObject(object)) return put.kind === 'stored'
  throw put.kind === 'stored'
    ? new TrueupError(
        'store-corrupt',
        `${key} did not come back from ${to.description} as it was written: nothing was switched over. Run the same command again.`,
        { details: { key } },
      )
    : new TrueupError(
        'store-refused',
        `The store ${to.description} has another ${key} than the old one. Name an empty one.`,
        { details: { key } },
      )
}

function digestOfObject({ value, metadata }: StoredObject): string {
  const facts = JSON.stringify(Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1)))
  return createHash('sha256').update(facts).update('\0').update(value).digest('hex')
}

function isCopied(key: StoreKey): boolean {
  return key !== MOVED_KEY && !LEFT.some((prefix) => key.startsWith(prefix))
}
