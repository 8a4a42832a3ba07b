// The one error class: what a person can act on. Everything else that is thrown is a bug.

/** Stable, kebab-case; users and scripts may match on them. */
export type ErrorCode =
  | 'usage'
  | 'config-invalid'
  | 'integration-unknown'
  | 'integration-invalid'
  | 'params-invalid'
  | 'source-unavailable'
  | 'undeclared-input'
  | 'undeclared-env'
  | 'desired-unreadable'
  | 'desired-invalid'
  | 'base-unavailable'
  | 'head-unclean'
  | 'current-unreadable'
  | 'plan-invalid'
  | 'plan-blocked'
  | 'plan-mismatch'
  | 'declined'
  | 'predecessor-failed'
  | 'dry-run-write'
  | 'apply-failed'
  | 'not-converging'
  | 'secret-missing'
  | 'store-unavailable'
  | 'store-corrupt'
  | 'store-refused'
  | 'journal-unavailable'
  | 'held'
  | 'lease-held'
  | 'lease-lost'
  | 'durable-misuse'
  | 'durable-conflict'
  | 'durable-in-doubt'
  | 'durable-busy'
  | 'outcome-unknown'
  | 'value-unsupported'
  | 'state-invalid'
  | 'state-conflict'
  | 'git-missing'
  | 'git-failed'
  | 'run-unknown'
  | 'entry-unknown'
  | 'timeout'
  | 'interrupted'

export interface TrueupErrorOptions {
  readonly cause?: unknown
  /** Machine-readable facts: path, line, key, shard … Never a secret. */
  readonly details?: Readonly<Record<string, unknown>>
  /** Trying again later may help without anything being changed. @defaultValue false */
  readonly retryable?: boolean
}

/**
 * A failure that a person can act on. The message is one or two lines: what failed, on what, why, and the next command.
 * `name` and `code` are own properties, so that a stored or re-thrown copy (or one from another copy of this module) is still recognised.
 */
export class TrueupError extends Error {
  readonly code: ErrorCode
  readonly details: Readonly<Record<string, unknown>>
  readonly retryable: boolean

  constructor(code: ErrorCode, message: string, options: TrueupErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'TrueupError'
    this.code = code
    this.details = options.details ?? {}
    this.retryable = options.retryable ?? false
  }
}

/** Recognises by shape, since the CLI bundle and an integration may hold two copies of the class. */
export function isTrueupError(value: unknown): value is TrueupError {
  return (
    value instanceof Error && value.name === 'TrueupError' && typeof (value as { code?: unknown }).code === 'string'
  )
}

/** Whatever was thrown, as an Error; the original is kept as `cause`. */
export function toError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown
  const text = typeof thrown === 'string' ? thrown : JSON.stringify(thrown)
  return new Error(`something that is not an Error was thrown: ${text}`, { cause: thrown })
}
