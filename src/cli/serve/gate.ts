// The policies and freezes of a served revision, and the records, come in; whether a target may be applied at a time goes out. Reads only.
// What cannot be read is no consent: it is thrown.
import { endOf } from '../../reconcile/approvals.js'
import {
  combine,
  coolDown,
  gradualRollout,
  needsApproval,
  soakTime,
  type Combined,
  type Policy,
  type Verdict,
} from '../../schedule/policies.js'
import { actedAt, standsSince } from '../../schedule/standing.js'
import { neverWithin, onlyWithin } from '../../schedule/windows.js'
import { evaluatedShards } from '../../store/marks.js'
import type { ObjectStore } from '../../store/object-store.js'
import type { RecordStore } from '../../store/records.js'
import type { RunRecord } from '../../event.js'
import { recurring } from '../config-policies.js'
import type { TargetConfig } from '../config-targets.js'
import type { ConfigFreeze } from '../config-types.js'
import type { ServedTree } from './served-tree.js'
import type { Turn } from './turns.js'

export interface GateOptions {
  readonly records: Pick<RecordStore, 'list'>
  readonly store: ObjectStore
  /** Targets of which nothing that they read has changed between a commit and the served one. */
  readonly unaffectedSince: (served: ServedTree, commit: string) => Promise<ReadonlySet<string>>
}

export interface GateQuestion {
  readonly served: ServedTree
  readonly target: TargetConfig
  /** In its rollout; undefined where it takes part in none. */
  readonly turn: Turn | undefined
  /** UTC ms. */
  readonly now: number
}

export interface Gate {
  /** All but the approval. @throws as reading records does */
  ask(question: GateQuestion): Promise<Combined>
  /** Whether this plan of a target that needs an approval has one. */
  approved(question: Omit<GateQuestion, 'turn'>, digest: string): Verdict
}

export function createGate({ records, store, unaffectedSince }: GateOptions): Gate {
  async function soaked({ served, target, now }: GateQuestion): Promise<number | null> {
    const { soak } = target.policies
    if (soak === undefined) return null
    return standsSince(records.list(soak.after), {
      // What the soak is to tell of is what both of them read: an older success tells nothing of a commit that changes either.
      isSameState: async (commit) => {
        if (commit === served.tree.commit) return true
        const unaffected = await unaffectedSince(served, commit)
        return unaffected.has(soak.after) && unaffected.has(target.name)
      },
      isWhole: (record) => isWhole(store, record),
      enoughAt: now - soak.for,
    })
  }

  return {
    async ask(question) {
      const { served, target, turn, now } = question
      const { soak, rollout, cooldown, windows } = target.policies
      const policies: Policy[] = [...freezePolicies(served.freezes, target.name)]
      if (windows !== undefined) policies.push(onlyWithin(windows.map(recurring)))
      const succeededAt = await soaked(question)
      if (soak !== undefined) policies.push(soakTime({ before: soak.after, succeededAt, soakMs: soak.for }))
      if (cooldown !== undefined)
        policies.push(
          coolDown({
            appliedAt: await actedAt(records.list(target.name), now - cooldown),
            coolDownMs: cooldown,
          }),
        )
      if (rollout !== undefined && turn !== undefined) {
        const pace =
          rollout.each === undefined
            ? ({ kind: 'linear-normalised', durationMs: rollout.over ?? 0, count: turn.count } as const)
            : ({ kind: 'linear', intervalMs: rollout.each } as const)
        // Its members soak together: what they wait for begins when that is over.
        const startedAt = Math.max(turn.since, (succeededAt ?? 0) + (soak?.for ?? 0))
        policies.push(gradualRollout({ startedAt, position: turn.position, pace }))
      }
      return combine(policies, now)
    },
    approved({ served, target, now }, digest) {
      const consents = served.approvals
        .filter((one) => one.target === target.name && one.plan === digest)
        .map(({ by, until }) => ({ by, from: null, until: endOf(until) }))
      return needsApproval(consents)(now)
    },
  }
}

function freezePolicies(freezes: readonly ConfigFreeze[], target: string): readonly Policy[] {
  return freezes
    .filter(({ targets }) => targets?.includes(target) ?? true)
    .map((freeze) => neverWithin([{ ...recurring(freeze), reason: freeze.reason }]))
}

/** A skip has looked at the marks of every shard. */
async function isWhole(store: ObjectStore, { run, decision }: RunRecord): Promise<boolean> {
  if (decision.action === 'skip' || run.destination === null) return true
  const all = await evaluatedShards(store, run.target, run.destination)
  // Records do not name the one shard of a target without shards.
  return all.every((shard) => shard === '' || run.shards.includes(shard))
}
