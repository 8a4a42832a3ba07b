// The public door of trueup: what authors of integrations import. Named exports only; importing it does no work.
export { defineIntegration } from './integration.js'
export type {
  BoundedMap,
  DeletePolicy,
  DesiredContext,
  Diff,
  DiffPair,
  Env,
  Exec,
  ExecResult,
  Handlers,
  Http,
  HttpInit,
  Integration,
  IntegrationDefinition,
  IntegrationLimits,
  LimitSettings,
  Listing,
  Log,
  Plan,
  QueryDocument,
  Related,
  Relation,
  RelationContext,
  RunContext,
  SecretRef,
  SecretReference,
  Secrets,
  Source,
} from './integration.js'
export type { Postgres, PostgresClient, PostgresOptions, PostgresRow, PostgresTransaction } from './clients.js'
export type {
  CachedOptions,
  Durable,
  DurableAnswer,
  DurableOptions,
  DurableUse,
  IdempotentOptions,
  ProbeAnswer,
  State,
  StatePage,
} from './durable-types.js'
export { unknownOutcome } from './durable/protocol.js'
export { createDurable, openStore } from './outside-run.js'
export type { CreateDurableOptions, OpenStoreSettings } from './outside-run.js'
export type { ObjectStore } from './store/object-store.js'
export { TrueupError, isTrueupError } from './errors.js'
export type { ErrorCode } from './errors.js'
export { diff } from './reconcile/diff.js'
export type { DiffOptions } from './reconcile/diff.js'
export { listing } from './reconcile/listing.js'
export { relation } from './reconcile/relations.js'
export { groupBy } from './desired/shards.js'
export { staticShards } from './desired/static-shards.js'
export type {
  ChangeAction,
  ChangeOutcome,
  Decision,
  DecisionReason,
  Json,
  LimitCheck,
  LogRecord,
  OutcomeResult,
  PlanData,
  PlannedChange,
  RunEvent,
  RunMode,
  RunRecord,
} from './event.js'
