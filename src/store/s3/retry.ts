// How often each class of requests is sent, and what is waited in between. The SDK itself sends every request once: a repeated conditional write
// would meet its own first attempt and take it for somebody else's.
//
//   read            get, head, list       again after any failure that may pass
//   write           put without condition again, as another write; the last attempt counts
//   conditional     put with condition    again only when reading back says that nothing was written: conditional-put.ts
//   delete          by etag always        again only when reading back says that it is still there: delete-object.ts
import { randomInt } from 'node:crypto'
import type { Clock } from '../../util/clock.js'
import type { TrueupError } from '../../errors.js'
import type { TooLarge } from '../object-store.js'
import type { ObjectFacts, Page } from './bucket.js'
import { unavailable, type Failure, type Place } from './failures.js'

export const ATTEMPTS = { read: 4, write: 5, conditional: 10, delete: 8 } as const

const FIRST_WAIT_MS = 50
const LONGEST_WAIT_MS = 2_000
/** What a store may ask for by Retry-After. */
const LONGEST_ASKED_MS = 10_000

/** Waits before attempt `next` (2, 3 …). */
export async function waitBefore(clock: Clock, next: number, failure?: Failure): Promise<void> {
  const most = Math.min(FIRST_WAIT_MS * 2 ** (next - 2), LONGEST_WAIT_MS)
  const asked = failure !== undefined && 'retryAfterMs' in failure ? (failure.retryAfterMs ?? 0) : 0
  const own = most * (0.5 + randomInt(1_000) / 2_000)
  await clock.sleep(Math.max(own, Math.min(asked, LONGEST_ASKED_MS)))
}

/** Sends a read until it is answered; `absent` is an answer. Throws what is final, and after the last attempt `store-unavailable`. */
export async function readAgain<T extends ObjectFacts | Page | TooLarge>(
  clock: Clock,
  place: Place,
  send: () => Promise<T | Failure>,
): Promise<T | { readonly kind: 'absent' }> {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await send()
    if (!isFailure(answer) || answer.kind === 'absent') return answer
    const failure: Failure = answer
    if (!mayPass(failure)) throw refusal(failure, place)
    if (attempt === ATTEMPTS.read) throw unavailable(place, `${failure.why}, ${String(attempt)} times`)
    await waitBefore(clock, attempt + 1, failure)
  }
}

function isFailure(answer: ObjectFacts | Page | TooLarge | Failure): answer is Failure {
  return answer.kind !== 'found' && answer.kind !== 'page' && answer.kind !== 'too-large'
}

export type Passing = Extract<Failure, { readonly kind: 'not-now' | 'undecided' }>

export function mayPass(failure: Failure): failure is Passing {
  return failure.kind === 'not-now' || failure.kind === 'undecided'
}

/** The error for a failure that nothing can be done about. */
export function refusal(failure: Failure, place: Place): TrueupError {
  if (failure.kind === 'final') return failure.error
  return unavailable(
    place,
    'why' in failure ? failure.why : `an answer that does not fit (${failure.kind})`,
    '`trueup store check` tries what it needs.',
  )
}
