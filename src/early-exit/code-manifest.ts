// A revision's files and an integration's entry in, the digest of the code that a run would load out.
// Reads the tree only (and installed versions where asked); never runs anything, never answers for what it cannot see.
import { join } from 'node:path'
import type { Snapshot } from '../desired/source.js'
import type { Digest } from '../event.js'
import { digestOf } from '../util/digest.js'
import { CodeWalk } from './code-walk.js'
import { findInstalledDifference } from './installed-packages.js'
import { asGlob, within } from './tree-files.js'

export interface CodeManifestOptions {
  readonly snapshot: Snapshot
  /** Repository-relative path of the integration's file; null for a built-in integration. */
  readonly entry: string | null
  /** Repository-relative folder from which a built-in one finds its lockfile. @defaultValue the root */
  readonly from?: string
  /** The trueup that runs: counts where no lockfile says which one is used. */
  readonly tool: { readonly version: string; readonly build: string }
  /** For the head only: absolute root of the working tree, whose installed packages must be the locked ones. */
  readonly installed?: { readonly root: string }
}

export interface KnownCode {
  readonly kind: 'known'
  readonly digest: Digest
  /** Object ids by repository path. */
  readonly files: Readonly<Record<string, string>>
  /** Locked version and integrity by lock path (`trueup` by its name; a lockfile that counts whole by its path and object id). */
  readonly packages: Readonly<Record<string, string>>
  /** Every path that was looked for: its object id, or empty where there is none. The same answers mean the same code. null where whole folders count. */
  readonly probed: Readonly<Record<string, string>> | null
  /** Versions that must be installed, by folder from the repository's root. */
  readonly installed: Readonly<Record<string, string>>
}

export interface UnknownCode {
  readonly kind: 'unknown'
  /** What could not be followed and where, for people. */
  readonly reason: string
  /** The files that were found all the same. */
  readonly files: Readonly<Record<string, string>>
}

export type CodeManifest = KnownCode | UnknownCode

/**
 * What an integration's code consists of at one revision. The same tree gives the same digest wherever it lies.
 * `unknown` when something is loaded that the tree or the lockfile does not name: then nothing may be skipped.
 */
export async function codeManifest(options: CodeManifestOptions): Promise<CodeManifest> {
  const { entry, tool, installed } = options
  const walk = new CodeWalk({ snapshot: options.snapshot, runningTool: `running ${tool.version} ${tool.build}` })
  await walk.addTool(entry ?? `${options.from ?? ''}/x`)
  if (entry !== null) await walk.addEntry(entry)

  const problems = [...walk.problems]
  if (installed !== undefined) {
    const locked = walk.lockedTool
    if (locked !== undefined && locked !== tool.version) {
      problems.push(
        `trueup ${tool.version} is running, but the lockfile says ${locked}: run the locked one (npx trueup), or npm ci`,
      )
    }
    for (const { directory, lock, paths } of walk.locked) {
      const difference = await findInstalledDifference({ root: join(installed.root, directory), lock, paths })
      if (difference !== undefined) problems.push(difference)
    }
  }
  const files = sortedRecord(walk.files)
  const reason = problems[0]
  if (reason !== undefined)
    return {
      kind: 'unknown',
      reason: problems.length === 1 ? reason : `${reason} (and ${problems.length - 1} more)`,
      files,
    }
  const packages = sortedRecord(walk.packages)
  const digest = digestOf({ schema: 1, entry, files, packages })
  return { kind: 'known', digest, files, packages, probed: walk.probed, installed: installedVersions(walk) }
}

/**
 * The loaded files whose content in the working tree is not the committed one, sorted; what was loaded from them is not
 * what the commit says. A file that is missing on one side is one of them.
 */
export async function dirtyFiles(manifest: CodeManifest, committed: Snapshot, worktree: Snapshot): Promise<string[]> {
  const paths = Object.keys(manifest.files)
  if (paths.length === 0) return []
  const [there, here] = await Promise.all([committed.entries(paths.map(asGlob)), worktree.entries(paths.map(asGlob))])
  const oids = new Map(there.map((entry) => [entry.path, entry.oid]))
  const present = new Map(here.map((entry) => [entry.path, entry]))
  return paths
    .filter((path) => {
      const entry = present.get(path)
      return entry === undefined || entry.dirty || entry.oid !== oids.get(path)
    })
    .sort()
}

function installedVersions(walk: CodeWalk): Record<string, string> {
  const versions = new Map<string, string>()
  for (const { directory, lock, paths } of walk.locked) {
    for (const path of paths) {
      const version = lock.version(path)
      if (version !== undefined && !lock.isOptional(path)) versions.set(within(directory, path), version)
    }
  }
  return sortedRecord(versions)
}

function sortedRecord(map: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries([...map].sort(([a], [b]) => (a < b ? -1 : 1)))
}
