// Asks the apply marks: was the destination brought to exactly this head, and was nothing else applied since?
// Never evaluates desired state when git alone can answer; never says "applied" on a doubt.
import type { DesiredState } from '../desired/evaluate.js'
import type { DecisionComponent } from '../event.js'
import type { ApplyMark, MarkStore, StoredMark } from '../store/marks.js'
import type { Applied } from './decide.js'
import type { HeadFacts } from './head-facts.js'

export interface AppliedQuestion {
  readonly target: string
  readonly marks: Pick<MarkStore, 'all' | 'readEvaluated'>
  readonly facts: HeadFacts
  /** The head's desired state; called at most once, and only when the input trees do not answer. */
  readonly desired: () => Promise<DesiredState>
  /** Digest of what a shard is reconciled to that owns something and is desired no longer; by shard key. */
  readonly removed: () => Promise<ReadonlyMap<string, string>>
}

export async function askMarks(question: AppliedQuestion): Promise<Applied> {
  const { facts, target } = question
  const marks = await question.marks.all()
  const known = { components: componentsOf(facts, [...marks.values()]) }
  if (marks.size === 0) return notApplied('never', `${target} was never applied at this destination`, known)
  const troubled = [...marks.values()].find(({ mark }) => mark.status !== 'completed')
  if (troubled !== undefined) {
    const how = troubled.mark.status === 'started' ? 'was interrupted' : (troubled.mark.reason ?? 'did not succeed')
    const what = `the last apply of ${nameOf(troubled.mark, target)} (run ${troubled.mark.run}) ${how}`
    return notApplied('never', what, known)
  }
  if (facts.code === null) return notApplied('code', 'the code of the integration cannot be told apart', known)
  const byTrees = await treesAnswer(question, marks)
  if (byTrees !== undefined) return { kind: 'applied', by: 'inputs', components: componentsOf(facts, byTrees) }

  const desired = await question.desired()
  const secrets = await facts.secrets(desired)
  const expected = await expectedOf(question, desired)
  const components = {
    ...componentsOf(
      facts,
      [...expected.keys()].flatMap((key) => marks.get(key) ?? []),
    ),
    ...desiredComponent({ desired, expected, marks }),
    ...secretsComponent(facts, secrets, [...marks.values()]),
  }
  const evaluated = { components, digest: desired.digest }
  if (secrets === null) {
    const why =
      'its secrets cannot be compared with those of the last apply: one cannot be read, or none was compared here yet'
    return notApplied('secrets-unknown', why, evaluated)
  }
  for (const [key, digest] of expected) {
    const mark = marks.get(key)?.mark
    if (mark === undefined) return notApplied('shards', `shard ${key} was never applied`, evaluated)
    const differs = differenceOf(mark, { facts, secrets, digest })
    if (differs === undefined) continue
    return notApplied(differs, `${nameOf(mark, target)} was last applied with ${OTHER[differs]}`, evaluated)
  }
  return { kind: 'applied', by: 'desired', ...evaluated }
}

/** What each shard is to be reconciled to, by key: as desired, and to nothing where it owns something and is desired no longer. */
async function expectedOf(question: AppliedQuestion, desired: DesiredState): Promise<ReadonlyMap<string, string>> {
  const expected = new Map([...desired.shards.values()].map((shard) => [shard.key, shard.digest as string]))
  for (const [key, digest] of await question.removed()) if (!expected.has(key)) expected.set(key, digest)
  return expected
}

/**
 * The shards of which no completed mark says that exactly this head was applied; undefined where that cannot be told, so that any may be one.
 */
export async function unappliedShards(question: AppliedQuestion): Promise<ReadonlySet<string> | undefined> {
  const { facts } = question
  const desired = await question.desired()
  const secrets = await facts.secrets(desired)
  if (facts.code === null || secrets === null) return undefined
  const marks = await question.marks.all()
  const open = new Set(
    [...marks.values()].filter(({ mark }) => mark.status !== 'completed').map(({ mark }) => mark.shard),
  )
  for (const [key, digest] of await expectedOf(question, desired)) {
    const mark = marks.get(key)?.mark
    if (mark === undefined || differenceOf(mark, { facts, secrets, digest }) !== undefined) open.add(key)
  }
  return open
}

const OTHER = {
  code: 'other code',
  config: 'another configuration',
  env: 'other environment variables',
  secrets: 'other secrets',
  desired: 'another desired state',
} as const

interface Head {
  readonly facts: HeadFacts
  readonly secrets: string
  readonly digest: string
}

function differenceOf(mark: ApplyMark, { facts, secrets, digest }: Head): keyof typeof OTHER | undefined {
  if (mark.code !== facts.code || mark.semantics !== facts.semantics) return 'code'
  if (mark.config !== facts.config) return 'config'
  if (mark.env !== facts.env) return 'env'
  if (mark.secrets !== secrets) return 'secrets'
  return mark.desired === digest ? undefined : 'desired'
}

/**
 * Git alone: the trees of the inputs are those of which every shard's mark tells; then these marks. Not for targets with
 * secrets or outside data.
 */
async function treesAnswer(
  question: AppliedQuestion,
  marks: ReadonlyMap<string, StoredMark>,
): Promise<readonly StoredMark[] | undefined> {
  const { facts } = question
  if (facts.inputs === null || facts.hasSecrets || facts.external) return undefined
  const evaluated = await question.marks.readEvaluated()
  if (evaluated === undefined || evaluated.shards.length === 0) return undefined
  const same = (it: { inputs: string | null; code: string; config: string; env: string }): boolean =>
    it.inputs === facts.inputs && it.code === facts.code && it.config === facts.config && it.env === facts.env
  if (!same(evaluated)) return undefined
  const found = evaluated.shards.map((shard) => marks.get(shard))
  const telling = found.filter((stored) => stored !== undefined)
  if (telling.length < found.length) return undefined
  const all = telling.every(
    ({ mark }) => same(mark) && mark.semantics === facts.semantics && mark.secrets === facts.noSecrets,
  )
  return all ? telling : undefined
}

/** The head beside what the marks tell; where the shards' marks are not one, a mark that is not as the head is shown. */
function componentsOf(facts: HeadFacts, marks: readonly StoredMark[]): Record<string, DecisionComponent> {
  const compared = (head: string | null, name: 'config' | 'code' | 'inputs' | 'env'): DecisionComponent => {
    const values = marks.map(({ mark }) => mark[name])
    const other = values.find((value) => value !== head)
    const base = (other === undefined ? values[0] : other) ?? null
    // Unknown code is kept as an empty text.
    return {
      head,
      base: base === '' ? null : base,
      same: head === null || values.length === 0 ? null : other === undefined,
    }
  }
  return {
    config: compared(facts.config, 'config'),
    code: compared(facts.code, 'code'),
    ...(facts.inputs === null ? {} : { inputs: compared(facts.inputs, 'inputs') }),
    env: compared(facts.env, 'env'),
  }
}

/** Left out where there are none. */
function secretsComponent(
  facts: HeadFacts,
  head: string | null,
  marks: readonly StoredMark[],
): Record<string, DecisionComponent> {
  if (head === facts.noSecrets) return {}
  const other = marks.find(({ mark }) => mark.secrets !== head)
  const base = (other ?? marks[0])?.mark.secrets ?? null
  return { secrets: { head, base, same: head === null || base === null ? null : other === undefined } }
}

interface DesiredSides {
  readonly desired: DesiredState
  readonly expected: ReadonlyMap<string, string>
  readonly marks: ReadonlyMap<string, StoredMark>
}

function desiredComponent({ desired, expected, marks }: DesiredSides): Record<string, DecisionComponent> {
  const differing = [...expected].filter(([key, digest]) => marks.get(key)?.mark.desired !== digest).map(([key]) => key)
  const same = differing.length === 0
  const whole =
    expected.size === 1 && expected.has('') ? (marks.get('')?.mark.desired ?? null) : same ? desired.digest : null
  const shown = differing.slice(0, 3).join(', ')
  const more = differing.length > 3 ? ` and ${String(differing.length - 3)} more` : ''
  const detail =
    same || differing.includes('') ? {} : { detail: `shards: ${shown}${more} (of ${String(expected.size)})` }
  return { desired: { head: desired.digest, base: whole, same, ...detail } }
}

type NotApplied = Extract<Applied, { kind: 'not-applied' }>

function notApplied(
  differs: NotApplied['differs'],
  explanation: string,
  more: Pick<NotApplied, 'components' | 'digest'>,
): Applied {
  return { kind: 'not-applied', differs, explanation, ...more }
}

function nameOf(mark: ApplyMark, target: string): string {
  return mark.shard === '' ? target : `shard ${mark.shard}`
}
