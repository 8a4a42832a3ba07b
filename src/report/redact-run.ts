// What a run tells of itself (events, record, plan) comes in, the same without secrets goes out. Pure.
// Only what comes from outside is looked at: ids, digests, reasons and counts stay, whatever a secret may be called.
import type { DurableUse } from '../durable-types.js'
import type {
  RunActor,
  ChangeOutcome,
  Decision,
  FieldChange,
  HeldPart,
  Json,
  KeyParts,
  LimitCheck,
  LogRecord,
  PlanData,
  PlannedChange,
  RepeatedChange,
  RunConfiguration,
  RunError,
  RunEvent,
  RunInstead,
  RunRecord,
} from '../event.js'
import { unreachable } from '../util/unreachable.js'
import type { Redactor } from './redact.js'

export function redactEvent(redactor: Redactor, event: RunEvent): RunEvent {
  if (redactor.isIdle) return event
  switch (event.kind) {
    case 'decided':
      return { ...event, decision: redactDecision(redactor, event.decision) }
    case 'planned':
      return {
        ...event,
        plan: redactPlan(redactor, event.plan),
        limits: event.limits.map((check) => redactLimit(redactor, check)),
      }
    case 'change-started':
      return { ...event, change: redactChange(redactor, event.change) }
    case 'change-finished':
      return { ...event, outcome: redactOutcome(redactor, event.outcome) }
    case 'durable-called':
      return { ...event, use: redactUse(redactor, event.use) }
    case 'logged':
      return { ...event, record: redactLog(redactor, event.record) }
    case 'replayed':
      return { ...event, records: event.records.map((line) => redactLog(redactor, line)) }
    case 'warned':
      return {
        ...event,
        message: redactor.text(event.message),
        ...(event.details === undefined ? {} : { details: redactDetails(redactor, event.details) }),
      }
    case 'recovered':
      return { ...event, unknown: event.unknown.map((outcome) => redactOutcome(redactor, outcome)) }
    case 'finished':
      return { ...event, record: redactRecord(redactor, event.record) }
    default:
      return unreachable(event)
  }
}

export function redactRecord(redactor: Redactor, record: RunRecord): RunRecord {
  if (redactor.isIdle) return record
  return {
    ...record,
    run: {
      ...record.run,
      destination: record.run.destination === null ? null : redactor.name(record.run.destination),
      shards: record.run.shards.map((shard) => redactor.name(shard)),
      by: redactBy(redactor, record.run.by),
    },
    decision: redactDecision(redactor, record.decision),
    plan: record.plan === null ? null : redactPlan(redactor, record.plan),
    limits: record.limits.map((check) => redactLimit(redactor, check)),
    outcomes: record.outcomes.map((outcome) => redactOutcome(redactor, outcome)),
    log: { ...record.log, records: record.log.records.map((line) => redactLog(redactor, line)) },
    error: record.error === null ? null : redactError(redactor, record.error),
    ...(record.durable === undefined
      ? {}
      : { durable: { ...record.durable, calls: record.durable.calls.map((use) => redactUse(redactor, use)) } }),
    ...(record.calls === undefined
      ? {}
      : { calls: record.calls.map((one) => ({ ...one, provider: redactor.name(one.provider) })) }),
    ...(record.repeats === undefined ? {} : { repeats: record.repeats.map((one) => redactRepeat(redactor, one)) }),
    ...(record.holds === undefined ? {} : { holds: record.holds.map((one) => redactHeld(redactor, one)) }),
    ...(record.before === undefined ? {} : { before: redactBefore(redactor, record.before) }),
    ...(record.instead === undefined ? {} : { instead: redactInstead(redactor, record.instead) }),
    ...(record.configured === undefined ? {} : { configured: redactConfigured(redactor, record.configured) }),
  }
}

function redactBy(redactor: Redactor, by: RunActor): RunActor {
  if (by.event === undefined) return by
  return { ...by, event: { ...by.event, reason: redactor.text(by.event.reason) } }
}

/** Keys as those of outcomes, so that they are found by them. */
function redactBefore(redactor: Redactor, before: Readonly<Record<string, Json>>): Readonly<Record<string, Json>> {
  return Object.fromEntries(Object.entries(before).map(([key, value]) => [redactor.name(key), redactor.json(value)]))
}

function redactRepeat(redactor: Redactor, repeated: RepeatedChange): RepeatedChange {
  return { ...repeated, key: redactor.name(repeated.key), shard: nameOrNull(redactor, repeated.shard) }
}

function redactHeld(redactor: Redactor, held: HeldPart): HeldPart {
  return {
    ...held,
    shard: nameOrNull(redactor, held.shard),
    key: nameOrNull(redactor, held.key),
    reason: redactor.text(held.reason),
    keys: held.keys.map((key) => redactor.name(key)),
  }
}

function redactInstead(redactor: Redactor, instead: RunInstead): RunInstead {
  switch (instead.kind) {
    case 'destroy':
      return instead
    case 'undo':
      return {
        ...instead,
        only: nameOrNull(redactor, instead.only),
        left: instead.left.map(({ key, why }) => ({ key: redactor.name(key), why: redactor.text(why) })),
      }
    case 'state': {
      const { key, before, after } = instead
      return { ...instead, key: redactor.name(key), before: redactor.json(before), after: redactor.json(after) }
    }
    case 'clear':
      return instead
    case 'adopt':
    case 'release':
    case 'move':
    case 'resolve':
      return { ...instead, keys: instead.keys.map((key) => redactor.name(key)) }
    default:
      return unreachable(instead)
  }
}

function redactConfigured(redactor: Redactor, configured: RunConfiguration): RunConfiguration {
  const { params, flags, destination } = configured
  return {
    ...configured,
    params: redactor.json(params) as RunConfiguration['params'],
    flags: redactor.json(flags) as RunConfiguration['flags'],
    destination: nameOrNull(redactor, destination),
  }
}

/** The digest stays that of the plan with its values: it is what is approved. */
export function redactPlan(redactor: Redactor, plan: PlanData): PlanData {
  return redactor.isIdle ? plan : redactor.once(plan, (given) => hiddenPlan(redactor, given))
}

function hiddenPlan(redactor: Redactor, plan: PlanData): PlanData {
  const remember = plan.remember?.map(({ key, value }) => ({
    key: redactor.name(key),
    ...(value === undefined ? {} : { value: redactor.json(value) }),
  }))
  return {
    ...plan,
    changes: plan.changes.map((change) => redactChange(redactor, change)),
    ...(remember === undefined ? {} : { remember }),
  }
}

/** Names are the author's own; a shard comes from data. */
function redactUse(redactor: Redactor, use: DurableUse): DurableUse {
  return use.shard === undefined ? use : { ...use, shard: redactor.name(use.shard) }
}

export function redactLimit(redactor: Redactor, check: LimitCheck): LimitCheck {
  if (redactor.isIdle) return check
  return {
    ...check,
    actual: redactor.text(check.actual),
    message: redactor.text(check.message),
    shard: nameOrNull(redactor, check.shard),
    keys: check.keys.map((key) => redactor.name(key)),
  }
}

function redactDecision(redactor: Redactor, decision: Decision): Decision {
  const { firstDifference: difference, cache } = decision
  return {
    ...decision,
    explanation: redactor.text(decision.explanation),
    components: Object.fromEntries(
      Object.entries(decision.components).map(([name, component]) => [
        name,
        component.detail === undefined ? component : { ...component, detail: redactor.text(component.detail) },
      ]),
    ),
    ...(cache === undefined
      ? {}
      : {
          cache: {
            ...cache,
            why: cache.why === null ? null : redactor.text(cache.why),
            parts: redactParts(redactor, cache.parts),
          },
        }),
    ...(difference === undefined ? {} : { firstDifference: { ...difference, ...redactSides(redactor, difference) } }),
  }
}

function redactParts(redactor: Redactor, parts: KeyParts): KeyParts {
  const names = (part: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
    Object.fromEntries(Object.entries(part).map(([name, digest]) => [redactor.name(name), digest]))
  return Object.fromEntries(Object.entries(parts).map(([component, part]) => [component, names(part)]))
}

/** The same object where nothing was hidden: a plan may hold 100,000 of them. */
function redactChange(redactor: Redactor, change: PlannedChange): PlannedChange {
  const key = redactor.name(change.key)
  const shard = nameOrNull(redactor, change.shard)
  const dependsOn = change.dependsOn.map((other) => redactor.name(other))
  const fields = change.fields.map((field) => redactSides(redactor, field))
  const isSame =
    key === change.key &&
    shard === change.shard &&
    dependsOn.every((other, at) => other === change.dependsOn[at]) &&
    fields.every((field, at) => field === change.fields[at])
  return isSame ? change : { ...change, key, shard, dependsOn, fields }
}

/** A side that is not there stays away. The same object where nothing was hidden. */
function redactSides(redactor: Redactor, given: FieldChange): FieldChange {
  const path = redactor.name(given.path)
  const before = given.before === undefined ? undefined : redactor.json(given.before)
  const after = given.after === undefined ? undefined : redactor.json(given.after)
  if (path === given.path && before === given.before && after === given.after) return given
  return { path, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) }
}

function redactOutcome(redactor: Redactor, outcome: ChangeOutcome): ChangeOutcome {
  return {
    ...outcome,
    key: redactor.name(outcome.key),
    shard: nameOrNull(redactor, outcome.shard),
    error: outcome.error === null ? null : redactor.text(outcome.error),
  }
}

function redactLog(redactor: Redactor, record: LogRecord): LogRecord {
  return {
    ...record,
    message: redactor.text(record.message),
    ...(record.fields === undefined
      ? {}
      : { fields: redactor.json(record.fields) as NonNullable<LogRecord['fields']> }),
    ...(record.shard === undefined ? {} : { shard: redactor.name(record.shard) }),
  }
}

function redactError(redactor: Redactor, error: RunError): RunError {
  return { ...error, message: redactor.text(error.message), details: redactDetails(redactor, error.details) }
}

function redactDetails(
  redactor: Redactor,
  details: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return redactor.value(details) as Readonly<Record<string, unknown>>
}

function nameOrNull(redactor: Redactor, name: string | null): string | null {
  return name === null ? null : redactor.name(name)
}
