// What a plan found out, a target's limits and what was asked for in their place come in; each limit as it was checked goes out.
// Must not: change the plan; a blocked plan is shown whole.
import { TrueupError } from '../errors.js'
import type { LimitCheck, LimitRule } from '../event.js'
import type { LimitSettings } from '../integration.js'
import { objects, percentText, shellWord, some, spaced } from './limit-text.js'
import { exceeds, parseLimit } from './parse-limit.js'
import type { Limit } from './parse-limit.js'
import type { NotOwned, PlanFacts, ShardFacts } from './plan-facts.js'

export { parseLimit } from './parse-limit.js'

/** Used where a target sets none. */
export const defaultLimits = { maxDeletes: '30%', percentFrom: 10, allowEmpty: false } as const

/** Limits of one run, from its flags. Each replaces the target's, per shard and per run, and is recorded. */
export interface LimitOverrides {
  readonly maxDeletes?: number | string | undefined
  readonly maxChanges?: number | string | undefined
  readonly allowEmpty?: boolean | undefined
}

/**
 * Checks every rule on every shard and on the whole run: what is blocked, overridden or in use. Whether a plan may be applied is
 * `!checks.some(({ blocked }) => blocked)`. A run of one shard is checked once.
 *
 * @throws TrueupError `usage` for a limit that cannot be read
 */
export function checkLimits(
  facts: PlanFacts,
  settings: LimitSettings,
  overrides: LimitOverrides,
): readonly LimitCheck[] {
  const scopes = scopesOf(facts)
  return [
    ...emptyChecks(facts, settings, overrides),
    ...countChecks({
      facts,
      scopes,
      settings,
      rule: 'max-deletes',
      flag: '--max-deletes',
      configured: parseLimit(settings.maxDeletes ?? defaultLimits.maxDeletes, 'limits.maxDeletes'),
      override: overrides.maxDeletes,
      countOf: ({ deletes, approved = 0 }) => deletes - approved,
      sentence: (count, base, percent) =>
        `this plan deletes ${String(count)} of ${objects(base)}${percent === '' ? '' : ` (${percent})`}`,
    }),
    ...countChecks({
      facts,
      scopes,
      settings,
      rule: 'max-changes',
      flag: '--max-changes',
      configured: settings.maxChanges === undefined ? null : parseLimit(settings.maxChanges, 'limits.maxChanges'),
      override: overrides.maxChanges,
      countOf: ({ changes }) => changes,
      sentence: (count, base, percent) =>
        `this plan makes ${String(count)} ${count === 1 ? 'change' : 'changes'} where ${objects(base)} ${base === 1 ? 'is' : 'are'} owned${percent === '' ? '' : ` (${percent})`}`,
    }),
    ...facts.shards.flatMap((shard) => protectedCheck(shard, facts)),
    ...facts.invariants.map((message) => invariantCheck(message, facts)),
    ...facts.shards.flatMap((shard) => notOwnedChecks(shard, facts)),
    ...facts.shards.flatMap((shard) => incompleteCheck(shard)),
  ]
}

/** What counts are compared in: the whole run, then each shard. */
interface Scope {
  readonly shard: string | null
  readonly owned: number
  readonly deletes: number
  readonly approved?: number
  readonly changes: number
}

function scopesOf({ shards }: PlanFacts): readonly Scope[] {
  // The run and its only shard would say the same twice.
  if (shards.length === 1) return shards
  const sum = (count: (shard: ShardFacts) => number): number => shards.reduce((total, shard) => total + count(shard), 0)
  const run: Scope = {
    shard: null,
    owned: sum(({ owned }) => owned),
    deletes: sum(({ deletes }) => deletes),
    approved: sum(({ approved = 0 }) => approved),
    changes: sum(({ changes }) => changes),
  }
  return [run, ...shards]
}

interface CountRule {
  readonly facts: PlanFacts
  readonly scopes: readonly Scope[]
  readonly settings: LimitSettings
  readonly rule: LimitRule
  readonly flag: string
  readonly configured: Limit | null
  readonly override: number | string | undefined
  readonly countOf: (scope: Scope) => number
  readonly sentence: (count: number, base: number, percent: string) => string
}

function countChecks(input: CountRule): readonly LimitCheck[] {
  const { facts, scopes, settings, rule, flag, configured, countOf } = input
  const asked = input.override === undefined ? null : parseLimit(input.override, flag)
  const limit = asked ?? configured
  if (limit === null) return []
  const percentFrom = percentFromOf(settings)
  const override = asked === null ? null : `${flag} ${asked.text}`
  // One value replaces the limit of the run and of every shard, so only the run's total allows all of this plan.
  const allow = `${flag} ${String(Math.max(...scopes.map(countOf)))}`

  return scopes.flatMap((scope, position) => {
    const count = countOf(scope)
    const base = scope.owned
    if (count === 0 && (override === null || position > 0)) return []
    const blocked = exceeds({ limit, count, base, percentFrom })
    const percent = percentText({ count, base, limit: blocked ? limit : null })
    const where = scope.shard === null ? '' : ` in shard ${scope.shard}`
    const allowed =
      override === null ? `${facts.target} allows ${spaced(limit)}` : `this run allows ${spaced(limit)} (${override})`
    return {
      rule,
      limit: configured?.text ?? 'none',
      actual: `${String(count)} of ${String(base)}${percent === '' ? '' : ` (${percent})`}`,
      shard: scope.shard,
      blocked,
      override,
      message: `${input.sentence(count, base, percent)}${where}; ${allowed}`,
      allow: blocked ? allow : null,
      keys: [],
    }
  })
}

function percentFromOf({ percentFrom = defaultLimits.percentFrom }: LimitSettings): number {
  if (Number.isSafeInteger(percentFrom) && percentFrom >= 0) return percentFrom
  throw new TrueupError('usage', `limits.percentFrom is a count such as 10, not ${JSON.stringify(percentFrom)}`)
}

/** Nothing desired while something is owned is mostly a mistake in reading what is desired. A removed shard is meant to be empty; a whole run is not. */
function emptyChecks(facts: PlanFacts, settings: LimitSettings, overrides: LimitOverrides): readonly LimitCheck[] {
  // Nothing can be lost where nothing is ever deleted.
  if (facts.deletePolicy === 'never') return []
  const configured = settings.allowEmpty ?? defaultLimits.allowEmpty
  const allowed = overrides.allowEmpty ?? configured
  const check = (shard: string | null, known: number): LimitCheck => ({
    rule: 'empty-desired',
    limit: String(configured),
    actual: `0 desired, ${String(known)} owned`,
    shard,
    blocked: !allowed,
    override: overrides.allowEmpty === true ? '--allow-empty' : null,
    message:
      shard === null
        ? `nothing is desired, but ${facts.target} owns ${objects(known)}`
        : `nothing is desired in shard ${shard}, but ${facts.target} owns ${objects(known)} there`,
    allow: allowed ? null : '--allow-empty',
    keys: [],
  })

  // Of a shard that could not be read nothing is deleted, whatever is desired: the run fails on that, and no flag would help.
  const open = (shard: ShardFacts): number =>
    shard.incomplete?.unreadable === true ? 0 : shard.known - (shard.approved ?? 0)
  const known = facts.shards.reduce((total, shard) => total + open(shard), 0)
  if (facts.shards.every(({ empty }) => empty)) {
    const only = facts.shards.length === 1 ? (facts.shards[0]?.shard ?? null) : null
    return known === 0 ? [] : [check(only, known)]
  }
  return facts.shards.flatMap((shard) =>
    shard.empty && !shard.removed && open(shard) > 0 ? [check(shard.shard, open(shard))] : [],
  )
}

function protectedCheck(shard: ShardFacts, { target }: PlanFacts): readonly LimitCheck[] {
  const keys = shard.protectedKeys
  if (keys.length === 0) return []
  const them = keys.length === 1 ? 'it' : 'them'
  return [
    {
      rule: 'protected',
      limit: 'protect',
      actual: `${String(keys.length)} protected`,
      shard: shard.shard,
      blocked: true,
      override: null,
      message: `this plan deletes ${some(keys)}, which ${target} protects from that; desire ${them} again, or change what its integration protects`,
      allow: null,
      keys,
    },
  ]
}

function invariantCheck(message: string, { target }: PlanFacts): LimitCheck {
  return {
    rule: 'invariant',
    limit: 'invariant',
    actual: message,
    shard: null,
    blocked: true,
    override: null,
    message: `after this plan a rule of ${target} would be broken: ${message}`,
    allow: null,
    keys: [],
  }
}

/** One check for what is nobody's, one for each other target: each has another way out. */
function notOwnedChecks(shard: ShardFacts, { target }: PlanFacts): readonly LimitCheck[] {
  const owners = [...new Set(shard.notOwned.map(({ owner }) => owner))].sort((a, b) => ((a ?? '') < (b ?? '') ? -1 : 1))
  return owners.map((owner) => {
    const keys = shard.notOwned.filter((one: NotOwned) => one.owner === owner).map(({ key }) => key)
    const one = keys.length === 1
    const first = shellWord(keys[0] ?? '')
    const message =
      owner === null
        ? `${some(keys)} ${one ? 'exists' : 'exist'}, ${one ? 'differs' : 'differ'} from what is desired, and ${one ? 'is' : 'are'} not owned by ${target}. ` +
          `Make ${one ? 'it' : 'them'} equal (then ${one ? 'it is' : 'they are'} adopted), remove ${one ? 'it' : 'them'}, or take over: trueup owned adopt ${target} ${first}`
        : `${some(keys)} ${one ? 'is' : 'are'} owned by the target ${owner}, and ${target} desires ${one ? 'it' : 'them'} too. ` +
          `Let only one of them desire ${one ? 'it' : 'them'}, or hand over with: trueup owned move ${first} --from ${owner} --to ${target}`
    return {
      rule: 'not-owned',
      limit: 'owned',
      actual: `${String(keys.length)} not owned`,
      shard: shard.shard,
      blocked: true,
      override: null,
      message,
      allow: null,
      keys,
    }
  })
}

/** Blocks nothing: what is unsafe was left out of the plan, and this says so. */
function incompleteCheck({ shard, incomplete }: ShardFacts): readonly LimitCheck[] {
  if (incomplete === null) return []
  const { reason, heldBack, notCreated, unreadable } = incomplete
  const where = shard === null ? '' : ` of shard ${shard}`
  const check = {
    rule: 'incomplete-listing',
    limit: 'complete listing',
    actual: reason,
    shard,
    blocked: false,
    override: null,
    allow: null,
  } as const
  if (unreadable === true) {
    // Every desired object would be named here.
    return [{ ...check, message: `nothing${where} could be read (${reason}), so nothing is done there`, keys: [] }]
  }
  const effects = [
    ...(heldBack.length === 0
      ? []
      : [heldBack.length === 1 ? '1 delete is held back' : `${String(heldBack.length)} deletes are held back`]),
    ...(notCreated.length === 0
      ? []
      : [
          `${objects(notCreated.length)} known to the ledger ${notCreated.length === 1 ? 'was' : 'were'} not seen and ${notCreated.length === 1 ? 'is' : 'are'} not created again`,
        ]),
  ]
  return [
    {
      ...check,
      message: `the listing${where} is incomplete (${reason}), so ${effects.length === 0 ? 'nothing could be deleted' : effects.join(', and ')}`,
      keys: [...heldBack, ...notCreated],
    },
  ]
}
