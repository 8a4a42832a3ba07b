// A Snapshot of given files, for tests of what reads one. Object ids are git's own for blobs.
import { createHash } from 'node:crypto'
import picomatch from 'picomatch'
import type { Snapshot, SourceEntry } from '../../src/desired/source.js'

export interface MemorySnapshotOptions {
  /** Paths that are symbolic links; their text is the target. */
  readonly links?: readonly string[]
  /** Paths whose content is that of the disk. */
  readonly dirty?: readonly string[]
}

export function memorySnapshot(
  files: Readonly<Record<string, string>>,
  options: MemorySnapshotOptions = {},
): Snapshot & { questions: number } {
  const bytes = new Map(Object.entries(files).map(([path, text]) => [path, new TextEncoder().encode(text)]))
  const snapshot = {
    questions: 0,
    revision: { kind: 'commit' as const, id: '1'.repeat(40) },
    entries(globs: readonly string[]): Promise<readonly SourceEntry[]> {
      snapshot.questions += 1
      const matches = picomatch([...globs], { dot: true })
      const paths = [...bytes.keys()].filter((path) => matches(path)).sort()
      return Promise.resolve(
        paths.map((path) => ({
          path,
          oid: oidOf(bytes.get(path)),
          mode: options.links?.includes(path) === true ? '120000' : '100644',
          dirty: options.dirty?.includes(path) === true,
        })),
      )
    },
    read: (path: string) => Promise.resolve(bytes.get(path)),
    async *readMany(paths: readonly string[]) {
      for (const path of paths) {
        const content = bytes.get(path)
        if (content !== undefined) yield { path, content }
      }
    },
    materialize: () => Promise.reject(new Error('a memory snapshot has no folder')),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
  return snapshot
}

function oidOf(content: Uint8Array = new Uint8Array()): string {
  return createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex')
}
