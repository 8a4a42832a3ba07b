// The words that the document of run-json.ts may have: reasons, rules, results, codes. Nothing in, lists for its schema out.
import type { ErrorCode } from '../errors.js'
import type { DecisionReason, LimitRule, OutcomeResult } from '../event.js'

/** The keys of a table that TypeScript checks for completeness: a new member of the union cannot be forgotten here. */
export const every = <T extends string>(table: Readonly<Record<T, true>>): readonly string[] => Object.keys(table)

export function rules(): readonly string[] {
  return every<LimitRule>({
    'max-deletes': true,
    'max-changes': true,
    'empty-desired': true,
    'incomplete-listing': true,
    protected: true,
    invariant: true,
    'not-owned': true,
    'not-converging': true,
    held: true,
    approval: true,
  })
}

export function results(): readonly string[] {
  return every<OutcomeResult>({ applied: true, failed: true, skipped: true, 'not-attempted': true, unknown: true })
}

export function reasons(): readonly string[] {
  return every<DecisionReason>({
    'no-comparison-asked': true,
    forced: true,
    'config-changed': true,
    'code-changed': true,
    'code-unknown': true,
    'inputs-unchanged': true,
    'desired-unchanged': true,
    'desired-changed': true,
    'base-missing': true,
    'base-failed': true,
    'base-not-applied': true,
    'cache-hit': true,
    'cache-miss': true,
    'cache-expired': true,
    'cache-stale': true,
    'cache-untrusted': true,
    'cache-error': true,
    held: true,
    'lease-held': true,
    'head-failed': true,
    'store-failed': true,
    'precondition-failed': true,
    interrupted: true,
  })
}

export function errorCodes(): readonly string[] {
  return every<ErrorCode | 'internal'>({
    usage: true,
    'config-invalid': true,
    'integration-unknown': true,
    'integration-invalid': true,
    'params-invalid': true,
    'source-unavailable': true,
    'undeclared-input': true,
    'undeclared-env': true,
    'desired-unreadable': true,
    'desired-invalid': true,
    'base-unavailable': true,
    'head-unclean': true,
    'current-unreadable': true,
    'plan-invalid': true,
    'plan-blocked': true,
    'plan-mismatch': true,
    declined: true,
    'predecessor-failed': true,
    'dry-run-write': true,
    'apply-failed': true,
    'not-converging': true,
    'secret-missing': true,
    'store-unavailable': true,
    'store-corrupt': true,
    'store-refused': true,
    'journal-unavailable': true,
    held: true,
    'lease-held': true,
    'lease-lost': true,
    'durable-misuse': true,
    'durable-conflict': true,
    'durable-in-doubt': true,
    'durable-busy': true,
    'outcome-unknown': true,
    'value-unsupported': true,
    'state-invalid': true,
    'state-conflict': true,
    'git-missing': true,
    'git-failed': true,
    'run-unknown': true,
    'entry-unknown': true,
    timeout: true,
    interrupted: true,
    internal: true,
  })
}
