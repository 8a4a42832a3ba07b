// What the SDK throws, as one of the few things that the store does about it. In: an error, and where it was. Out: a Failure, or an error for people.
// It must not hand on anything of a request: its headers have a signature and may have a token.
import { TrueupError } from '../../errors.js'

export type Failure =
  /** The object is not there. */
  | { readonly kind: 'absent' }
  /** A condition did not hold, says the store. It may be our own earlier attempt that it saw. */
  | { readonly kind: 'precondition' }
  /** Not done, try again: another request was under way, or there were too many. */
  | { readonly kind: 'not-now'; readonly why: string; readonly retryAfterMs: number | undefined }
  /** Perhaps done: the answer says nothing, or there was none. */
  | { readonly kind: 'undecided'; readonly why: string; readonly retryAfterMs: number | undefined }
  | { readonly kind: 'unsupported'; readonly why: string }
  | { readonly kind: 'final'; readonly error: TrueupError }

interface SdkError {
  readonly name?: string
  readonly message?: string
  readonly code?: string
  readonly Code?: string
  readonly Region?: string
  readonly $metadata?: { readonly httpStatusCode?: number }
  readonly $response?: { readonly statusCode?: number; readonly headers?: Readonly<Record<string, string>> }
}

/** Codes of requests that were refused before anything was done, and may be sent again. */
const NOT_NOW = new Set([
  'ConditionalRequestConflict',
  'SlowDown',
  'TooManyRequests',
  'TooManyRequestsException',
  'Throttling',
  'ThrottlingException',
  'RequestLimitExceeded',
  'RequestThrottled',
  // The client has set its clock by the answer.
  'RequestTimeTooSkewed',
])

export interface Place {
  /** `s3://bucket/prefix`. */
  readonly store: string
  readonly bucket: string
  /** What was tried: `read`, `write`, `delete`, `list`. */
  readonly doing: string
  readonly key: string
}

export function classify(thrown: unknown, place: Place, now: number): Failure {
  if (thrown instanceof TrueupError) return { kind: 'final', error: thrown }
  const error = (typeof thrown === 'object' && thrown !== null ? thrown : {}) as SdkError
  const status = error.$metadata?.httpStatusCode ?? error.$response?.statusCode
  const code = codeOf(error)
  const why = status === undefined ? lostText(error) : `${String(status)} ${code}`
  const retryAfterMs = retryAfter(error.$response?.headers, now)
  if (code === 'NoSuchBucket') return final(place, `there is no bucket ${place.bucket}`, why, { hint: NO_BUCKET })
  if (NOT_NOW.has(code) || status === 429) return { kind: 'not-now', why, retryAfterMs }
  switch (status) {
    case undefined:
      return lostOrFinal(error, place, why)
    case 404:
      return { kind: 'absent' }
    case 412:
      return { kind: 'precondition' }
    case 501:
      return { kind: 'unsupported', why }
    case 301:
    case 307:
      return final(place, `the bucket is in another region${regionText(error)}`, why)
    case 401:
    case 403:
      return isUnknownCaller(code)
        ? final(place, 'the credentials are not accepted', why, { hint: NO_CALLER, denied: true })
        : final(place, deniedText(place), why, { denied: true })
    case 400:
      if (error.Region !== undefined) return final(place, `the bucket is in another region${regionText(error)}`, why)
      return code === 'RequestTimeout' ? { kind: 'undecided', why, retryAfterMs } : final(place, textOf(error), why)
    default:
      return status >= 500 || status === 408 || status === 409
        ? { kind: 'undecided', why, retryAfterMs }
        : // An answer that was read as good, and was not understood: what it answered may have been done.
          status < 300
          ? { kind: 'undecided', why: `an answer that cannot be read (${textOf(error)})`, retryAfterMs }
          : final(place, textOf(error), why)
  }
}

/** For when trying again has an end. */
export function unavailable(place: Place, why: string, hint = 'Try again.'): TrueupError {
  return new TrueupError(
    'store-unavailable',
    `The store ${place.store} cannot ${place.doing} ${place.key === '' ? 'its keys' : place.key}: ${why}. ${hint}`,
    { retryable: true, details: { store: place.store, key: place.key } },
  )
}

/** What to do next. */
const NO_BUCKET = 'Create it, or name another in the URL of the store.'
const NO_CALLER = 'Look at the access key, its secret and session token, or the profile.'
const ANY = '`trueup store check` tries what it needs.'

function final(place: Place, what: string, why: string, { hint = ANY, denied = false } = {}): Failure {
  const error = new TrueupError(
    'store-unavailable',
    `The store ${place.store} cannot ${place.doing} ${place.key === '' ? 'its keys' : place.key}: ${what} (${why}). ${hint}`,
    { retryable: false, details: { store: place.store, key: place.key, answer: why, denied } },
  )
  return { kind: 'final', error }
}

function isUnknownCaller(code: string): boolean {
  return /AccessKey|Signature|Token|Credential/i.test(code)
}

function deniedText({ doing, bucket }: Place): string {
  switch (doing) {
    case 'read':
      // Without s3:ListBucket S3 answers so for what is not there, too.
      return `denied; reading needs s3:GetObject, and s3:ListBucket on ${bucket}, without which an absent object is denied as well`
    case 'write':
      return 'denied; writing needs s3:PutObject, with a condition on an etag also s3:GetObject'
    case 'delete':
      return 'denied; deleting needs s3:DeleteObject'
    default:
      return `denied; listing needs s3:ListBucket on ${bucket}`
  }
}

/** Errors of the SDK that never were a request: no region, no credentials, a bad profile. */
function lostOrFinal(error: SdkError, place: Place, why: string): Failure {
  if (/region is missing/i.test(error.message ?? ''))
    return final(place, 'no region is known; add ?region=eu-west-1 to the store URL, or set AWS_REGION', 'no request')
  if (/Credentials|Profile|Token/.test(error.name ?? '')) return final(place, textOf(error), 'no request')
  return { kind: 'undecided', why, retryAfterMs: undefined }
}

function codeOf(error: SdkError): string {
  const name = error.Code ?? error.name ?? ''
  return name === '' || name === 'Error' || name === 'UnknownError' ? 'without a code' : name
}

function lostText(error: SdkError): string {
  return `no answer (${error.code ?? textOf(error)})`
}

function textOf(error: SdkError): string {
  const text = (error.message ?? '').split('\n')[0]?.trim() ?? ''
  return text === '' || text === 'UnknownError' ? codeOf(error) : text.replace(/\.$/, '').slice(0, 200)
}

function regionText({ Region, $response }: SdkError): string {
  const region = Region ?? $response?.headers?.['x-amz-bucket-region']
  return region === undefined ? '' : `, ${region}: add ?region=${region} to the store URL`
}

/** Seconds or a date, as ms from now; bounded by who waits. */
function retryAfter(headers: Readonly<Record<string, string>> | undefined, now: number): number | undefined {
  const text = headers?.['retry-after']
  if (text === undefined) return undefined
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now
  return Number.isFinite(ms) && ms >= 0 ? ms : undefined
}
