// A target as configured, ready for a run: its declaration (kept from an earlier run where nothing changed, else by loading its code),
// the store and limits in force, and the same questions about the base.
import { isDeepStrictEqual } from 'node:util'
import { escapeGlob } from '../desired/globs.js'
import type { Snapshot } from '../desired/source.js'
import type { CodeManifest } from '../early-exit/code-manifest.js'
import type { Declaration, DeclaredTarget } from '../early-exit/declaration.js'
import { CACHE_ROOT } from '../early-exit/run-cache-entry.js'
import { TrueupError } from '../errors.js'
import type { Json, RunMode } from '../event.js'
import type { LimitSettings } from '../integration.js'
import type { LoadedTarget, OpenTarget } from '../run-types.js'
import type { Authored } from '../report/capture.js'
import { storePrefix, type ObjectStore } from '../store/object-store.js'
import { openStore } from '../store/open-store.js'
import { systemClock } from '../util/clock.js'
import { once } from '../util/once.js'
import type { Config } from './config.js'
import { effectiveTargetSettings, type TargetConfig } from './config-targets.js'
import { queriesOf } from './data-queries.js'
import { keepDeclaration, keptDeclaration, sameCode } from './declaration-cache.js'
import { loadTarget } from './load-target.js'
import { openSecrets } from './open-secrets.js'
import { ownWork } from './own-work.js'
import { silenceAwsNotice, type Environment } from './process-context.js'
import { configAt, pathInside, type Project } from './project.js'
import { settingsInForce, targetIn } from './settings-in-force.js'

/** A target by name, with the parameters given as flags. */
export interface TargetReference {
  readonly project: Project
  readonly target: TargetConfig
  /** `--param` texts of this target. */
  readonly params: Readonly<Record<string, string>>
  readonly ci: boolean
}

export interface Sides {
  readonly head: Snapshot
  readonly base: Snapshot | undefined
  readonly mode: RunMode
  /** Variables that secrets may be in. */
  readonly environment: Environment
  /** Of the run: what the author's code prints becomes its log lines. */
  readonly authored: Authored
}

export async function openTarget(reference: TargetReference, sides: Sides): Promise<OpenTarget> {
  const { project } = reference
  const { authored } = sides
  const loaded = once(() => loadTarget(reference, authored))
  const declared = await declare(reference, sides.head, { loaded, authored })
  const inForce = await settingsInForce(project, { target: reference.target, base: sides.base, mode: sides.mode })
  const store = await openStoreOf(project, inForce.store, { head: sides.head })
  return {
    declared,
    limits: { ...declared.declaration.limits, ...inForce.limits },
    store,
    approvals: inForce.approvals,
    configured: {
      integration: reference.target.integration,
      params: reference.target.params,
      flags: reference.params,
      destination: reference.target.destination,
    },
    secrets: ownWork(
      project.capture,
      openSecrets(inForce.secrets, { directory: project.directory, environment: sides.environment }),
    ),
    ...(inForce.signing === undefined ? {} : { cacheSigning: inForce.signing }),
    storeIsFreshInCi:
      reference.ci &&
      // A dry run asks only for the sake of its cache.
      (sides.mode === 'apply' || project.settings.extendedEarlyExit.value) &&
      store.description.startsWith('file:') &&
      (await isEmpty(store)),
    notes: inForce.notes,
    load: loaded,
    queriesAt: queriesOf(project, reference.target),
    configAt: (base) => configurationAt(reference, base, declared.declaration, loaded),
    manifestAt: (base) => manifestAt(reference, base, declared),
  }
}

/** The declaration of a target alone, from its code. */
export function declareTarget(reference: TargetReference, head: Snapshot): Promise<DeclaredTarget> {
  return declare(reference, head, {
    loaded: once(() => loadTarget(reference)),
    authored: reference.project.authored,
  })
}

async function declare(
  reference: TargetReference,
  head: Snapshot,
  { loaded, authored }: { readonly loaded: () => Promise<Loaded>; readonly authored: Authored },
): Promise<DeclaredTarget> {
  const { project } = reference
  const kept = await keptDeclaration(reference, head)
  if (kept !== undefined) return kept
  const { definition, params, file } = await loaded()
  const entry = file === null ? null : pathInside(project.repository.root, file)
  const { inputs } = definition
  const declaration: Declaration = {
    integration: definition.name,
    version: definition.version,
    entry,
    builtin: file === null,
    inputs: typeof inputs === 'function' ? authored('', () => inputs(params)) : (inputs ?? []),
    env: definition.env ?? [],
    secrets: definition.secrets ?? [],
    external: definition.external === true || reference.target.source !== 'git',
    deletePolicy: definition.deletePolicy,
    sharded: definition.shards !== undefined,
    destination: definition.destination !== undefined,
    limits: plainLimits(definition.limits ?? {}),
    config: configurationOf(project, project.config, reference.target, params),
    params: params as Json,
  }
  const manifest = await manifestOf(reference, head, { entry, builtin: file === null }, true)
  const declared = { declaration, manifest }
  await refuseUncommittedCode(reference, head, declared)
  await keepDeclaration(reference, declared)
  // So that the working tree knows of its changes.
  if (project.configPath !== null && head.revision.kind === 'worktree')
    await head.entries([escapeGlob(project.configPath)])
  return declared
}

type Loaded = LoadedTarget & { readonly file: string | null }

function plainLimits({ maxDeletes, maxChanges, percentFrom, allowEmpty }: LimitSettings): LimitSettings {
  return {
    ...(maxDeletes === undefined ? {} : { maxDeletes }),
    ...(maxChanges === undefined ? {} : { maxChanges }),
    ...(percentFrom === undefined ? {} : { percentFrom }),
    ...(allowEmpty === undefined ? {} : { allowEmpty }),
  }
}

/** What decides outcomes, parameters after their defaults. */
function configurationOf(project: Project, config: Config, target: TargetConfig, params: unknown): Json {
  const settings = effectiveTargetSettings(config, target) as Readonly<Record<string, Json>>
  const { store } = project.settings
  // A flag or variable lies on top of both sides' files.
  return {
    ...settings,
    params: params as Json,
    ...(store.origin === 'flag' || store.origin === 'variable' ? { store: store.value } : {}),
  }
}

/** The effective configuration at another revision; undefined when that revision has no such target. */
export async function configurationAt(
  reference: TargetReference,
  base: Snapshot,
  head: Declaration,
  loaded: () => Promise<Loaded>,
): Promise<Json | undefined> {
  const { project, target } = reference
  // A file outside of the repository is the same on both sides.
  if (project.configPath === null) return head.config
  const found = await configAt(project, base)
  if (found?.text === project.configText) return head.config
  const there = found === undefined ? undefined : targetIn(found.config, target)
  if (found === undefined || there === undefined) return undefined
  // Written alike on both sides, it gives alike parameters: no code is loaded for that.
  const written = effectiveTargetSettings(found.config, there)
  if (isDeepStrictEqual(written, effectiveTargetSettings(project.config, target))) return head.config
  const { resolveParams } = await import('../params.js')
  const { definition } = await loaded()
  const { values } = await resolveParams(definition, {
    file: there.params,
    flags: reference.params,
    target: target.name,
  })
  return configurationOf(project, found.config, there, values)
}

export interface StoreOpening {
  /** Whose commit tells what git tracks. @defaultValue the index */
  readonly head?: Snapshot
  /** For who moves it. */
  readonly evenIfMoved?: boolean
}

/** The store of this URL, opened once for all that one command does. */
export function openStoreOf(project: Project, url: string, opening: StoreOpening = {}): Promise<ObjectStore> {
  const key = JSON.stringify([url, opening.evenIfMoved ?? false])
  const known = project.stores.get(key)
  if (known !== undefined) return known
  const opened = openStoreAnew(project, url, opening)
  project.stores.set(key, opened)
  return opened
}

async function openStoreAnew(project: Project, url: string, opening: StoreOpening): Promise<ObjectStore> {
  const { head, evenIfMoved = false } = opening
  if (/^s3:/i.test(url)) silenceAwsNotice()
  const store = await openStore(url, {
    baseDirectory: project.directory,
    clock: systemClock,
    environment: project.environment,
    evenIfMoved,
    isTracked: async (path) => {
      const inside = pathInside(project.repository.root, path)
      if (inside === null) return false
      // A skip must not read the index of a large repository; what a pull request brings is in the commit.
      const { revision } = head ?? {}
      const commit = revision?.kind === 'worktree' ? revision.commit : revision?.id
      if (commit === null || commit === undefined) return project.repository.isTracked(path)
      await using committed = await project.repository.at(commit)
      return (await committed.entries([escapeGlob(inside), `${escapeGlob(inside)}/**`])).length > 0
    },
  })
  return ownWork(project.capture, store)
}

/** What a dry run, or the apply that was refused for it, leaves in a store that is as fresh as before: it owns nothing. */
const LEFT_BY_DRY_RUNS = ['records', 'holds', CACHE_ROOT, 'secrets', 'schedule'].map((root) => storePrefix(root))

async function isEmpty(store: ObjectStore): Promise<boolean> {
  for await (const { key } of store.list(''))
    if (!LEFT_BY_DRY_RUNS.some((prefix) => key.startsWith(prefix))) return false
  return true
}

async function manifestOf(
  reference: TargetReference,
  snapshot: Snapshot,
  code: { readonly entry: string | null; readonly builtin: boolean },
  isHead: boolean,
): Promise<CodeManifest> {
  const { project } = reference
  if (!code.builtin && code.entry === null)
    return { kind: 'unknown', reason: 'its file lies outside the repository', files: {} }
  const { codeManifest } = await import('../early-exit/code-manifest.js')
  const from = pathInside(project.repository.root, project.directory) ?? ''
  const { version, build } = project.tool
  return codeManifest({
    snapshot,
    entry: code.entry,
    from,
    tool: { version, build },
    ...(isHead ? { installed: { root: project.repository.root } } : {}),
  })
}

async function manifestAt(reference: TargetReference, base: Snapshot, declared: DeclaredTarget): Promise<CodeManifest> {
  const { manifest, declaration } = declared
  if (manifest.kind === 'known' && (await sameCode(manifest, base))) return manifest
  return manifestOf(reference, base, declaration, false)
}

/** With `--committed`, code that was loaded from a changed file is not the code of HEAD. */
async function refuseUncommittedCode(
  reference: TargetReference,
  head: Snapshot,
  { manifest, declaration }: DeclaredTarget,
): Promise<void> {
  const { project } = reference
  if (!project.settings.committed.value) return
  const { dirtyFiles } = await import('../early-exit/code-manifest.js')
  await using worktree = await project.repository.head({ committed: false })
  // What HEAD does not hold may lie in the working tree all the same, and was loaded from there.
  const here = manifest.kind === 'known' ? manifest : await manifestOf(reference, worktree, declaration, false)
  const dirty = await dirtyFiles({ ...manifest, files: { ...here.files, ...manifest.files } }, head, worktree)
  if (dirty.length === 0) return
  throw new TrueupError(
    'head-unclean',
    `--committed runs the code of HEAD, but ${dirty.join(', ')} ${dirty.length === 1 ? 'is' : 'are'} not as committed: commit, or leave --committed out`,
    {
      details: { files: dirty },
    },
  )
}
