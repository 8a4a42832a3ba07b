// Records, plans and decisions for the tests of this room; what is given replaces the default.
import type {
  ChangeOutcome,
  Decision,
  LimitCheck,
  PlanData,
  PlannedChange,
  RunIdentity,
  RunRecord,
} from '../../src/event.js'

export const planDigest = '71c2b04e9d33a1f05b6c7d8e9f00112233445566778899aabbccddeeff001122'
export const startedAt = Date.UTC(2026, 10, 20, 9, 12, 44)

export function change(given: Partial<PlannedChange> & Pick<PlannedChange, 'action' | 'key'>): PlannedChange {
  return {
    shard: null,
    cause: 'change',
    destructive: given.action === 'delete',
    fields: [],
    dependsOn: [],
    live: given.action === 'create' ? null : 'a'.repeat(64),
    ...given,
  }
}

export function plan(changes: readonly PlannedChange[], summary: Partial<PlanData['summary']> = {}): PlanData {
  const tally = { create: 0, update: 0, delete: 0, adopt: 0 }
  for (const { action } of changes) tally[action] += 1
  return {
    digest: planDigest,
    summary: { ...tally, of: 41, unchanged: 41 - tally.delete - tally.update, foreign: 0, ...summary },
    changes,
  }
}

/** The plan of the pictures: one delete, two creates, one update. */
export const dnsPlan = plan([
  change({
    action: 'update',
    key: 'example.com/mail/A',
    fields: [{ path: 'value', before: '10.0.0.4', after: '10.0.0.5' }],
  }),
  change({
    action: 'create',
    key: 'example.com/www/CNAME',
    fields: [{ path: '', after: { zone: 'example.com', name: 'www', type: 'CNAME', value: 'api.example.com' } }],
  }),
  change({
    action: 'create',
    key: 'example.com/api/A',
    fields: [{ path: '', after: { zone: 'example.com', name: 'api', type: 'A', value: '10.0.0.12' } }],
  }),
  change({
    action: 'delete',
    key: 'example.com/old/A',
    fields: [{ path: '', before: { zone: 'example.com', name: 'old', type: 'A', value: '10.0.0.9' } }],
  }),
])

export function limit(given: Partial<LimitCheck> = {}): LimitCheck {
  return {
    rule: 'max-deletes',
    limit: '10%',
    actual: '12 of 41 (29 %)',
    shard: null,
    blocked: true,
    override: null,
    message: 'this plan deletes 12 of 41 objects (29 %); dns-records allows 10 %.',
    allow: '--max-deletes 12',
    keys: [],
    ...given,
  }
}

export function decision(given: Partial<Decision> = {}): Decision {
  return {
    action: 'run',
    reason: 'no-comparison-asked',
    base: null,
    head: 'worktree',
    headCommit: 'c'.repeat(40),
    dirty: false,
    digest: '9c0d41aa'.padEnd(64, '0'),
    explanation: 'no base was given, so dns-records runs',
    components: {},
    ...given,
  }
}

export function outcome(given: Partial<ChangeOutcome> & Pick<ChangeOutcome, 'key'>): ChangeOutcome {
  return { action: 'create', shard: null, result: 'applied', error: null, ...given }
}

export function record(
  given: Partial<Omit<RunRecord, 'run'>> & { readonly run?: Partial<RunIdentity> } = {},
): RunRecord {
  return {
    state: 'finished',
    decision: decision(),
    plan: null,
    limits: [],
    outcomes: [],
    log: { records: [], dropped: 0, replayedFrom: null },
    error: null,
    exitCode: 0,
    ...given,
    run: {
      id: '01JD5Z8Q6N3V0X9T4R2B7C1M8K',
      target: 'dns-records',
      integration: 'dns-records',
      version: '1.0.0',
      mode: 'dry-run',
      destination: 'https://dns.example.com',
      shards: [],
      startedAt,
      durationMs: 2100,
      by: { actor: null, url: null, host: 'ci-7', tool: 'trueup/0.1.0 node/20.19.0' },
      ...given.run,
    },
  }
}
