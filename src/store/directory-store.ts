// The store in a folder, compare-and-set without locks: file names and bytes are in directory/layout.ts. Takes the folder, clock and ids; gives an
// ObjectStore that several processes of one machine may use at once, and that a kill at any step leaves whole.
// It must not keep anything in memory that another process could change. Not tried: network file systems, power loss.
//
// A key's folder has exactly one token, an empty file whose name says which value counts; who renames it, wins.
//   create   a prepared folder (value and token inside) is renamed onto the missing one        occupied: somebody else's is there
//   replace  the new value is written beside the old, then the token renamed t.E → t.F           gone: somebody was first
//   delete   the token is renamed t.E → x.E: nothing can count in this folder any more; then it is removed
//   read     the token is read, then its value                                                   gone: again
//   sweep    see directory/sweep.ts

import { randomUUID } from 'node:crypto'
import { basename, join, resolve } from 'node:path'
import { TrueupError } from '../errors.js'
import type { Clock } from '../util/clock.js'
import { Disk } from './directory/disk.js'
import {
  buryFolder,
  checkSize,
  lookAt,
  readMetadata,
  readModifiedAt,
  readValue,
  scanFolder,
} from './directory/key-folder.js'
import { dataPath, deletedPath, keyFolder, parseName, preparedFolder, tokenPath } from './directory/layout.js'
import type { Etag } from './directory/layout.js'
import { listKeys } from './directory/list-keys.js'
import { inspectRoot, prepareRoot, readSweptAt, writeSweptAt } from './directory/root.js'
import { sweepFolder } from './directory/sweep.js'
import type { SweepResult } from './directory/sweep.js'
import { createKey, replaceKey } from './directory/write-key.js'
import type { Write, WriteParts } from './directory/write-key.js'
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

export interface DirectoryStoreOptions {
  readonly clock: Clock
  /** Letters, digits and `-`, never twice the same. @defaultValue random UUIDs */
  readonly randomId?: () => string
  /** For tests: called before each step that changes the disk. */
  readonly fault?: (step: string) => void
  /** How the store is called in messages. @defaultValue `file:<directory>` */
  readonly description?: string
}

export interface DirectoryStore extends ObjectStore {
  /**
   * Removes what killed writers left, beside whoever is writing; runs by itself about once a day of writing.
   * `graceMs`: what is younger stays. @defaultValue 1 hour
   */
  sweep(options?: { readonly graceMs?: number }): Promise<SweepResult>
}

/**
 * Opens the store in `directory`; a missing folder is an empty store and is made by the first write. Throws `store-refused` (newer format, or a
 * folder of something else), `store-corrupt` (no readable format) and `store-unavailable`.
 */
export async function openDirectoryStore(directory: string, options: DirectoryStoreOptions): Promise<DirectoryStore> {
  const root = resolve(directory)
  const disk = new Disk(options.fault)
  inspectRoot(disk, root)
  return new FolderStore({
    root,
    disk,
    clock: options.clock,
    randomId: options.randomId ?? randomUUID,
    description: options.description ?? `file:${directory}`,
  })
}

const sweepEveryMs = 24 * 3_600_000
const graceOfSweepMs = 3_600_000
/** Between two looks at when the last sweep was. */
const writesPerLook = 1_000
/** A create that finds the folder neither free nor taken so often in a row meets files that are not the store's. */
const mostBlockedCreates = 50

interface FolderStoreParts extends WriteParts {
  readonly description: string
}

class FolderStore implements DirectoryStore {
  readonly shared = false
  readonly conditions = 'sound'
  readonly description: string
  readonly #parts: FolderStoreParts
  readonly #root: string
  readonly #disk: Disk
  #isPrepared = false
  #isClosed = false
  #writes = 0
  #sweeping: Promise<void> = Promise.resolve()

  constructor(parts: FolderStoreParts) {
    this.#parts = parts
    this.#root = parts.root
    this.#disk = parts.disk
    this.description = parts.description
  }

  async get(key: StoreKey): Promise<StoredObject | Missing> {
    const found = await this.getBounded(key, Infinity)
    if (found.kind === 'too-large') throw new Error('Internal error: too large for no bound')
    return found
  }

  async getBounded(key: StoreKey, atMost: number): Promise<StoredObject | Missing | TooLarge> {
    const folder = keyFolder(this.#root, key)
    for (;;) {
      const state = scanFolder(this.#disk, folder)
      if (state.kind !== 'live') return { kind: 'missing' }
      // The file is asked, not its name.
      const size = atMost === Infinity ? 0 : (this.#disk.size(dataPath(folder, state.token.etag)) ?? 0)
      if (size > atMost) return { kind: 'too-large' }
      const metadata = readMetadata(this.#disk, folder, state.token)
      const modifiedAt = readModifiedAt(this.#disk, folder, state.token)
      const value = readValue(this.#disk, folder, state.token)
      if (value === undefined || metadata === undefined || modifiedAt === undefined) continue
      return { ...headOf(state.token.etag, { metadata, modifiedAt }), value }
    }
  }

  async head(key: StoreKey): Promise<StoredHead | Missing> {
    const folder = keyFolder(this.#root, key)
    for (;;) {
      const state = scanFolder(this.#disk, folder)
      if (state.kind !== 'live') return { kind: 'missing' }
      const metadata = readMetadata(this.#disk, folder, state.token)
      const modifiedAt = readModifiedAt(this.#disk, folder, state.token)
      if (checkSize(this.#disk, folder, state.token) && metadata !== undefined && modifiedAt !== undefined)
        return headOf(state.token.etag, { metadata, modifiedAt })
    }
  }

  async put(key: StoreKey, value: Uint8Array, options: PutOptions = {}): Promise<PutResult> {
    const { condition = { kind: 'always' }, metadata = {}, durable = true } = options
    const write = { folder: keyFolder(this.#root, key), value, metadata, durable }
    const expected = condition.kind === 'if-etag' ? condition.etag : undefined
    let blocked = 0
    for (;;) {
      const state = lookAt(this.#disk, write.folder, expected)
      if (state.kind === 'live') {
        if (condition.kind === 'if-absent') return { kind: 'exists' }
        if (expected !== undefined && expected !== state.token.etag.text) return { kind: 'conflict' }
      } else if (expected !== undefined) {
        return { kind: 'missing' }
      }
      if (state.kind === 'dead') buryFolder(this.#disk, write.folder, state.names)
      const etag = state.kind === 'live' ? await replaceKey(this.#parts, write, state.token) : await this.#create(write)
      if (etag !== undefined) {
        this.#sweepWhenDue()
        return { kind: 'stored', etag: etag.text }
      }
      // Lost to another writer or to a sweep: look again what is there now. Each loss is somebody else's step forward.
      blocked = state.kind === 'dead' ? blocked + 1 : 0
      if (state.kind === 'dead' && blocked > mostBlockedCreates) refuseForeign(state.names, write.folder)
    }
  }

  async delete(key: StoreKey, options: { readonly etag?: string } = {}): Promise<DeleteResult> {
    const folder = keyFolder(this.#root, key)
    for (;;) {
      const state = scanFolder(this.#disk, folder)
      if (state.kind !== 'live') return { kind: 'missing' }
      const { etag } = state.token
      if (options.etag !== undefined && options.etag !== etag.text) return { kind: 'conflict' }
      const mark = deletedPath(folder, etag)
      if (this.#disk.rename(tokenPath(folder, state.token), mark) !== 'renamed') continue
      await this.#disk.sync(folder)
      buryFolder(this.#disk, folder, [...state.names, basename(mark)])
      this.#sweepWhenDue()
      return { kind: 'deleted' }
    }
  }

  async *list(prefix: string, options: { readonly after?: string } = {}): AsyncGenerator<ListEntry> {
    for await (const key of listKeys({ disk: this.#disk, root: this.#root, prefix, after: options.after }))
      yield { key }
  }

  async sweep(options: { readonly graceMs?: number } = {}): Promise<SweepResult> {
    return sweepFolder({
      disk: this.#disk,
      root: this.#root,
      now: this.#parts.clock.now(),
      graceMs: options.graceMs ?? graceOfSweepMs,
      isStopped: () => this.#isClosed,
    })
  }

  // The clock that all who share the folder have in common is the file system's, and it tells the time on what is made. The time in an
  // etag is its writer's own: good enough to tell old leftovers, never to tell whose lease is over.
  async now(): Promise<number> {
    const probe = join(
      preparedFolder(this.#root),
      `${String(Math.trunc(this.#parts.clock.now()))}-${this.#parts.randomId()}`,
    )
    for (;;) {
      if (!this.#isPrepared) await this.#prepare()
      this.#isPrepared = this.#disk.makeFolder(probe)
      if (!this.#isPrepared) continue
      const at = this.#disk.modifiedAt(probe)
      this.#disk.tryRemoveFolder(probe)
      if (at !== undefined) return at
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#sweeping
  }

  async #create(write: Write): Promise<Etag | undefined> {
    if (!this.#isPrepared) await this.#prepare()
    const created = await createKey(this.#parts, write)
    // The whole store was removed under us; it is made anew as on the first write.
    if (created === 'no-store') this.#isPrepared = false
    return typeof created === 'string' ? undefined : created
  }

  async #prepare(): Promise<void> {
    await prepareRoot(this.#disk, this.#root, { at: this.#parts.clock.now(), id: this.#parts.randomId() })
    this.#isPrepared = true
  }

  // In the background, so that no writer waits for it; that a sweep fails harms nobody, the next one is as good.
  #sweepWhenDue(): void {
    this.#writes += 1
    if (this.#writes % writesPerLook !== 1) return
    this.#sweeping = this.#sweeping.then(() => this.#sweepIfDue()).catch(() => undefined)
  }

  async #sweepIfDue(): Promise<void> {
    const at = this.#parts.clock.now()
    const sweptAt = readSweptAt(this.#disk, this.#root)
    if (this.#isClosed || (sweptAt !== undefined && Math.abs(at - sweptAt) < sweepEveryMs)) return
    await writeSweptAt(this.#disk, this.#root, { at, id: this.#parts.randomId() })
    await this.sweep()
  }
}

function headOf(etag: Etag, facts: Pick<StoredHead, 'metadata' | 'modifiedAt'>): StoredHead {
  return { kind: 'found', etag: etag.text, size: etag.size, ...facts }
}

function refuseForeign(names: readonly string[], folder: string): void {
  const foreign = names.filter((name) => parseName(name) === undefined)
  if (foreign.length === 0) return
  throw new TrueupError(
    'store-unavailable',
    `The store cannot write ${folder}: the folder holds what is not the store's (${foreign.join(', ')}). Remove it, then run again.`,
    { details: { path: folder, foreign }, retryable: true },
  )
}
