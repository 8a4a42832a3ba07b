// Keeps declarations of targets by everything they were made from, so that a skip loads neither the integration nor a parser.
// A kept one counts only while every file that its code consists of (and every path that was looked for in vain) is as it was.
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { escapeGlob } from '../desired/globs.js'
import type { Snapshot } from '../desired/source.js'
import type { KnownCode } from '../early-exit/code-manifest.js'
import type { DeclaredTarget } from '../early-exit/declaration.js'
import type { TargetReference } from './open-target.js'

interface Kept {
  readonly declared: DeclaredTarget & { readonly manifest: KnownCode }
}

/** The declaration of an earlier run, when it is still true of this head; undefined otherwise, and on any trouble. */
export async function keptDeclaration(reference: TargetReference, head: Snapshot): Promise<DeclaredTarget | undefined> {
  const { project } = reference
  const kept = await project.cache.get<Kept>(keyOf(reference))
  if (kept === undefined) return undefined
  const { manifest } = kept.declared
  const { root } = project.repository
  if (!(await isInstalled(manifest, root)) || !(await sameCode(manifest, head))) return undefined
  // With --committed the loaded code is still that of the disk.
  if (head.revision.kind === 'commit' && !(await isOnDisk(manifest, root))) return undefined
  return kept.declared
}

export async function keepDeclaration(reference: TargetReference, declared: DeclaredTarget): Promise<void> {
  const { manifest, declaration } = declared
  if (manifest.kind === 'known' && manifest.probed !== null)
    await reference.project.cache.put(keyOf(reference), { declared: { declaration, manifest } } satisfies Kept)
}

function keyOf({ project, target, params }: TargetReference): readonly string[] {
  const { settings } = project
  return [
    'declaration',
    createHash('sha256').update(project.configText).digest('hex'),
    project.configFile ?? '',
    JSON.stringify(target),
    JSON.stringify(Object.entries(params).sort(([a], [b]) => (a < b ? -1 : 1))),
    settings.store.value,
    settings.store.origin,
  ]
}

/** Whether a revision holds exactly the files that this code consists of: then its code is the same without a second look. */
export async function sameCode(manifest: KnownCode, snapshot: Snapshot): Promise<boolean> {
  const { probed } = manifest
  if (probed === null) return false
  const paths = Object.keys(probed)
  const entries = new Map((await snapshot.entries(paths.map(escapeGlob))).map((entry) => [entry.path, entry.oid]))
  return paths.every((path) => (entries.get(path) ?? '') === probed[path])
}

/** Versions of the packages as npm laid them out. */
async function isInstalled(manifest: KnownCode, root: string): Promise<boolean> {
  const checks = Object.entries(manifest.installed).map(async ([path, version]) => {
    try {
      return (
        (JSON.parse(await readFile(join(root, path, 'package.json'), 'utf8')) as { version?: string }).version ===
        version
      )
    } catch {
      return false
    }
  })
  return (await Promise.all(checks)).every(Boolean)
}

/** Compares as git would store them; a file that a filter changes looks different here and is merely looked at again. */
async function isOnDisk(manifest: KnownCode, root: string): Promise<boolean> {
  const checks = Object.entries(manifest.files).map(async ([path, oid]) => {
    try {
      const bytes = await readFile(join(root, path))
      const hash = createHash(oid.length === 64 ? 'sha256' : 'sha1')
      return (
        hash
          .update(`blob ${String(bytes.length)}\0`)
          .update(bytes)
          .digest('hex') === oid
      )
    } catch {
      return false
    }
  })
  return (await Promise.all(checks)).every(Boolean)
}
