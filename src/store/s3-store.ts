// The store in an S3 bucket. Takes settings and a clock, gives an ObjectStore. Loads the AWS SDK: only ever imported by import().
//
//   prefix/a/b!     the object of the key a/b. The `!` sorts before all that keys are made of, so names come in the order of keys, and no
//                   name is the folder of another, which stores on file systems do not take. What ends otherwise is somebody else's.
//
// How a value lies in an object: s3/stamp.ts. How a condition is kept: s3/conditional-put.ts. No listing but for list(), no copy, no multi-delete.
import { randomUUID } from 'node:crypto'
import { TrueupError } from '../errors.js'
import type { Clock } from '../util/clock.js'
import { digestBytes } from '../util/digest.js'
import type {
  DeleteResult,
  ListEntry,
  Missing,
  ObjectStore,
  PutOptions,
  PutResult,
  StoreKey,
  StoredHead,
  StoredObject,
  TooLarge,
} from './object-store.js'
import { S3Bucket, type ObjectBody, type ObjectFacts, type Page } from './s3/bucket.js'
import { putConditionally } from './s3/conditional-put.js'
import { deleteObject } from './s3/delete-object.js'
import { formatEtag, parseEtag } from './s3/etag.js'
import { unavailable, type Failure } from './s3/failures.js'
import { ATTEMPTS, mayPass, readAgain, refusal, waitBefore } from './s3/retry.js'
import type { S3Settings } from './s3/settings.js'
import {
  isWholeLength,
  lengthOf,
  LARGEST_METADATA,
  metadataSize,
  readStamp,
  stampValue,
  valueOf,
  type Stamp,
} from './s3/stamp.js'
import { isStoreKey } from './store-key.js'

const END = '!'
/** A body that is not what was written may have been cut on its way: so often it is read again. */
const READS = 3

/** Nothing is asked of the bucket before the first call. Errors are those of {@link ObjectStore}. */
export function openS3Store(settings: S3Settings, options: { readonly clock: Clock }): ObjectStore {
  return new S3Store(settings, options.clock)
}

class S3Store implements ObjectStore {
  readonly shared = true
  readonly conditions = 'unproven'
  readonly description: string
  readonly #bucket: S3Bucket
  readonly #clock: Clock
  readonly #root: string

  constructor(settings: S3Settings, clock: Clock) {
    this.description = settings.description
    this.#bucket = new S3Bucket(settings, clock)
    this.#clock = clock
    this.#root = settings.prefix === '' ? '' : `${settings.prefix}/`
  }

  async get(key: StoreKey): Promise<StoredObject | Missing> {
    const found = await this.getBounded(key, Infinity)
    if (found.kind === 'too-large') throw new Error('Internal error: too large for no bound')
    return found
  }

  async getBounded(key: StoreKey, atMost: number): Promise<StoredObject | Missing | TooLarge> {
    const name = this.#nameOf(key)
    const get = (): Promise<ObjectBody | TooLarge | Failure> => this.#bucket.get(name, lengthOf(atMost))
    for (let attempt = 1; ; attempt += 1) {
      const found = await readAgain(this.#clock, this.#bucket.place('read', name), get)
      if (found.kind === 'absent') return { kind: 'missing' }
      if (found.kind === 'too-large') return found
      const stamp = this.#stampOf(key, found)
      const value = valueOf(found.body, stamp)
      if (value !== undefined) return { ...headOf(found, stamp), value }
      if (attempt === READS) throw this.#corrupt(key, 'its bytes are not those that were written')
    }
  }

  async head(key: StoreKey): Promise<StoredHead | Missing> {
    const name = this.#nameOf(key)
    const found = await readAgain(this.#clock, this.#bucket.place('read', name), () => this.#bucket.head(name))
    if (found.kind === 'absent') return { kind: 'missing' }
    const stamp = this.#stampOf(key, found)
    if (!isWholeLength(found.length, stamp))
      throw this.#corrupt(key, `it has ${String(found.length)} bytes, which is not what was written`)
    return headOf(found, stamp)
  }

  async put(key: StoreKey, value: Uint8Array, options: PutOptions = {}): Promise<PutResult> {
    const { condition = { kind: 'always' }, metadata = {} } = options
    const size = metadataSize(metadata)
    if (size > LARGEST_METADATA)
      throw new Error(
        `Internal error: metadata of ${String(size)} bytes for ${key}; at most ${String(LARGEST_METADATA)}`,
      )
    const name = this.#nameOf(key)
    // A later change of the caller's bytes must not reach a repetition.
    const kept = new Uint8Array(value)
    if (condition.kind === 'always') return this.#putAlways(name, kept, metadata)
    return putConditionally({ bucket: this.#bucket, clock: this.#clock, name, value: kept, metadata, condition })
  }

  async delete(key: StoreKey, options: { readonly etag?: string } = {}): Promise<DeleteResult> {
    const etag = options.etag === undefined ? undefined : parseEtag(options.etag).etag
    return deleteObject({ bucket: this.#bucket, clock: this.#clock, name: this.#nameOf(key), etag })
  }

  async *list(prefix: string, options: { readonly after?: string } = {}): AsyncGenerator<ListEntry> {
    const { after } = options
    const place = this.#bucket.place('list', '')
    const from = after === undefined || after < prefix ? {} : { after: `${this.#root}${after}` }
    let token: string | undefined
    do {
      const request = { prefix: `${this.#root}${prefix}`, ...from, ...(token === undefined ? {} : { token }) }
      const page: Page | { kind: 'absent' } = await readAgain(this.#clock, place, () => this.#bucket.list(request))
      if (page.kind === 'absent') throw unavailable(place, '404 without a code')
      for (const name of page.names) {
        const key = this.#keyOf(name)
        if (key !== undefined && (after === undefined || key > after)) yield { key }
      }
      token = page.next
    } while (token !== undefined)
  }

  async now(): Promise<number> {
    const known = this.#bucket.time.now()
    if (known !== undefined) return known
    const name = `${this.#root}now${END}`
    // Whether it is there does not matter: every answer has a date.
    await readAgain(this.#clock, this.#bucket.place('read', name), () => this.#bucket.head(name))
    const now = this.#bucket.time.now()
    if (now === undefined) throw unavailable(this.#bucket.place('read', name), 'its answers have no date')
    return now
  }

  close(): Promise<void> {
    this.#bucket.close()
    return Promise.resolve()
  }

  async #putAlways(name: string, value: Uint8Array, metadata: StoredHead['metadata']): Promise<PutResult> {
    const sha256 = digestBytes(value)
    const place = this.#bucket.place('write', name)
    for (let attempt = 1; ; attempt += 1) {
      // Each attempt is a write of its own: were one repeated over another's, an etag would come back.
      const write = `${randomUUID()}.1`
      const { body, header } = stampValue(value, { write, before: null, metadata, sha256 })
      const sent = await this.#bucket.put({ name, body, header, condition: { kind: 'none' } })
      if (sent.kind === 'stored') return { kind: 'stored', etag: formatEtag(write, sent.etag) }
      if (!mayPass(sent)) throw refusal(sent, place)
      if (attempt === ATTEMPTS.write) throw unavailable(place, `${sent.why}, ${String(attempt)} times`)
      await waitBefore(this.#clock, attempt + 1, sent)
    }
  }

  #stampOf(key: StoreKey, { header }: ObjectFacts): Stamp {
    const stamp = readStamp(header)
    if (stamp === undefined) throw this.#corrupt(key, 'it was not written by trueup')
    return stamp
  }

  #corrupt(key: StoreKey, why: string): TrueupError {
    return new TrueupError(
      'store-corrupt',
      `${key} in ${this.description} is damaged: ${why}. Restore it from an earlier version of the bucket, or remove it if what it remembers may be forgotten.`,
      { details: { key, store: this.description } },
    )
  }

  #nameOf(key: StoreKey): string {
    if (!isStoreKey(key)) throw new Error(`Internal error: ${JSON.stringify(key)} is not a store key`)
    return `${this.#root}${key}${END}`
  }

  #keyOf(name: string): StoreKey | undefined {
    if (!name.startsWith(this.#root) || !name.endsWith(END)) return undefined
    const key = name.slice(this.#root.length, -END.length)
    return isStoreKey(key) ? key : undefined
  }
}

function headOf({ etag, modifiedAt }: ObjectFacts, { write, size, metadata }: Stamp): StoredHead {
  return { kind: 'found', etag: formatEtag(write, etag), size, modifiedAt, metadata }
}
