// Targets of a served revision, those that it changes and the turns so far come in; the turns of all rollouts go out. Pure.
import { rolloutOrder } from '../../schedule/policies.js'
import { groupOf } from '../config-policies.js'
import type { TargetConfig } from '../config-targets.js'

/** The place of a target in the rollout of the commit that changed it last. */
export interface Turn {
  /** When that commit came to be served, UTC ms. */
  readonly since: number
  /** From 0. */
  readonly position: number
  /** Targets in this rollout. */
  readonly count: number
}

export interface TurnInput {
  readonly targets: ReadonlyMap<string, TargetConfig>
  readonly changed: readonly string[]
  readonly before: ReadonlyMap<string, Turn>
  /** Another commit gives another order. */
  readonly commit: string
  /** UTC ms. */
  readonly now: number
}

/** What a commit changes begins its rollout anew, together with what has had no turn yet; the others keep theirs. */
export function turnsOf({ targets, changed, before, commit, now }: TurnInput): ReadonlyMap<string, Turn> {
  const isChanged = new Set(changed)
  const turns = new Map<string, Turn>()
  const groups = new Map<string, string[]>()
  for (const [name, { policies, integration }] of targets) {
    if (policies.rollout === undefined) continue
    const kept = before.get(name)
    if (kept !== undefined && !isChanged.has(name)) {
      turns.set(name, kept)
      continue
    }
    const group = groupOf(policies.rollout, integration)
    groups.set(group, [...(groups.get(group) ?? []), name])
  }
  for (const names of groups.values())
    for (const [name, position] of rolloutOrder(names, commit))
      turns.set(name, { since: now, position, count: names.length })
  return turns
}

/** What a commit makes due: what it changes, and what that is to soak in, however far back. */
export function withSoaking(targets: ReadonlyMap<string, TargetConfig>, changed: readonly string[]): readonly string[] {
  const due = new Set(changed)
  for (const name of due) {
    const after = targets.get(name)?.policies.soak?.after
    if (after !== undefined) due.add(after)
  }
  return [...due]
}
