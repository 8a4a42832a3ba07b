// In: records of runs. Out: the one document of `-o json` (CLI reference, schema `trueup/1`): always the same shape.
// Fields are only ever added; run-json-schema.ts says the same for machines. Times become ISO UTC, durations stay ms.
import type { DurableSummary } from '../durable-types.js'
import type { CacheAnswer, Json, LimitCheck, LogRecord, PlanData, RunRecord } from '../event.js'
import { plainJson } from '../util/plain-json.js'
import { inertJson } from './data-text.js'
import { utcTime } from './format.js'

/** The document for any number of runs of one command; `exitCode` is that of the command. */
export function runJson(records: readonly RunRecord[], exitCode: number): Json {
  return { schema: 'trueup/1', exitCode, runs: records.map(runOf) }
}

/** The document as text: two spaces, a final line break. Inert: JSON readers find the same strings. */
export function formatJson(document: Json): string {
  return `${inertJson(JSON.stringify(document, null, 2))}\n`
}

function runOf(record: RunRecord): Json {
  const { run, decision, outcomes, log, error } = record
  return {
    run: {
      id: run.id,
      target: run.target,
      integration: run.integration,
      version: run.version,
      mode: run.mode,
      destination: run.destination,
      shards: run.shards,
      startedAt: utcTime(run.startedAt),
      durationMs: run.durationMs,
      by: {
        actor: run.by.actor,
        url: run.by.url,
        host: run.by.host,
        tool: run.by.tool,
        ...(run.by.event === undefined ? {} : { event: { ...run.by.event } }),
      },
    },
    state: record.state,
    decision: {
      action: decision.action,
      reason: decision.reason,
      base: decision.base,
      head: decision.head,
      dirty: decision.dirty,
      digest: decision.digest,
      // Without a run cache the field is there all the same.
      cache: decision.cache === undefined ? null : cacheOf(decision.cache),
      components: Object.fromEntries(
        Object.entries(decision.components).map(([name, { head, base, same, detail }]) => [
          name,
          { head, base, same, detail: detail ?? null },
        ]),
      ),
      headCommit: decision.headCommit,
      explanation: decision.explanation,
      firstDifference: decision.firstDifference === undefined ? null : plainJson(decision.firstDifference),
    },
    plan: record.plan === null ? null : planOf(record.plan),
    limits: record.limits.map(limitOf),
    outcomes: outcomes.map(({ key, action, shard, result, error: why }) => ({
      key,
      action,
      shard,
      result,
      error: why,
    })),
    log: { records: log.records.map(logOf), replayedFrom: log.replayedFrom, dropped: log.dropped },
    error: error === null ? null : { code: error.code, message: error.message, details: plainJson(error.details) },
    exitCode: record.exitCode,
    instead: record.instead === undefined ? null : plainJson(record.instead),
    durable: record.durable === undefined ? null : durableOf(record.durable),
    relations: (record.relations ?? []).map(({ name, asked, loaded }) => ({ name, asked, loaded })),
    repeats: (record.repeats ?? []).map(({ key, action, shard, times, stopped }) => ({
      key,
      action,
      shard,
      times,
      stopped,
    })),
    holds: (record.holds ?? []).map(({ since, until, by: { actor, url, host }, ...held }) => ({
      ...held,
      since: utcTime(since),
      until: utcTime(until),
      by: { actor, url, host },
    })),
    calls: (record.calls ?? []).map(({ provider, reads, writes, waitedMs }) => ({ provider, reads, writes, waitedMs })),
  }
}

function cacheOf({ status, id, zone, ageMs, expiresAt, expiresInMs, why }: CacheAnswer): Json {
  return { status, id, ageMs, expiresAt: expiresAt === null ? null : utcTime(expiresAt), zone, expiresInMs, why }
}

function durableOf({ counts, calls }: DurableSummary): Json {
  return {
    counts: { ...counts },
    calls: calls.map(({ name, version, id, how, shard }) => ({ name, version, id, how, shard: shard ?? null })),
  }
}

function planOf({ digest, summary, changes, remember }: PlanData): Json {
  return {
    digest,
    summary: {
      create: summary.create,
      update: summary.update,
      delete: summary.delete,
      adopt: summary.adopt,
      of: summary.of,
      unchanged: summary.unchanged,
      foreign: summary.foreign,
    },
    changes: changes.map((change) => ({
      action: change.action,
      key: change.key,
      shard: change.shard,
      cause: change.cause,
      overwritesDrift: change.overwritesDrift === true,
      destructive: change.destructive,
      // A side that is not there is left out: null is a value.
      fields: change.fields.map(({ path, before, after }) => ({
        path,
        ...(before === undefined ? {} : { before }),
        ...(after === undefined ? {} : { after }),
      })),
      dependsOn: change.dependsOn,
      live: change.live,
    })),
    // Without a value it is forgotten.
    remember: (remember ?? []).map(({ key, value }) => ({ key, ...(value === undefined ? {} : { value }) })),
  }
}

function limitOf({ rule, limit, actual, shard, blocked, override, message, allow, keys }: LimitCheck): Json {
  return { rule, limit, actual, shard, blocked, override, message, allow, keys }
}

function logOf({ level, time, message, fields, shard, source }: LogRecord): Json {
  return {
    level,
    time: utcTime(time),
    message,
    fields: fields ?? {},
    shard: shard ?? null,
    source: source ?? 'log',
  }
}
