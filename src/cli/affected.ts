// Which targets and shards differ between a base and the head. Git answers once for all targets whose files are equal on both sides; only the
// others are opened and evaluated. Whatever cannot be told counts as affected.
import { shardChanges, type ShardChange } from '../desired/evaluate.js'
import type { Snapshot } from '../desired/source.js'
import { compileGlobs, escapeGlob } from '../desired/globs.js'
import type { DeclaredTarget } from '../early-exit/declaration.js'
import { wouldSkip, type Finding } from '../early-exit/decide.js'
import type { Base } from '../early-exit/compare-revisions.js'
import { isTrueupError, toError } from '../errors.js'
import type { DecisionReason } from '../event.js'
import { findOut } from '../run-decide.js'
import { createBudget } from '../util/budget.js'
import { boundedMap } from '../util/bounded-map.js'
import type { TargetConfig } from './config-targets.js'
import { isBundleOf } from './data-queries.js'
import { keptDeclarations } from './declaration-cache.js'
import { configurationAt, declareTarget } from './open-target.js'
import type { Reading } from './target-session.js'
import type { HeadTarget } from './targets.js'

export interface AffectedTarget {
  readonly target: string
  readonly affected: boolean
  readonly reason: DecisionReason
  /** One sentence for people. */
  readonly explanation: string
  readonly sharded: boolean
  /** Shards that differ, sorted; null where all are meant, or there are none. */
  readonly shards: readonly ShardChange[] | null
}

type Known = { readonly declared: DeclaredTarget } | { readonly error: Error }

export type FoundBase = Extract<Base, { kind: 'found' }>

/** What a target is compared with: the same revision for all that read the repository, the same bundle for all that ask an endpoint. */
export interface Bases {
  /** Undefined where no target needs it. */
  readonly revision: Base | undefined
  readonly bundle: FoundBase | undefined
}

/** In the order of `targets`. A file of an integration's place that is none and that nobody configured is warned of and left out. */
export async function findAffected(
  reading: Reading,
  targets: readonly HeadTarget[],
  { revision, bundle }: Bases,
): Promise<readonly AffectedTarget[]> {
  const { head, project, warn } = reading
  const references = targets.map(({ target }) => reading.referenceOf(target))
  const kept = await keptDeclarations(references, head)
  const known: Known[] = []
  // One after the other: what one loads, the next one has.
  for (const [index, reference] of references.entries()) {
    const found = kept[index]
    try {
      known.push({ declared: found ?? (await declareTarget(reference, head)) })
    } catch (thrown) {
      if (isTrueupError(thrown) && thrown.code === 'interrupted') throw thrown
      known.push({ error: toError(thrown) })
    }
  }
  const changed = revision?.kind === 'found' ? await changedPaths(reading, known, revision.id) : []
  const map = boundedMap(createBudget(project.settings.concurrency.value), { signal: reading.signals.stop })
  const answers = await map(targets, async ({ target, isConfigured }, index): Promise<AffectedTarget | undefined> => {
    const one = known[index]
    if (one === undefined) return undefined
    if ('error' in one) {
      if (isConfigured) return failed(target.name, one.error)
      warn(`left out: ${one.error.message}`)
      return undefined
    }
    const { sharded } = one.declared.declaration
    if (bundle !== undefined && isBundleOf(target, bundle.id)) return compared(reading, target, bundle)
    if (revision === undefined) throw new Error(`Internal error: nothing to compare ${target.name} with`)
    if (revision.kind === 'missing') return answer(target.name, revision.finding, sharded, null)
    const finding = await untouched({ reading, target, declared: one.declared, changed, base: revision })
    return finding === undefined
      ? await compared(reading, target, revision)
      : answer(target.name, finding, sharded, null)
  })
  return answers.filter((one) => one !== undefined)
}

/** One question for all targets: files of their code and inputs. What is excluded by one may be read by another. */
async function changedPaths(
  { head, project }: Reading,
  known: readonly Known[],
  base: string,
): Promise<readonly string[]> {
  const globs = known.flatMap((one) => {
    if (!('declared' in one)) return []
    const { declaration, manifest } = one.declared
    const code = manifest.kind === 'known' ? Object.keys(manifest.probed ?? {}) : []
    return [...declaration.inputs.filter((glob) => !/^!(?!\()/.test(glob)), ...code.map(escapeGlob)]
  })
  if (globs.length === 0) return []
  return project.repository.changedPaths({ base, head: head.revision, globs: [...new Set(globs)] })
}

interface Touch {
  readonly reading: Reading
  readonly target: TargetConfig
  readonly declared: DeclaredTarget
  readonly changed: readonly string[]
  readonly base: FoundBase
}

/** The finding where configuration, code and inputs are equal for certain; undefined where the target has to be looked at. */
async function untouched({ reading, target, declared, changed, base }: Touch): Promise<Finding | undefined> {
  const { declaration, manifest } = declared
  if (manifest.kind === 'unknown' || manifest.probed === null || declaration.inputs.length === 0) return undefined
  const { probed } = manifest
  const inputs = compileGlobs(declaration.inputs)
  if (changed.some((path) => Object.hasOwn(probed, path) || inputs.matches(path))) return undefined
  if (!(await isConfiguredAlike(reading, target, declared, base.snapshot))) return undefined
  const explanation = `nothing that ${target.name} reads differs from ${base.id.slice(0, 8)}.`
  return { reason: 'inputs-unchanged', explanation, base: base.id, components: {} }
}

/** Only where that can be told without loading code. */
async function isConfiguredAlike(
  reading: Reading,
  target: TargetConfig,
  { declaration }: DeclaredTarget,
  base: Snapshot,
): Promise<boolean> {
  try {
    const there = await configurationAt(reading.referenceOf(target), base, declaration, () =>
      Promise.reject(new Error('its code would have to be loaded')),
    )
    return there === declaration.config
  } catch {
    return false
  }
}

async function compared(reading: Reading, target: TargetConfig, base: FoundBase): Promise<AffectedTarget> {
  try {
    const session = await reading.session(target, base)
    const { sharded } = session.target.declared.declaration
    const finding = await findOut(session, base)
    const shards =
      sharded && finding.reason === 'desired-changed'
        ? shardChanges(await session.desiredAt(base.snapshot), await session.desired())
        : []
    // The whole differs and no shard does: whatever the rest is for, all shards are meant.
    return answer(target.name, finding, sharded, shards.length === 0 ? null : shards)
  } catch (thrown) {
    const error = toError(thrown)
    if (isTrueupError(error) && ['base-unavailable', 'interrupted', 'timeout'].includes(error.code)) throw error
    return failed(target.name, error)
  }
}

function answer(
  target: string,
  finding: Finding,
  sharded: boolean,
  shards: readonly ShardChange[] | null,
): AffectedTarget {
  const { reason, explanation } = finding
  return { target, affected: !wouldSkip(finding), reason, explanation, sharded, shards }
}

/** Its own run tells what is wrong with it, and fails. */
function failed(target: string, error: Error): AffectedTarget {
  return { target, affected: true, reason: 'head-failed', explanation: error.message, sharded: false, shards: null }
}
