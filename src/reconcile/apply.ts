// Carries out a plan's changes: intent in the journal, effect, outcome in the journal; several at once; independent ones go on.
// In: executable changes in plan order. Out: one outcome for each, never an exception for a failed change.
import { isTrueupError, toError, TrueupError } from '../errors.js'
import type { ChangeOutcome, OutcomeResult, Reporter } from '../event.js'
import { PlaceInHand, type Budget } from '../util/budget.js'
import type { Clock } from '../util/clock.js'
import type { IntentHandle, Journal } from '../store/journal.js'
import type { LeaseGuard } from '../store/lease-guard.js'
import type { ExecutableChange } from './plan.js'

export interface ApplyRequest {
  readonly target: string
  readonly changes: readonly ExecutableChange[]
  /** Not to be made, by key: why not. @defaultValue none */
  readonly left?: ReadonlyMap<string, string>
  /** Asks the lease before and after each intent. */
  readonly journal: Journal
  readonly lease: Pick<LeaseGuard, 'check'>
  /** Changes under way at once. */
  readonly budget: Budget
  /** Aborted: nothing more is started; what is under way may finish. */
  readonly stop: AbortSignal
  /** Aborted: what is under way is given up and its outcome is unknown. */
  readonly giveUp: AbortSignal
  readonly clock: Clock
  readonly reporter: Reporter
  /** Takes secrets out of a text before the journal keeps it. */
  readonly redact: (text: string) => string
}

const ENDED_BEFORE = 'the run was ended before it'

/**
 * @throws journal-unavailable when not even the first intent can be written: then nothing was started
 */
export async function applyChanges(request: ApplyRequest): Promise<readonly ChangeOutcome[]> {
  const outcomes = new Map<string, ChangeOutcome>()
  const waiting = [...request.changes.entries()]
  const running = new Set<Promise<void>>()
  // Set when the journal fails after the first change: an effect without an intent must not start.
  let journalError: Error | undefined
  let started = 0
  // One listener for all changes: a signal with one for each of many would warn of a leak.
  const givenUp = aborted(request.giveUp)
  const stopped = aborted(request.stop)
  const hand = new PlaceInHand(request.budget)

  const settle = (change: ExecutableChange, result: OutcomeResult, error: string | null, durationMs: number): void => {
    const { key, action, shard } = change.change
    const outcome: ChangeOutcome = { key, action, shard, result, error }
    outcomes.set(key, outcome)
    request.reporter.report({ kind: 'change-finished', target: request.target, outcome, durationMs })
  }

  /** Writes the intent; undefined when it cannot be written, and then nothing of this change has started. */
  async function begin(sequence: number, executable: ExecutableChange): Promise<IntentHandle | undefined> {
    const { action, key, shard, live } = executable.change
    const after = executable.afterDigest
    try {
      return await request.journal.intend({ sequence, action, key, shard: shard ?? '', live, after })
    } catch (thrown) {
      if (isLeaseLost(thrown)) {
        settle(executable, 'not-attempted', 'the run lost its lease before it', 0)
        return undefined
      }
      journalError = toError(thrown)
      settle(executable, 'not-attempted', `its intent could not be written: ${journalError.message}`, 0)
      return undefined
    }
  }

  async function carryOut(executable: ExecutableChange, intent: IntentHandle): Promise<void> {
    const { change } = executable
    if (request.stop.aborted) {
      // Told to stop while the intent was written: nothing of this change has happened, and the journal says so.
      await intent.settle('failed', ENDED_BEFORE).catch(() => undefined)
      settle(executable, 'not-attempted', ENDED_BEFORE, 0)
      return
    }
    const begun = request.clock.monotonic()
    started += 1
    request.reporter.report({ kind: 'change-started', target: request.target, change })
    const ended = await Promise.race([attempt(executable, request.giveUp), givenUp])
    const spent = Math.round(request.clock.monotonic() - begun)
    const giveUp = (): void => {
      settle(executable, 'unknown', 'it was under way when the run had to end; the next run looks at it first', spent)
    }
    if (ended.kind === 'given-up') {
      giveUp()
      return
    }
    const error = ended.kind === 'failed' ? request.redact(ended.error) : undefined
    try {
      // An answer seen after the lease was lost is worth nothing: somebody else may have changed the object since.
      await request.lease.check()
      await intent.settle(ended.kind, error)
    } catch (thrown) {
      if (isLeaseLost(thrown)) {
        giveUp()
        return
      }
      // The effect is known here, but not to a later run: it re-reads the object and finds out.
      request.reporter.report({
        kind: 'warned',
        target: request.target,
        message: `the outcome of ${change.action} ${change.key} could not be written to the journal: ${toError(thrown).message}`,
      })
    }
    settle(executable, ended.kind, error ?? null, spent)
  }

  const keys = new Set(request.changes.map(({ change }) => change.key))
  /** What stands in the way of a change: nothing, a dependency still open, or one that did not succeed. */
  const obstacle = ({ change }: ExecutableChange): 'none' | 'open' | { readonly failed: string } => {
    let open = false
    for (const key of change.dependsOn) {
      if (!keys.has(key)) continue
      const outcome = outcomes.get(key)
      if (outcome === undefined) open = true
      else if (outcome.result !== 'applied') return { failed: key }
    }
    return open ? 'open' : 'none'
  }

  while (waiting.length > 0 || running.size > 0) {
    for (let index = 0; index < waiting.length;) {
      const ending = request.stop.aborted || journalError !== undefined
      // Every place is taken: what comes later is looked at when one is free again.
      if (!ending && !hand.reach()) break
      const entry = waiting[index]
      if (entry === undefined) break
      const [sequence, executable] = entry
      const standing = obstacle(executable)
      const left = request.left?.get(executable.change.key)
      if (left !== undefined) settle(executable, 'skipped', left, 0)
      else if (typeof standing === 'object') {
        settle(executable, 'skipped', `it depends on ${standing.failed}, which was not applied`, 0)
      } else if (ending) {
        settle(
          executable,
          'not-attempted',
          journalError === undefined ? ENDED_BEFORE : 'the journal cannot be written',
          0,
        )
      } else if (standing === 'none') {
        const work = begin(sequence, executable)
        const run: Promise<void> = hand
          .take()
          .run(async () => {
            const intent = await work
            if (intent !== undefined) await carryOut(executable, intent)
          })
          .finally(() => running.delete(run))
        running.add(run)
        // The very first intent is awaited, so that a journal that cannot be written stops everything before any effect.
        if (started === 0) await work
      } else {
        index += 1
        continue
      }
      waiting.splice(index, 1)
    }
    if (waiting.length > 0 && hand.isEmpty && !request.stop.aborted) {
      // The next place that is free may be one of other work.
      await Promise.race([...running, hand.next(), stopped])
    } else {
      // What waits is waiting for changes under way: others may use the place meanwhile.
      hand.open()
      if (running.size > 0) await Promise.race(running)
    }
  }
  hand.open()
  if (started === 0 && journalError !== undefined) {
    throw new TrueupError(
      'journal-unavailable',
      `${request.target}: the journal cannot be written, so nothing was changed: ${journalError.message}`,
      {
        cause: journalError,
      },
    )
  }
  return request.changes.flatMap(({ change }) => outcomes.get(change.key) ?? [])
}

function isLeaseLost(thrown: unknown): boolean {
  return isTrueupError(thrown) && thrown.code === 'lease-lost'
}

type Ended =
  { readonly kind: 'applied' } | { readonly kind: 'failed'; readonly error: string } | { readonly kind: 'given-up' }

async function attempt(executable: ExecutableChange, signal: AbortSignal): Promise<Ended> {
  try {
    await executable.carryOut(signal)
    return { kind: 'applied' }
  } catch (thrown) {
    // A handler that stops because it was told to has an effect nobody saw the end of.
    if (signal.aborted) return { kind: 'given-up' }
    const error = toError(thrown)
    return { kind: 'failed', error: isTrueupError(error) || error.message !== '' ? error.message : error.name }
  }
}

function aborted(signal: AbortSignal): Promise<Ended> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve({ kind: 'given-up' })
    else
      signal.addEventListener(
        'abort',
        () => {
          resolve({ kind: 'given-up' })
        },
        { once: true },
      )
  })
}
