// Makes private folders under the temporary directory and removes them; folders of dead processes are removed by the next run on this host.
// Must never remove a folder whose process may be alive, or one that it did not name itself.
import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readlinkSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { digestBytes } from '../util/digest.js'

const NAME = /^trueup-tree-(\d+)-([0-9a-f]{12})-[0-9a-f]{16}$/

export interface ScratchFolder {
  /** Absolute. */
  readonly path: string
  readonly remove: () => Promise<void>
}

/** Gives out private folders, mode 0700, named `trueup-tree-<pid>-<host>-<random>`. */
export class Scratch {
  readonly #directory: string
  #isSwept = false

  /** @param directory - where to put folders. Default: the temporary directory of the operating system */
  constructor(directory?: string) {
    this.#directory = resolve(directory ?? tmpdir())
  }

  async folder(): Promise<ScratchFolder> {
    if (!this.#isSwept) {
      this.#isSwept = true
      await this.#sweep()
    }
    const path = join(this.#directory, `trueup-tree-${process.pid}-${hostMark()}-${randomBytes(8).toString('hex')}`)
    mkdirSync(path, { mode: 0o700 })
    return { path, remove: () => rm(path, { recursive: true, force: true }) }
  }

  /** Left by processes that were killed. What cannot be removed (another user's) is left: it harms nobody. */
  async #sweep(): Promise<void> {
    const host = hostMark()
    for (const name of readdirSync(this.#directory)) {
      const [, pid, owner] = NAME.exec(name) ?? []
      if (pid === undefined || owner !== host || isAlive(Number(pid))) continue
      await rm(join(this.#directory, name), { recursive: true, force: true }).catch(() => undefined)
    }
  }
}

/** Containers may share a host name and a temporary directory but not process ids, so the process id namespace is part of it. */
function hostMark(): string {
  let namespace = ''
  try {
    namespace = readlinkSync('/proc/self/ns/pid')
  } catch {
    // Only Linux has it.
  }
  return digestBytes(`${hostname()}\0${namespace}`).slice(0, 12)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}
