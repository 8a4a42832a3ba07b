// Compares head and base: configuration, code, input trees, then desired state; stops at the first answer.
// In: snapshots and ways to evaluate them. Out: a Finding. An error on the base side means "run"; one on the head side is thrown.
import { shardChanges, type DesiredState } from '../desired/evaluate.js'
import { firstDifference } from '../desired/first-difference.js'
import type { Repository, Snapshot, SourceEntry } from '../desired/source.js'
import { toError, TrueupError } from '../errors.js'
import type { DecisionComponent, FirstDifference, Json } from '../event.js'
import { digestOf } from '../util/digest.js'
import type { CodeManifest } from './code-manifest.js'
import type { DeclaredTarget } from './declaration.js'
import type { Finding } from './decide.js'
import { treeDigest } from './head-facts.js'
import { packageOfFile } from './locked-packages.js'
import { asGlob } from './tree-files.js'

export interface Comparison {
  readonly target: string
  readonly revision: string
  readonly requireCompare: boolean
  readonly repository: Repository
  readonly head: Snapshot
  readonly declared: DeclaredTarget
  readonly headInputs: readonly SourceEntry[]
  /** Effective configuration of this target at the base, parameters after defaults; undefined when the base has no such target. */
  configAt(base: Snapshot): Promise<Json | undefined>
  manifestAt(base: Snapshot): Promise<CodeManifest>
  /** Evaluates the head; thrown errors are the run's failure. */
  desired(): Promise<DesiredState>
  desiredAt(base: Snapshot): Promise<DesiredState>
  /** What of data desired state was made from, where any was asked, as components by name. @defaultValue none was */
  askedOf?(snapshot: Snapshot): Readonly<Record<string, string>>
  warn(message: string): void
}

/** The base as resolved: a snapshot, or why there is none. */
export type Base =
  | { readonly kind: 'found'; readonly id: string; readonly snapshot: Snapshot; readonly isBundle?: boolean }
  | { readonly kind: 'missing'; readonly finding: Finding }

/** @throws base-unavailable when it is missing and `requireCompare` asked for it */
export async function openBase(
  question: Pick<Comparison, 'repository' | 'revision' | 'requireCompare' | 'target' | 'warn'>,
): Promise<Base> {
  const { repository, revision } = question
  const resolved = await repository.resolve(revision)
  if (resolved.kind === 'found') return { kind: 'found', id: resolved.id, snapshot: await repository.at(resolved.id) }
  const message = sentence(`cannot compare with ${revision}: ${resolved.reason}`)
  if (question.requireCompare)
    throw new TrueupError('base-unavailable', `${question.target}: ${message}`, { details: { base: revision } })
  const explanation = `${message} Running in full; pass --require-compare to fail instead.`
  question.warn(explanation)
  return { kind: 'missing', finding: { reason: 'base-missing', explanation, base: revision, components: {} } }
}

/** @throws what evaluating the head throws; base-unavailable on a base-side error when `requireCompare` asked for it */
export async function compareRevisions(
  question: Comparison,
  base: Omit<Extract<Base, { readonly kind: 'found' }>, 'kind'>,
): Promise<Finding> {
  const components: Record<string, DecisionComponent> = {}
  const finding = (reason: Finding['reason'], explanation: string, more: Partial<Finding> = {}): Finding => ({
    reason,
    explanation,
    base: base.id,
    components,
    ...more,
  })
  const name = question.target
  const short = `${base.isBundle === true ? 'bundle ' : ''}${base.id.slice(0, 8)}`
  const headName = question.head.revision.kind === 'commit' ? question.head.revision.id.slice(0, 8) : 'the working tree'

  async function onBase<T>(what: string, ask: () => Promise<T>): Promise<{ value: T } | { failed: Finding }> {
    try {
      return { value: await ask() }
    } catch (thrown) {
      const error = toError(thrown)
      const message = sentence(`${what} of ${short} cannot be evaluated: ${error.message}`)
      if (question.requireCompare)
        throw new TrueupError('base-unavailable', `${name}: ${message}`, { cause: error, details: { base: base.id } })
      question.warn(`${message} Running in full.`)
      return { failed: finding('base-failed', `${message} Running in full.`) }
    }
  }

  const { declaration, manifest } = question.declared
  const config = await onBase('the configuration', () => question.configAt(base.snapshot))
  if ('failed' in config) return config.failed
  const headConfig = digestOf(declaration.config)
  const baseConfig = config.value === undefined ? null : digestOf(config.value)
  components['config'] = { head: headConfig, base: baseConfig, same: headConfig === baseConfig }
  if (headConfig !== baseConfig) {
    const where = config.value === undefined ? undefined : firstDifference(config.value, declaration.config)
    const detail =
      where === undefined ? 'the target is new' : `${where.path}: ${text(where.before)} → ${text(where.after)}`
    components['config'] = { ...components['config'], detail }
    return finding('config-changed', `the configuration of ${name} differs from ${short} (${detail}).`)
  }

  if (manifest.kind === 'unknown') {
    components['code'] = { head: null, base: null, same: null, detail: manifest.reason }
    return finding('code-unknown', `whether the code of ${name} changed cannot be told: ${manifest.reason}.`)
  }
  const { entry } = declaration
  if (entry !== null && packageOfFile(entry) === undefined) {
    const there = await onBase('the code', () => base.snapshot.entries([asGlob(entry)]))
    if ('failed' in there) return there.failed
    if (there.value.length === 0) {
      components['code'] = { head: manifest.digest, base: null, same: false, detail: `${entry} is new` }
      return finding('code-changed', `the integration of ${name} is new since ${short} (${entry}).`)
    }
  }
  const code = await onBase('the code', () => question.manifestAt(base.snapshot))
  if ('failed' in code) return code.failed
  if (code.value.kind === 'unknown') {
    components['code'] = { head: manifest.digest, base: null, same: null, detail: `at ${short}: ${code.value.reason}` }
    return finding(
      'code-unknown',
      `whether the code of ${name} changed cannot be told: at ${short}, ${code.value.reason}.`,
    )
  }
  components['code'] = { head: manifest.digest, base: code.value.digest, same: manifest.digest === code.value.digest }
  if (manifest.digest !== code.value.digest) {
    const detail = codeDifference(code.value, manifest)
    components['code'] = { ...components['code'], detail }
    return finding('code-changed', `the code of ${name} differs from ${short} (${detail}).`)
  }

  const baseInputs = await onBase('the inputs', () => base.snapshot.entries(declaration.inputs))
  if ('failed' in baseInputs) return baseInputs.failed
  const headTree = treeDigest(question.headInputs)
  const baseTree = treeDigest(baseInputs.value)
  const changed = changedPaths(baseInputs.value, question.headInputs)
  components['inputs'] = {
    head: headTree,
    base: baseTree,
    same: headTree === baseTree,
    ...(changed.length === 0 ? {} : { detail: listed(changed) }),
  }
  // Files say nothing of data that lie elsewhere.
  if (headTree === baseTree && declaration.inputs.length > 0 && base.isBundle !== true) {
    return finding('inputs-unchanged', `nothing that ${name} reads differs between ${short} and ${headName}.`)
  }

  const head = await question.desired()
  const before = await onBase('the desired state', () => question.desiredAt(base.snapshot))
  if ('failed' in before) return { ...before.failed, digest: head.digest }
  const asked = question.askedOf?.(base.snapshot) ?? {}
  for (const [part, now] of Object.entries(question.askedOf?.(question.head) ?? {}))
    components[part] = { head: now, base: asked[part] ?? null, same: now === asked[part] }
  const same = head.digest === before.value.digest
  const shards = shardChanges(before.value, head).map(({ shard }) => shard)
  components['desired'] = {
    head: head.digest,
    base: before.value.digest,
    same,
    ...(shards.length === 0 || !declaration.sharded
      ? {}
      : { detail: `shards: ${listed(shards)} (of ${String(head.shards.size)})` }),
  }
  if (same)
    return finding('desired-unchanged', `the desired state of ${name} is the same at ${short} and ${headName}.`, {
      digest: head.digest,
    })
  const difference = firstDifference(before.value.value, head.value)
  const where = await firstChangedLine(question.head, base.snapshot, changed)
  return finding('desired-changed', `the desired state of ${name} differs from ${short}.`, {
    digest: head.digest,
    ...(difference === undefined ? {} : { firstDifference: { ...difference, ...where } satisfies FirstDifference }),
  })
}

/** One changed input file gives its first changed line; several, or a new or removed one, only what is certain. */
async function firstChangedLine(
  head: Snapshot,
  base: Snapshot,
  changed: readonly string[],
): Promise<{ file?: string; line?: number }> {
  const [file] = changed
  if (file === undefined || changed.length > 1) return {}
  // Only for people: a base that cannot be read here was compared all the same.
  const [after, before] = await Promise.all([head.read(file), base.read(file).catch(() => undefined)])
  if (after === undefined || before === undefined) return { file }
  const [a, b] = [before, after].map((bytes) => new TextDecoder().decode(bytes).split('\n'))
  const line = (b ?? []).findIndex((text, index) => text !== a?.[index])
  return { file, line: (line === -1 ? (b ?? []).length - 1 : line) + 1 }
}

function changedPaths(base: readonly SourceEntry[], head: readonly SourceEntry[]): string[] {
  const before = new Map(base.map((entry) => [entry.path, `${entry.mode} ${entry.oid}`]))
  const changed = head
    .filter((entry) => before.get(entry.path) !== `${entry.mode} ${entry.oid}`)
    .map((entry) => entry.path)
  const now = new Set(head.map((entry) => entry.path))
  return [...changed, ...base.filter((entry) => !now.has(entry.path)).map((entry) => entry.path)].sort()
}

function codeDifference(
  base: Extract<CodeManifest, { kind: 'known' }>,
  head: Extract<CodeManifest, { kind: 'known' }>,
): string {
  const names = (a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): string[] =>
    [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((name) => a[name] !== b[name]).sort()
  return listed([
    ...names(base.files, head.files),
    ...names(base.packages, head.packages).map((name) => `package ${name}`),
  ])
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`
}

/** The first few names, and how many more there are. */
function listed(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(', ')
  return names.length > 3 ? `${shown} and ${String(names.length - 3)} more` : shown
}

function text(value: Json | undefined): string {
  const json = value === undefined ? 'absent' : JSON.stringify(value)
  return json.length > 60 ? `${json.slice(0, 57)}…` : json
}
