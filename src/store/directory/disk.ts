// Every touch of the file system by the directory store, one named step each. Paths go in; expected answers come out as values, all else as
// `store-unavailable` with what to do about it. It must not know what the files mean.
//
// Calls are synchronous (a trip through the thread pool costs more than the call) except fsync, which waits for the disk.

import * as fs from 'node:fs'
import { basename, dirname } from 'node:path'
import { promisify } from 'node:util'
import { TrueupError } from '../../errors.js'

const fsync = promisify(fs.fsync)

/** Called before each step that changes the disk; tests throw or die in it. */
export type Fault = (step: string) => void

export class Disk {
  readonly #fault: Fault

  constructor(fault: Fault = () => undefined) {
    this.#fault = fault
  }

  /** Names in a folder, or undefined where there is none. */
  names(folder: string): string[] | undefined {
    return this.#expect('read', folder, { ENOENT: undefined }, () =>
      // Asked first, since an exception for each key that is not there takes ten times as long. What is no missing folder still throws.
      fs.statSync(folder, { throwIfNoEntry: false }) === undefined ? undefined : fs.readdirSync(folder),
    )
  }

  /** As {@link names}, beside other work. */
  async namesLater(folder: string): Promise<string[] | undefined> {
    try {
      return await fs.promises.readdir(folder)
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined
      throw unavailable('read', folder, error)
    }
  }

  read(path: string): Uint8Array | undefined {
    return this.#expect('read', path, { ENOENT: undefined }, () => fs.readFileSync(path))
  }

  /** False also where it cannot be told: nothing may follow from it. */
  exists(path: string): boolean {
    return fs.existsSync(path)
  }

  size(path: string): number | undefined {
    return this.#expect('read', path, { ENOENT: undefined }, () => fs.statSync(path).size)
  }

  /** When a file was written or a folder made, by the clock of the file system, UTC ms. */
  modifiedAt(path: string): number | undefined {
    return this.#expect('read', path, { ENOENT: undefined }, () => Math.trunc(fs.statSync(path).mtimeMs))
  }

  /** Writes a new file, and with `durable` waits until it is on the disk. False where the folder is gone. A half-written file is removed. */
  async write(path: string, bytes: Uint8Array, durable: boolean): Promise<boolean> {
    const file = this.#step('write', path, { ENOENT: undefined }, () => fs.openSync(path, 'wx'))
    if (file === undefined) return false
    try {
      this.#expect('write', path, {}, () => {
        this.#fault(`fill ${path}`)
        for (let at = 0; at < bytes.byteLength;) at += fs.writeSync(file, bytes, at)
      })
      if (durable) await this.#flush(path, file)
    } catch (error) {
      this.tryUnlink(path)
      throw error
    } finally {
      fs.closeSync(file)
    }
    return true
  }

  rename(from: string, to: string): 'renamed' | 'gone' | 'occupied' {
    return this.#step('rename', to, { ENOENT: 'gone', ENOTEMPTY: 'occupied', EEXIST: 'occupied' } as const, () => {
      fs.renameSync(from, to)
      return 'renamed' as const
    })
  }

  /** Removes what nobody needs any more; that it stays is no error, the sweep comes again. */
  tryUnlink(path: string): void {
    try {
      this.#fault(`unlink ${path}`)
      fs.unlinkSync(path)
    } catch {
      // Already gone, or left for the sweep.
    }
  }

  /** Removes an empty folder; one that is not empty, or gone, is left alone. */
  tryRemoveFolder(path: string): boolean {
    try {
      this.#fault(`rmdir ${path}`)
      fs.rmdirSync(path)
      return true
    } catch {
      return false
    }
  }

  /** False where the folder above is missing. */
  makeFolder(path: string): boolean {
    return this.#step('mkdir', path, { ENOENT: false, EEXIST: true }, () => {
      fs.mkdirSync(path)
      return true
    })
  }

  makeFolders(path: string): void {
    this.#step('mkdir', path, {}, () => {
      fs.mkdirSync(path, { recursive: true })
    })
  }

  /** Waits until the entries of a folder are on the disk. A folder that is gone needs nothing. */
  async sync(folder: string): Promise<void> {
    const handle = this.#expect('open', folder, { ENOENT: undefined }, () => fs.openSync(folder, 'r'))
    if (handle === undefined) return
    try {
      await this.#flush(folder, handle)
    } catch (error) {
      // Some file systems cannot sync a folder; they have nothing stronger to offer.
      if (!['EINVAL', 'ENOTSUP'].includes(codeOf((error as Error).cause))) throw error
    } finally {
      fs.closeSync(handle)
    }
  }

  async #flush(path: string, handle: number): Promise<void> {
    try {
      this.#fault(`fsync ${path}`)
      await fsync(handle)
    } catch (error) {
      throw unavailable('fsync', path, error)
    }
  }

  #step<T, E = never>(verb: string, path: string, expected: Readonly<Record<string, E>>, body: () => T): T | E {
    return this.#expect(verb, path, expected, () => {
      this.#fault(`${verb} ${path}`)
      return body()
    })
  }

  #expect<T, E = never>(verb: string, path: string, expected: Readonly<Record<string, E>>, body: () => T): T | E {
    try {
      return body()
    } catch (error) {
      const code = codeOf(error)
      if (Object.hasOwn(expected, code)) return expected[code] as E
      throw unavailable(verb, path, error)
    }
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

function unavailable(verb: string, path: string, cause: unknown): TrueupError {
  const code = codeOf(cause)
  // Of a file with an etag in its name the folder says more.
  const shown = basename(path).length > 80 ? dirname(path) : path
  return new TrueupError('store-unavailable', `The store cannot ${verb} ${shown}: ${advice(code, path)}`, {
    cause,
    details: { path, code },
    retryable: true,
  })
}

function advice(code: string, path: string): string {
  switch (code) {
    case 'ENOSPC':
      return 'the disk is full (ENOSPC). Free some space, or name a folder on another disk with --store file:<dir>.'
    case 'EDQUOT':
    case 'EFBIG':
      return `a size limit of this user or process is reached (${code}). Raise the quota or \`ulimit -f\`, or name another folder with --store file:<dir>.`
    case 'EROFS':
      return 'the file system is read-only (EROFS). Mount it writable, or name another folder with --store file:<dir>.'
    case 'EACCES':
    case 'EPERM':
      return `permission is missing (${code}). Give this user the right to write there, or name another folder with --store file:<dir>.`
    case 'ENOTDIR':
      return `a part of this path is a file, not a folder (ENOTDIR). Move that file away from ${dirname(path)}, or name another folder with --store file:<dir>.`
    case 'EMFILE':
    case 'ENFILE':
      return `too many files are open (${code}). Raise \`ulimit -n\`.`
    case 'ENAMETOOLONG':
      return 'the path is too long (ENAMETOOLONG). Name a folder nearer to the root with --store file:<dir>.'
    default:
      return `${code === '' ? 'unexpected failure' : code}. Check that path, then run again.`
  }
}
