// Keeps declarations of targets by everything they were made from, so that a skip loads neither the integration nor a parser.
// A kept one counts only while every file that its code consists of (and every path that was looked for in vain) is as it was.
// Small files are read at once, without the detour by threads: this is most of what a skip waits for.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { compileGlobs, escapeGlob } from '../desired/globs.js'
import type { Snapshot } from '../desired/source.js'
import type { KnownCode } from '../early-exit/code-manifest.js'
import type { DeclaredTarget } from '../early-exit/declaration.js'
import { digestBytes } from '../util/digest.js'
import { loadOptions } from './load-target.js'
import type { TargetReference } from './open-target.js'
import { pathsKey, type Project } from './project.js'

interface Kept {
  readonly declared: DeclaredTarget & { readonly manifest: KnownCode }
}

/** The declaration of an earlier run, when it is still true of this head; undefined otherwise, and on any trouble. */
export async function keptDeclaration(reference: TargetReference, head: Snapshot): Promise<DeclaredTarget | undefined> {
  const { project } = reference
  const kept = await project.cache.get<Kept>(await keyOf(reference))
  if (kept === undefined) return undefined
  const { manifest } = kept.declared
  if (!isLoadable(manifest, project, head) || !(await sameCode(manifest, head, project.configPath))) return undefined
  return kept.declared
}

/** As {@link keptDeclaration}, of many targets with one question to the head. */
export async function keptDeclarations(
  references: readonly TargetReference[],
  head: Snapshot,
): Promise<readonly (DeclaredTarget | undefined)[]> {
  const kept = await Promise.all(
    references.map(async (reference) => {
      const found = await reference.project.cache.get<Kept>(await keyOf(reference))
      return found !== undefined && isLoadable(found.declared.manifest, reference.project, head)
        ? found.declared
        : undefined
    }),
  )
  const paths = new Set(kept.flatMap((declared) => Object.keys(declared?.manifest.probed ?? {})))
  const entries = paths.size === 0 ? [] : await head.entries([...paths].map(escapeGlob))
  const oids = new Map(entries.map((entry) => [entry.path, entry.oid]))
  return kept.map((declared) => (declared !== undefined && isAsProbed(declared.manifest, oids) ? declared : undefined))
}

function isLoadable(manifest: KnownCode, { repository }: Project, head: Snapshot): boolean {
  // With --committed the loaded code is still that of the disk.
  return (
    isInstalled(manifest, repository.root) && (head.revision.kind !== 'commit' || isOnDisk(manifest, repository.root))
  )
}

export async function keepDeclaration(reference: TargetReference, declared: DeclaredTarget): Promise<void> {
  const { manifest, declaration } = declared
  const { project, target } = reference
  if (manifest.kind === 'unknown' || manifest.probed === null) return
  await project.cache.put(await keyOf(reference), { declared: { declaration, manifest } } satisfies Kept)
  const { probed } = manifest
  const code = Object.keys(probed).filter((path) => probed[path] !== '')
  const inputs = compileGlobs(declaration.inputs).roots.map(({ kind, path }) => (kind === 'file' ? path : `${path}/`))
  const read = [...code, ...inputs]
  await project.cache.put(pathsKey(project.workingDirectory, target.name), pathsToAsk(read, project.configPath))
}

/** What looking these paths up will read: the folders on the way to them, from the root, and trueup.yaml itself. */
function pathsToAsk(read: readonly string[], configPath: string | null): readonly string[] {
  const paths = new Set(configPath === null ? [''] : ['', configPath])
  for (const path of read) {
    for (let end = path.indexOf('/', 1); end !== -1; end = path.indexOf('/', end + 1)) paths.add(path.slice(0, end))
  }
  return [...paths]
}

async function keyOf({ project, target, params }: TargetReference): Promise<readonly string[]> {
  const { settings } = project
  return [
    'declaration',
    JSON.stringify(await filesMeant(project, target.integration)),
    digestBytes(project.configText),
    project.configFile ?? '',
    JSON.stringify(target),
    JSON.stringify(Object.entries(params).sort(([a], [b]) => (a < b ? -1 : 1))),
    settings.store.value,
    settings.store.origin,
  ]
}

/** What is there under an integration's name or path: one file more, and it may mean another integration. */
async function filesMeant(project: Project, integration: string): Promise<readonly string[]> {
  const { places, configDirectory, workingDirectory } = await loadOptions(project)
  const isPath = /^\.|[/\\]|\.m?[jt]s$/.test(integration)
  const folders = isPath
    ? [workingDirectory, configDirectory].map((base) => dirname(resolve(base, integration)))
    : places.map((place) => resolve(configDirectory, place))
  const name = basename(integration)
  const found = folders.flatMap((folder) => {
    const here = namesIn(folder).filter((entry) => entry === name || entry.startsWith(`${name}.`))
    const inside = namesIn(join(folder, name)).filter((entry) => entry.startsWith('index.'))
    return [...here, ...inside.map((entry) => `${name}/${entry}`)].map((entry) => join(folder, entry))
  })
  return [...folders, ...found]
}

/** Sorted; none for what is no folder. */
function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort()
  } catch {
    return []
  }
}

/**
 * Whether a revision holds exactly the files that this code consists of: then its code is the same without a second look.
 * `beside` is asked for in the same breath, so that the snapshot knows whether it is changed.
 */
export async function sameCode(
  manifest: KnownCode,
  snapshot: Snapshot,
  beside: string | null = null,
): Promise<boolean> {
  if (manifest.probed === null) return false
  const paths = Object.keys(manifest.probed)
  const asked = beside === null ? paths : [...paths, beside]
  const entries = await snapshot.entries(asked.map(escapeGlob))
  return isAsProbed(manifest, new Map(entries.map((entry) => [entry.path, entry.oid])))
}

function isAsProbed({ probed }: KnownCode, oids: ReadonlyMap<string, string>): boolean {
  return probed !== null && Object.keys(probed).every((path) => (oids.get(path) ?? '') === probed[path])
}

/** Versions of the packages as npm laid them out. */
function isInstalled(manifest: KnownCode, root: string): boolean {
  return Object.entries(manifest.installed).every(([path, version]) => {
    try {
      const text = readFileSync(join(root, path, 'package.json'), 'utf8')
      return (JSON.parse(text) as { version?: string }).version === version
    } catch {
      return false
    }
  })
}

/** Compares as git would store them; a file that a filter changes looks different here and is merely looked at again. */
function isOnDisk(manifest: KnownCode, root: string): boolean {
  return Object.entries(manifest.files).every(([path, oid]) => {
    try {
      const bytes = readFileSync(join(root, path))
      const hash = createHash(oid.length === 64 ? 'sha256' : 'sha1').update(`blob ${String(bytes.length)}\0`)
      return hash.update(bytes).digest('hex') === oid
    } catch {
      return false
    }
  })
}
