// Conditional writes to a bucket of S3 whose answers get lost or come late, by the protocol of the S3 store. Always: what was called stored is there, what was
// called refused never is, and nothing is there twice. Nothing is deleted: what then cannot be told is said in conditional-put.ts.
import { createHash } from 'node:crypto'
import { isTrueupError } from '../../src/errors.js'
import type { Condition, ObjectFacts, PutRequest, S3Bucket } from '../../src/store/s3/bucket.js'
import { putConditionally } from '../../src/store/s3/conditional-put.js'
import { formatEtag } from '../../src/store/s3/etag.js'
import type { Failure } from '../../src/store/s3/failures.js'
import { readStamp, valueOf } from '../../src/store/s3/stamp.js'
import type { Room, Work } from './machine-room.js'
import type { SimulatedProcess } from './scheduler.js'

interface Stored {
  readonly body: Uint8Array
  readonly header: string
  readonly etag: string
}

interface Counted {
  readonly count: number
  readonly token: string
}

const NAME = 'counter!'
const ROUNDS = 5

export function bucketWork(): Work {
  let object: Stored | undefined
  /** Tokens in the order in which their writes landed. */
  const landed: string[] = []
  const stored = new Set<string>()
  const refused = new Set<string>()

  function place(room: Room, { body, header, condition }: PutRequest): Failure | { kind: 'stored'; etag: string } {
    if (!holds(condition))
      return { kind: condition.kind === 'etag' && object === undefined ? 'absent' : 'precondition' }
    const before = object === undefined ? undefined : countedIn(object)
    object = { body, header, etag: `"${createHash('md5').update(body).digest('hex')}"` }
    const { count, token } = countedIn(object)
    room.scheduler.note('bucket', `${token} has landed as ${String(count)}`)
    if (count !== (before?.count ?? 0) + 1) room.violated(`${token} took the place of what it had not seen`)
    if (landed.includes(token)) room.violated(`${token} has landed twice`)
    if (refused.has(token)) room.violated(`${token} has landed, and was called refused`)
    landed.push(token)
    return { kind: 'stored', etag: object.etag }
  }

  function holds(condition: Condition): boolean {
    if (condition.kind === 'none') return true
    return condition.kind === 'absent' ? object === undefined : object?.etag === condition.etag
  }

  function head(): ObjectFacts | Failure {
    if (object === undefined) return { kind: 'absent' }
    const { etag, header, body } = object
    return { kind: 'found', etag, header, length: body.byteLength, modifiedAt: 0 }
  }

  /** As `bucket.ts` answers, through a network that loses. */
  async function send<T>(
    room: Room,
    process: SimulatedProcess,
    { label, act }: { readonly label: string; readonly act: () => T },
  ): Promise<T | Failure> {
    const { scheduler, network } = room
    const slow = (): number => (scheduler.likely(0.1) ? 3_000 * scheduler.chance() : 20)
    const lost: Failure = { kind: 'undecided', why: 'no answer', retryAfterMs: undefined }
    const fate = network.calm
      ? 'answered'
      : scheduler.pick(['answered', 'answered', 'answered', 'lost', 'late', 'refused'])
    if (fate === 'refused') {
      await scheduler.wait(process, `${label}: not now`, slow())
      return { kind: 'not-now', why: 'SlowDown', retryAfterMs: undefined }
    }
    const arriving = (async () => {
      network.underWay += 1
      await scheduler.wait(undefined, `${process.name} ${label}`, network.calm ? 1 : slow())
      network.underWay -= 1
      return act()
    })()
    if (fate === 'late') {
      await scheduler.wait(process, `${label}: no answer`, slow())
      return lost
    }
    const answer = await arriving
    await scheduler.wait(process, `${label}: ${fate}`, network.calm ? 1 : slow())
    return fate === 'lost' ? lost : answer
  }

  /** What conditional-put.ts uses of a bucket. */
  function bucketOf(room: Room, process: SimulatedProcess): S3Bucket {
    const bucket: Pick<S3Bucket, 'put' | 'head' | 'place'> = {
      place: (doing, key) => ({ store: 's3://simulated', bucket: 'simulated', doing, key }),
      put: (request) => send(room, process, { label: 'put', act: () => place(room, request) }),
      head: () => send(room, process, { label: 'head', act: head }),
    }
    // A class with private fields: nothing else is used of it.
    return bucket as S3Bucket
  }

  async function countOne(room: Room, process: SimulatedProcess, token: string): Promise<void> {
    const before = object
    const stamp = before === undefined ? undefined : readStamp(before.header)
    const count = (before === undefined ? 0 : countedIn(before).count) + 1
    await room.scheduler.wait(process, '', 10)
    const { kind } = await putConditionally({
      bucket: bucketOf(room, process),
      clock: room.scheduler.clockOf(process),
      name: NAME,
      value: Buffer.from(JSON.stringify({ count, token } satisfies Counted)),
      metadata: {},
      condition:
        before === undefined
          ? { kind: 'if-absent' }
          : { kind: 'if-etag', etag: formatEtag(stamp?.write ?? '', before.etag) },
    })
    room.scheduler.note(process.name, `${token} is ${kind}`)
    if (kind === 'stored') stored.add(token)
    else refused.add(token)
    if ((kind === 'stored') !== landed.includes(token))
      room.violated(`${token} is called ${kind}, and ${landed.includes(token) ? 'has' : 'has not'} landed`)
  }

  return {
    async live(process, room, signals) {
      const { scheduler } = room
      for (let round = 1; round <= ROUNDS && !signals.stop.aborted; round += 1) {
        await scheduler.wait(process, '', scheduler.chance() * 2_000)
        try {
          await countOne(room, process, `${process.name}.${String(round)}`)
        } catch (thrown) {
          if (!isTrueupError(thrown) || thrown.code !== 'store-unavailable') throw thrown
          scheduler.note(process.name, 'it cannot be told')
        }
      }
    },
    written: () => undefined,
    async last(room, process) {
      await countOne(room, process, 'last')
      if (!stored.has('last')) room.violated('in calm, and alone, a write is refused')
      for (const token of stored)
        if (!landed.includes(token)) room.violated(`${token} was called stored, and is not there`)
    },
  }
}

function countedIn({ body, header }: Stored): Counted {
  const stamp = readStamp(header)
  const value = stamp === undefined ? undefined : valueOf(body, stamp)
  if (value === undefined) throw new Error('a body that its stamp does not fit')
  return JSON.parse(Buffer.from(value).toString('utf8')) as Counted
}
