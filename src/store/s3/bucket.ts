// One bucket through the AWS SDK: each request once, within a time limit, its answer read to the end. In: object names, bytes, conditions. Out: what was
// answered, or a Failure. It must not decide anything from an answer, and never leaves a body unread: fifty of those end a client.
import { createHash } from 'node:crypto'
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
} from '@aws-sdk/client-s3'
import { TrueupError } from '../../errors.js'
import type { Clock } from '../../util/clock.js'
import { createBudget } from '../../util/budget.js'
import { startDeadline } from '../../util/deadline.js'
import { EqualWaits } from '../../util/equal-waits.js'
import { once } from '../../util/once.js'
import { unlessAborted } from '../../util/unless-aborted.js'
import type { TooLarge } from '../object-store.js'
import { classify, type Failure, type Place } from './failures.js'
import type { S3Settings } from './settings.js'
import { StoreClock } from './store-clock.js'

/** One request with its body, ms. */
const LONGEST_REQUEST_MS = 20_000
const LONGEST_CONNECT_MS = 5_000
const LONGEST_CREDENTIALS_MS = 5_000
const MOST_SOCKETS = 64

export interface ObjectFacts {
  readonly kind: 'found'
  /** As the header has it, quotes included. */
  readonly etag: string
  readonly modifiedAt: number
  /** Of the body. */
  readonly length: number
  /** The metadata header of the store; undefined for an object of somebody else. */
  readonly header: string | undefined
}

export interface ObjectBody extends ObjectFacts {
  readonly body: Uint8Array
}

export type Condition =
  { readonly kind: 'none' } | { readonly kind: 'absent' } | { readonly kind: 'etag'; readonly etag: string }

export interface PutRequest {
  readonly name: string
  readonly body: Uint8Array
  readonly header: string
  readonly condition: Condition
}

export interface Page {
  readonly kind: 'page'
  readonly names: readonly string[]
  /** Where the next page goes on; undefined at the end. */
  readonly next: string | undefined
}

export class S3Bucket {
  readonly time: StoreClock
  readonly #settings: S3Settings
  readonly #clock: Clock
  readonly #client: S3Client
  readonly #ready: () => Promise<void>
  readonly #connections = createBudget(MOST_SOCKETS)
  readonly #underWay: EqualWaits<AbortController>

  constructor(settings: S3Settings, clock: Clock) {
    this.#settings = settings
    this.#clock = clock
    this.time = new StoreClock(clock)
    this.#client = new S3Client(configOf(settings))
    this.#client.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args)
        this.#sawHeaders(result.response)
        return result
      },
      // Beside the connection, so that answers that become errors are seen too.
      { step: 'deserialize', priority: 'low', name: 'storeClock' },
    )
    this.#ready = once(() => this.#findCredentials())
    this.#underWay = new EqualWaits(clock, LONGEST_REQUEST_MS, (late) => {
      late.abort(new Error(`nothing within ${String(LONGEST_REQUEST_MS / 1000)} s`))
    })
  }

  async head(name: string): Promise<ObjectFacts | Failure> {
    return this.#send('read', name, async (abortSignal) => {
      const answer = await this.#client.send(new HeadObjectCommand(this.#of(name)), { abortSignal })
      return this.#facts(answer)
    })
  }

  /** A body that is longer than `longest`, or whose length nobody tells, is not read. */
  async get(name: string, longest: number): Promise<ObjectBody | TooLarge | Failure> {
    return this.#send('read', name, async (abortSignal) => {
      const answer = await this.#client.send(new GetObjectCommand(this.#of(name)), { abortSignal })
      const stream = answer.Body
      try {
        const { ContentLength: length } = answer
        if (length === undefined) throw new Error('an answer without Content-Length')
        if (length > longest) {
          if (stream !== undefined && 'destroy' in stream) stream.destroy()
          return { kind: 'too-large' }
        }
        const body =
          stream === undefined ? new Uint8Array() : await unlessAborted(stream.transformToByteArray(), abortSignal)
        const facts = this.#facts(answer)
        if (facts.length !== body.byteLength)
          throw new Error(`${String(body.byteLength)} of ${String(facts.length)} bytes came`)
        return { ...facts, body }
      } catch (error) {
        if (stream !== undefined && 'destroy' in stream) stream.destroy()
        throw error
      }
    })
  }

  async put({ name, body, header, condition }: PutRequest): Promise<{ kind: 'stored'; etag: string } | Failure> {
    return this.#send('write', name, async (abortSignal) => {
      const md5 = md5Of(body)
      const command = new PutObjectCommand({
        ...this.#of(name),
        Body: body,
        Metadata: { trueup: header },
        // Buckets with a default retention take no write without; every store knows this one.
        ...(md5 === undefined ? {} : { ContentMD5: md5 }),
        ...(condition.kind === 'absent' ? { IfNoneMatch: '*' } : {}),
        ...(condition.kind === 'etag' ? { IfMatch: condition.etag } : {}),
      })
      const { ETag } = await this.#client.send(command, { abortSignal })
      if (ETag === undefined) throw new Error('an answer without ETag')
      return { kind: 'stored', etag: ETag }
    })
  }

  async delete(name: string, etag: string | undefined): Promise<{ kind: 'deleted' } | Failure> {
    return this.#send('delete', name, async (abortSignal) => {
      const condition = etag === undefined ? {} : { IfMatch: etag }
      await this.#client.send(new DeleteObjectCommand({ ...this.#of(name), ...condition }), { abortSignal })
      return { kind: 'deleted' }
    })
  }

  async list(request: { prefix: string; after?: string; token?: string }): Promise<Page | Failure> {
    const { prefix, after, token } = request
    return this.#send('list', '', async (abortSignal) => {
      const command = new ListObjectsV2Command({
        Bucket: this.#settings.bucket,
        Prefix: prefix,
        ...(token === undefined ? {} : { ContinuationToken: token }),
        ...(token === undefined && after !== undefined ? { StartAfter: after } : {}),
      })
      const { Contents = [], IsTruncated, NextContinuationToken } = await this.#client.send(command, { abortSignal })
      if (IsTruncated === true && NextContinuationToken === undefined)
        throw new Error('a page that is not the last, without where the next begins')
      return {
        kind: 'page',
        names: Contents.flatMap(({ Key }) => (Key === undefined ? [] : [Key])),
        next: IsTruncated === true ? NextContinuationToken : undefined,
      }
    })
  }

  close(): void {
    this.#client.destroy()
  }

  place(doing: string, name: string): Place {
    const { bucket, prefix } = this.#settings
    const key = name.slice(prefix === '' ? 0 : prefix.length + 1).replace(/!$/, '')
    return { store: this.#settings.description, bucket, doing, key }
  }

  #of(name: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#settings.bucket, Key: name }
  }

  async #send<T>(doing: string, name: string, work: (signal: AbortSignal) => Promise<T>): Promise<T | Failure> {
    // A request's time begins when there is a connection for it: the SDK's would run while it waits for one.
    const place = await this.#connections.ask().place
    const late = new AbortController()
    try {
      await this.#ready()
      this.#underWay.add(late)
      return await unlessAborted(work(late.signal), late.signal)
    } catch (thrown) {
      const error: unknown = late.signal.aborted ? late.signal.reason : thrown
      return classify(error, this.place(doing, name), this.#clock.now())
    } finally {
      this.#underWay.remove(late)
      place?.giveBack()
    }
  }

  #facts(answer: {
    ETag?: string | undefined
    LastModified?: Date | undefined
    ContentLength?: number | undefined
    Metadata?: Record<string, string> | undefined
  }): ObjectFacts {
    const { ETag, LastModified, ContentLength, Metadata } = answer
    if (ETag === undefined || LastModified === undefined || ContentLength === undefined)
      throw new Error('an answer without ETag, Last-Modified or Content-Length')
    this.time.saw(LastModified.getTime())
    return {
      kind: 'found',
      etag: ETag,
      modifiedAt: LastModified.getTime(),
      length: ContentLength,
      header: Metadata?.['trueup'],
    }
  }

  #sawHeaders(response: unknown): void {
    const { headers } = response as { readonly headers?: Readonly<Record<string, string>> }
    const date = headers?.['date']
    if (date !== undefined) this.time.saw(Date.parse(date))
  }

  /** Instance metadata and sign-in helpers can hang; a run must say what it waits for. */
  async #findCredentials(): Promise<void> {
    const late = new AbortController()
    const onLate = (): void => {
      late.abort(new Error('nothing came within 5 s'))
    }
    const end = startDeadline(this.#clock, LONGEST_CREDENTIALS_MS, onLate, { background: true })
    try {
      await unlessAborted(this.#client.config.credentials(), late.signal)
    } catch (thrown) {
      const { description, profile } = this.#settings
      const why = thrown instanceof Error ? (thrown.message.split('\n')[0] ?? '').replace(/\.$/, '') : 'unknown'
      throw new TrueupError(
        'store-unavailable',
        `The store ${description} has no credentials: ${why}. Tried, in this order: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ${profile === undefined ? 'the profile of AWS_PROFILE or default' : `the profile ${profile}`} in ~/.aws (keys, SSO, login, credential_process, role), AWS_WEB_IDENTITY_TOKEN_FILE, container and instance metadata.`,
        { details: { store: description } },
      )
    } finally {
      end()
    }
  }
}

function configOf({ region, endpoint, pathStyle, profile, checksums }: S3Settings): S3ClientConfig {
  const quiet = (): void => undefined
  return {
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(profile === undefined ? {} : { profile }),
    ...(checksums.request === undefined ? {} : { requestChecksumCalculation: checksums.request }),
    ...(checksums.response === undefined ? {} : { responseChecksumValidation: checksums.response }),
    forcePathStyle: pathStyle,
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: LONGEST_CONNECT_MS,
      httpAgent: { keepAlive: true, maxSockets: MOST_SOCKETS },
      httpsAgent: { keepAlive: true, maxSockets: MOST_SOCKETS },
      logger: { trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet },
    },
  }
}

/** Undefined where the machine's rules forbid MD5 (FIPS). */
function md5Of(body: Uint8Array): string | undefined {
  try {
    return createHash('md5').update(body).digest('base64')
  } catch {
    return undefined
  }
}
