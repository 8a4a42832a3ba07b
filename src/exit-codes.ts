// What a process ends with: the fixed table, an error's code, and the worst of several runs. Numbers in and out; ends no process.
import type { ErrorCode, TrueupError } from './errors.js'

/** All exit codes, as scripts may rely on them. A count of failures never becomes one. */
export const EXIT_CODES = [
  { code: 0, meaning: 'ok (also a skip)' },
  { code: 1, meaning: 'failed, nothing applied' },
  { code: 2, meaning: 'changes pending (only with --detailed-exitcode)' },
  { code: 3, meaning: 'blocked by a limit, in a dry run too' },
  { code: 4, meaning: 'cannot decide, or a precondition failed' },
  { code: 5, meaning: 'something was applied and something failed, or an outcome is unknown' },
  { code: 64, meaning: 'usage' },
  { code: 75, meaning: 'try later: another run holds the lease, or a target or part of it is held' },
  { code: 130, meaning: 'interrupted' },
  { code: 143, meaning: 'terminated' },
] as const satisfies readonly { readonly code: number; readonly meaning: string }[]

export type ExitCode = (typeof EXIT_CODES)[number]['code']

const OF_ERROR: Readonly<Record<ErrorCode, ExitCode>> = {
  usage: 64,
  'config-invalid': 64,
  'integration-unknown': 64,
  'params-invalid': 64,
  'run-unknown': 64,
  'entry-unknown': 64,
  'integration-invalid': 1,
  'source-unavailable': 1,
  'undeclared-input': 1,
  'undeclared-env': 1,
  'desired-unreadable': 1,
  'desired-invalid': 1,
  'current-unreadable': 1,
  'plan-invalid': 1,
  'dry-run-write': 1,
  // What was applied before it is in the outcomes; the run that has some ends with 5.
  'apply-failed': 1,
  // As apply-failed: with something applied the run ends with 5.
  'not-converging': 1,
  'secret-missing': 1,
  'store-unavailable': 1,
  'store-corrupt': 1,
  'durable-misuse': 1,
  'durable-conflict': 1,
  'durable-in-doubt': 5,
  'outcome-unknown': 5,
  'value-unsupported': 1,
  'state-invalid': 1,
  'git-missing': 1,
  'git-failed': 1,
  timeout: 1,
  'plan-blocked': 3,
  'base-unavailable': 4,
  'head-unclean': 4,
  'plan-mismatch': 4,
  'store-refused': 4,
  'journal-unavailable': 4,
  // Of several runs, one that was to come first did not succeed; or as that one, where it is worth a later try or a person's look.
  'predecessor-failed': 4,
  held: 75,
  'lease-held': 75,
  'durable-busy': 75,
  'state-conflict': 75,
  // With an outcome that is unknown the run ends with 5.
  'lease-lost': 75,
  // The person who was asked said no: nothing was applied, and something is still to do.
  declined: 1,
  interrupted: 130,
}

/**
 * What an error that ended everything ends the process with. `interrupted` with `details.signal` `SIGTERM` is 143, `predecessor-failed` keeps a
 * 3 or 75 of `details.exitCode`; a code of a newer version is 1.
 */
export function exitCodeOf(error: TrueupError): ExitCode {
  if (error.code === 'interrupted' && error.details['signal'] === 'SIGTERM') return 143
  if (error.code === 'predecessor-failed' && (error.details['exitCode'] === 3 || error.details['exitCode'] === 75))
    return error.details['exitCode']
  return Object.hasOwn(OF_ERROR, error.code) ? OF_ERROR[error.code] : 1
}

/** Worst first. 64 stands behind 1: a run whose parameters are wrong failed, and nothing of it was applied. */
const WORST_FIRST: readonly number[] = [143, 130, 5, 1, 64, 4, 3, 75, 2, 0]

/** What several runs end with: the worst of theirs; 0 for none. A number that is no exit code counts as 1. */
export function worstExitCode(codes: Iterable<number>): ExitCode {
  let worst = WORST_FIRST.length - 1
  for (const code of codes) {
    const rank = WORST_FIRST.indexOf(code)
    worst = Math.min(worst, rank === -1 ? WORST_FIRST.indexOf(1) : rank)
  }
  return WORST_FIRST[worst] as ExitCode
}
