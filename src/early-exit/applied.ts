// Asks the apply marks: was the destination brought to exactly this head, and was nothing else applied since?
// Never evaluates desired state when git alone can answer; never says "applied" on a doubt.
import type { DesiredState } from '../desired/evaluate.js'
import type { ApplyMark, MarkStore, StoredMark } from '../store/marks.js'
import type { Applied } from './decide.js'
import type { HeadFacts } from './head-facts.js'

export interface AppliedQuestion {
  readonly target: string
  readonly marks: MarkStore
  readonly facts: HeadFacts
  /** The head's desired state; called at most once, and only when the input trees do not answer. */
  readonly desired: () => Promise<DesiredState>
  /** Digest of what a shard is reconciled to that owns something and is desired no longer; by shard key. */
  readonly removed: () => Promise<ReadonlyMap<string, string>>
}

export async function askMarks(question: AppliedQuestion): Promise<Applied> {
  const { facts, target } = question
  const marks = await question.marks.all()
  if (marks.size === 0) return notApplied('never', `${target} was never applied at this destination`)
  const troubled = [...marks.values()].find(({ mark }) => mark.status !== 'completed')
  if (troubled !== undefined) {
    const how = troubled.mark.status === 'started' ? 'was interrupted' : (troubled.mark.reason ?? 'did not succeed')
    return notApplied('never', `the last apply of ${nameOf(troubled.mark, target)} (run ${troubled.mark.run}) ${how}`)
  }
  if (facts.code === null) return notApplied('code', 'the code of the integration cannot be told apart')
  if (await treesAnswer(question, marks)) return { kind: 'applied', by: 'inputs' }

  const desired = await question.desired()
  const secrets = await facts.secrets(desired)
  if (secrets === null) return notApplied('secrets', 'its secrets have no versions that could be compared')
  const expected = new Map([...desired.shards.values()].map((shard) => [shard.key, shard.digest as string]))
  for (const [key, digest] of await question.removed()) if (!expected.has(key)) expected.set(key, digest)
  for (const [key, digest] of expected) {
    const mark = marks.get(key)?.mark
    if (mark === undefined) return notApplied('shards', `shard ${key} was never applied`)
    const name = nameOf(mark, target)
    if (mark.code !== facts.code || mark.semantics !== facts.semantics)
      return notApplied('code', `${name} was last applied with other code`)
    if (mark.config !== facts.config) return notApplied('config', `${name} was last applied with another configuration`)
    if (mark.env !== facts.env) return notApplied('env', `${name} was last applied with other environment variables`)
    if (mark.secrets !== secrets) return notApplied('secrets', `${name} was last applied with other secrets`)
    if (mark.desired !== digest) return notApplied('desired', `${name} was last applied with another desired state`)
  }
  return { kind: 'applied', by: 'desired' }
}

/** Git alone: the trees of the inputs are those of which every shard's mark tells. Not for targets with secrets or outside data. */
async function treesAnswer(question: AppliedQuestion, marks: ReadonlyMap<string, StoredMark>): Promise<boolean> {
  const { facts } = question
  if (facts.inputs === null || facts.hasSecrets || facts.external) return false
  const evaluated = await question.marks.readEvaluated()
  if (evaluated === undefined || evaluated.shards.length === 0) return false
  const same = (it: { inputs: string | null; code: string; config: string; env: string }): boolean =>
    it.inputs === facts.inputs && it.code === facts.code && it.config === facts.config && it.env === facts.env
  if (!same(evaluated)) return false
  return evaluated.shards.every((shard) => {
    const mark = marks.get(shard)?.mark
    return mark !== undefined && same(mark) && mark.semantics === facts.semantics && mark.secrets === facts.noSecrets
  })
}

function notApplied(differs: Exclude<Applied, { kind: 'applied' }>['differs'], explanation: string): Applied {
  return { kind: 'not-applied', differs, explanation }
}

function nameOf(mark: ApplyMark, target: string): string {
  return mark.shard === '' ? target : `shard ${mark.shard}`
}
