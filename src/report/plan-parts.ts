// In: a plan and its limits as data. Out: the parts that the text and the Markdown form share: groups, counts, fields, what to type.
// Decides order and wording once; knows nothing of colours or of Markdown.
import type {
  ChangeAction,
  FieldChange,
  Json,
  LimitCheck,
  PlanData,
  PlannedChange,
  PlanSummary,
  RunMode,
} from '../event.js'
import type { DeletePolicy } from '../integration.js'
import { compareText } from '../util/compare-text.js'
import { count, shortDigest } from './format.js'

export interface ChangeGroup {
  readonly action: ChangeAction
  readonly title: string
  readonly sign: string
  /** By shard, then key. */
  readonly changes: readonly PlannedChange[]
}

/** What takes something away comes first, what costs nothing next. */
const groupOrder: readonly Omit<ChangeGroup, 'changes'>[] = [
  { action: 'delete', title: 'Delete', sign: '-' },
  { action: 'adopt', title: 'Adopt', sign: '=' },
  { action: 'create', title: 'Create', sign: '+' },
  { action: 'update', title: 'Update', sign: '~' },
]

/** The changes by action, each group in one order whatever the order of the plan; empty groups are left out. */
export function changeGroups(changes: readonly PlannedChange[]): readonly ChangeGroup[] {
  return groupOrder
    .map((group) => ({
      ...group,
      changes: changes.filter((change) => change.action === group.action).sort(byShardAndKey),
    }))
    .filter((group) => group.changes.length > 0)
}

/** `1 delete, 2 create, 1 update`; empty for no change. */
export function countsText(summary: PlanSummary): string {
  return groupOrder
    .filter(({ action }) => summary[action] > 0)
    .map(({ action }) => `${summary[action]} ${action}`)
    .join(', ')
}

/** The base of percentages, for people: `41 owned`, under delete policy `all` `41 listed`. */
export function baseText(summary: PlanSummary, deletePolicy?: DeletePolicy): string {
  return `${summary.of} ${deletePolicy === 'all' ? 'listed' : 'owned'}`
}

/** The whole answer when there is nothing to do. */
export function noChangesText(summary: PlanSummary): string {
  if (summary.unchanged === 0) return 'No changes: nothing is desired and nothing is there to be removed.'
  return `No changes: ${count(summary.unchanged, 'object')} ${summary.unchanged === 1 ? 'is as it' : 'are as they'} should be.`
}

/** What was listed but is nobody's, as a sentence; undefined when there is none. */
export function foreignText(summary: PlanSummary): string | undefined {
  if (summary.foreign === 0) return undefined
  const [belong, are] = summary.foreign === 1 ? ['belongs', 'is'] : ['belong', 'are']
  return `${count(summary.foreign, 'listed object')} ${belong} to no target and ${are} left alone.`
}

/** One field of an object that appears or disappears. */
export interface ShownField {
  readonly path: string
  readonly value: Json | undefined
}

/** The fields of a created, deleted or adopted object, without those that its key says already. */
export function objectFields(change: PlannedChange): readonly ShownField[] {
  const inKey = [change.key, ...change.key.split('/')]
  return change.fields
    .flatMap((field) => topLevel(field, change.action === 'delete' ? field.before : (field.after ?? field.before)))
    .filter(({ value }) => !(typeof value === 'string' || typeof value === 'number') || !inKey.includes(String(value)))
}

/** How many changes the compared range causes, and how many were due before; undefined where nothing was compared. */
export function causesText(changes: readonly PlannedChange[]): string | undefined {
  const of = (cause: PlannedChange['cause']): number => changes.filter((change) => change.cause === cause).length
  const [caused, drift, unknown] = [of('change'), of('drift'), of('unknown')]
  if (unknown === changes.length) return undefined
  const rest = unknown === 0 ? '' : `, ${String(unknown)} of unknown cause`
  return `${count(changes.length, 'change')}: ${String(caused)} caused by this range, ${String(drift)} drift${rest}.`
}

/** Keys of the changes that are left out since they are held. */
export function heldKeys(limits: readonly LimitCheck[]): ReadonlySet<string> {
  return new Set(limits.flatMap(({ rule, keys }) => (rule === 'held' ? keys : [])))
}

/** Remarks on one change: held, drift, and updates that take something away. */
export function changeRemarks(change: PlannedChange, held: ReadonlySet<string>): readonly string[] {
  const remarks: string[] = held.has(change.key) ? ['held'] : []
  if (change.destructive && change.action !== 'delete') remarks.push('destructive')
  if (change.cause === 'drift') remarks.push('drift')
  if (change.overwritesDrift === true) remarks.push('overwrites drift')
  return remarks
}

/** Whether shards must be named: the changes belong to more than one. */
export function hasSeveralShards(changes: readonly PlannedChange[]): boolean {
  return new Set(changes.map(({ shard }) => shard)).size > 1
}

/** `max-deletes`, with its shard if it has one: `max-deletes, shard example.com`. */
export function ruleText(check: LimitCheck): string {
  return check.shard === null ? check.rule : `${check.rule}, shard ${check.shard}`
}

const NOTE_TITLES: Partial<Record<LimitCheck['rule'], string>> = {
  approval: 'Approval',
  'not-converging': 'Not converging',
  held: 'Held',
}

/** What a note begins with. */
export function noteTitle(check: LimitCheck): string {
  return NOTE_TITLES[check.rule] ?? 'Incomplete listing'
}

/** One sentence with what was found and what is allowed, whether or not the limit's own message says so. */
export function limitText(check: LimitCheck): string {
  if (check.rule === 'approval' || check.rule === 'held') return check.message
  const spaceless = (text: string): string => text.replaceAll(' ', '')
  const found = check.actual
  // Messages say "deletes 12 of 41 records (29 %)" for an actual of "12 of 41 (29 %)": compare the first number and the share.
  const numbers = found.match(/[\d.]+\s?%?/g) ?? [found]
  const isSaid = [...numbers, check.limit].every((text) => spaceless(check.message).includes(spaceless(text)))
  // `false` or a policy is no number to compare with.
  return isSaid || !/\d/.test(check.limit)
    ? check.message
    : `${check.message} Found ${found}; the limit is ${check.limit}.`
}

/** The limits that stop the plan, and those that a flag of this run has lifted. */
export function splitLimits(limits: readonly LimitCheck[]): {
  readonly blocked: readonly LimitCheck[]
  readonly overridden: readonly LimitCheck[]
  readonly notes: readonly LimitCheck[]
} {
  const open = limits.filter((check) => !check.blocked)
  return {
    blocked: limits.filter((check) => check.blocked),
    overridden: open.filter((check) => check.override !== null),
    notes: open.filter(
      (check) =>
        check.override === null && ['incomplete-listing', 'approval', 'not-converging', 'held'].includes(check.rule),
    ),
  }
}

export interface ApplyCommandInput {
  /** Pasteable, with the flags that this run had. */
  readonly applyCommand: string
  readonly plan: PlanData
  readonly blocked: readonly LimitCheck[]
  /** The whole digest: without a terminal `--expect-plan` takes no shortened one. */
  readonly fullDigest: boolean
}

/** The command that applies exactly this plan; null where a limit cannot be lifted by a flag. */
export function exactCommand({ applyCommand, plan, blocked, fullDigest }: ApplyCommandInput): string | null {
  const flags = new Set<string>()
  for (const { allow } of blocked) {
    if (allow === null) return null
    flags.add(allow)
  }
  return [applyCommand, '--expect-plan', fullDigest ? plan.digest : shortDigest(plan.digest), ...flags].join(' ')
}

function byShardAndKey(left: PlannedChange, right: PlannedChange): number {
  return compareText(left.shard ?? '', right.shard ?? '') || compareText(left.key, right.key)
}

/** A whole object as its top-level fields; anything else as it is. */
function topLevel(field: FieldChange, value: Json | undefined): readonly ShownField[] {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value) && !('$secret' in value)
  if (field.path !== '' || !isObject) return [{ path: field.path, value }]
  return Object.entries(value).map(([path, inner]: [string, Json]) => ({ path, value: inner }))
}

/** Title of what planning wants kept in the target's state. */
export function rememberTitle(mode: RunMode): string {
  return mode === 'dry-run' ? 'Would remember' : 'To remember'
}
