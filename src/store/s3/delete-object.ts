// Deletes of the S3 store. All go by etag, so that only what was looked at is deleted. In: a name, perhaps an etag. Out: what became of it. After an
// answer that was lost, an object that is gone is `missing`: who deleted it is not known, and gone it is.
import { TrueupError } from '../../errors.js'
import type { Clock } from '../../util/clock.js'
import type { DeleteResult } from '../object-store.js'
import type { S3Bucket } from './bucket.js'
import { unavailable } from './failures.js'
import { ATTEMPTS, mayPass, readAgain, refusal, waitBefore } from './retry.js'

export interface ObjectDelete {
  readonly bucket: S3Bucket
  readonly clock: Clock
  readonly name: string
  /** ETag of S3; undefined deletes whatever is there. */
  readonly etag: string | undefined
}

export async function deleteObject({ bucket, clock, name, etag }: ObjectDelete): Promise<DeleteResult> {
  const place = bucket.place('delete', name)
  // Without looking first: a store that ignores the condition must show itself when it is probed.
  let judged = etag
  for (let attempt = 1; ; attempt += 1) {
    if (judged === undefined) {
      const found = await readAgain(clock, bucket.place('read', name), () => bucket.head(name))
      if (found.kind === 'absent') return { kind: 'missing' }
      if (etag !== undefined && found.etag !== etag) return { kind: 'conflict' }
      judged = found.etag
    }
    const sent = await bucket.delete(name, judged)
    if (sent.kind === 'deleted') return sent
    if (sent.kind === 'absent') return { kind: 'missing' }
    if (sent.kind === 'unsupported') return withoutCondition(bucket, name, etag)
    if (sent.kind === 'final') throw refusal(sent, place)
    // Gone or another meanwhile: the next look says which.
    judged = undefined
    const passes = mayPass(sent)
    if (attempt === ATTEMPTS.delete)
      throw unavailable(place, `${passes ? sent.why : 'it changes all the time'}, ${String(attempt)} times`)
    if (passes) await waitBefore(clock, attempt + 1, sent)
  }
}

/** Of a store that does not know deletes by etag. */
async function withoutCondition(bucket: S3Bucket, name: string, etag: string | undefined): Promise<DeleteResult> {
  const place = bucket.place('delete', name)
  if (etag !== undefined)
    throw new TrueupError(
      'store-refused',
      `The store ${place.store} does not know deletes by etag, so ${place.key} was left: what needs them cannot use this store. \`trueup store check\` tries what it can do.`,
      { details: { store: place.store, key: place.key } },
    )
  const sent = await bucket.delete(name, undefined)
  if (sent.kind === 'deleted') return sent
  throw refusal(sent, place)
}
