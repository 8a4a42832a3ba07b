// A put with a condition: the SDK sends once, and an answer that decides nothing is resolved by reading back. In: the value and its condition. Out: what
// became of this very put. It must not take its own write for another's, nor another's for its own; where nobody can know, it throws.
//
//   send ─ 200 ──────────────────────────────────────────────────▶ stored
//     │ 404 on If-Match, first attempt ──────────────────────────▶ missing
//     │ 412 · 409 ConditionalRequestConflict · throttled          a no, but perhaps to a repetition of what was done
//     │ 5xx · no answer · unreadable answer                       perhaps done: "doubtful" from here on
//     ▼
//   read back ─ our write ───────────────────────────────────────▶ stored
//     │ took the place of our write ─────────────────────────────▶ stored (and since replaced: its etag fits no more)
//     │ as before the send (none, or the etag of the condition) ─▶ send again, as the next attempt of the same put
//     │ another's, not doubtful ─────────────────────────────────▶ exists · conflict · missing
//     │ another's, which took the place that ours was meant for ─▶ conflict
//     │ else (ours may have been, and gone before we looked) ────▶ store-unavailable
//
// Left are two things that nobody can tell: a no (412) to what was done, when another removed all trace of it before we looked; and a request without
// an answer that arrives after we looked, where the object was deleted in between.
import { randomUUID } from 'node:crypto'
import type { Clock } from '../../util/clock.js'
import { digestBytes } from '../../util/digest.js'
import type { PutCondition, PutResult } from '../object-store.js'
import type { Condition, ObjectFacts, S3Bucket } from './bucket.js'
import { formatEtag, parseEtag, REPLACED } from './etag.js'
import { unavailable, type Failure } from './failures.js'
import { ATTEMPTS, readAgain, refusal, waitBefore } from './retry.js'
import { putOf, readStamp, stampValue } from './stamp.js'

export interface ConditionalPut {
  readonly bucket: S3Bucket
  readonly clock: Clock
  readonly name: string
  readonly value: Uint8Array
  readonly metadata: Readonly<Record<string, string>>
  readonly condition: Exclude<PutCondition, { readonly kind: 'always' }>
}

interface Expected {
  readonly condition: Condition
  /** What the put takes the place of, as in a stamp. */
  readonly before: string | null
}

export async function putConditionally(request: ConditionalPut): Promise<PutResult> {
  const { bucket, clock, name, value, metadata } = request
  const expected = expectationOf(request.condition)
  const put = randomUUID()
  const sha256 = digestBytes(value)
  const place = bucket.place('write', name)
  let isDoubtful = false
  for (let attempt = 1; ; attempt += 1) {
    const write = `${put}.${String(attempt)}`
    const { body, header } = stampValue(value, { write, before: expected.before, metadata, sha256 })
    const sent = await bucket.put({ name, body, header, condition: expected.condition })
    if (sent.kind === 'stored') return { kind: 'stored', etag: formatEtag(write, sent.etag) }
    if (sent.kind === 'final' || sent.kind === 'unsupported') throw refusal(sent, place)
    if (sent.kind === 'absent' && !isDoubtful) return { kind: 'missing' }
    isDoubtful ||= sent.kind === 'undecided'
    const found = await readAgain(clock, bucket.place('read back', name), () => bucket.head(name))
    const verdict = judge({ expected, put, isDoubtful, sent }, found)
    if (verdict === 'unknown')
      throw unavailable(place, `${whyOf(sent)}, and another write came before it could be looked after`, unknownHint)
    if (verdict !== 'again') return verdict
    if (attempt === ATTEMPTS.conditional)
      throw unavailable(place, `${whyOf(sent)}, ${String(attempt)} times`, isDoubtful ? unknownHint : undefined)
    await waitBefore(clock, attempt + 1, sent)
  }
}

const unknownHint = 'Whether it was written is not known; the next run looks.'

interface Sent {
  readonly expected: Expected
  readonly put: string
  readonly isDoubtful: boolean
  readonly sent: Failure
}

function judge(
  { expected, put, isDoubtful, sent }: Sent,
  found: ObjectFacts | { readonly kind: 'absent' },
): PutResult | 'again' | 'unknown' {
  const { condition, before } = expected
  if (found.kind === 'absent') {
    if (condition.kind === 'absent') return sent.kind === 'precondition' && !isDoubtful ? { kind: 'exists' } : 'again'
    return isDoubtful ? 'unknown' : { kind: 'missing' }
  }
  const stamp = readStamp(found.header)
  if (stamp !== undefined && putOf(stamp.write) === put)
    return { kind: 'stored', etag: formatEtag(stamp.write, found.etag) }
  if (stamp?.before !== undefined && stamp.before !== null && putOf(stamp.before) === put)
    return { kind: 'stored', etag: formatEtag(stamp.before, REPLACED) }
  if (condition.kind === 'etag' && found.etag === condition.etag) return 'again'
  const refused: PutResult = { kind: condition.kind === 'absent' ? 'exists' : 'conflict' }
  if (!isDoubtful) return refused
  // An etag never comes back: what took the place of the one that ours was meant for did so instead of ours. The place of nothing does come back.
  const isInstead = condition.kind === 'etag' && before !== null && stamp?.before === before
  return isInstead ? refused : 'unknown'
}

function expectationOf(condition: ConditionalPut['condition']): Expected {
  if (condition.kind === 'if-absent') return { condition: { kind: 'absent' }, before: '' }
  const { write, etag } = parseEtag(condition.etag)
  return { condition: { kind: 'etag', etag }, before: write }
}

function whyOf(failure: Failure): string {
  return 'why' in failure ? failure.why : 'its condition did not hold'
}
