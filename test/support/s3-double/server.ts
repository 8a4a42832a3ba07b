// An S3 bucket on loopback: PUT, GET, HEAD, DELETE and ListObjectsV2 with S3's conditions, that fails where a test says so. It checks no signature.
// What real servers do the contract suite shows on versitygw and moto; this one is for what they cannot be told to do.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DoubleObjects, type Answer, type Conditions } from './objects.js'

export interface DoubleRequest extends Conditions {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE' | 'LIST'
  /** Of the object, without the bucket; the prefix of a LIST. */
  readonly name: string
  readonly headers: Readonly<Record<string, string | undefined>>
}

export type Fault =
  /** Answered so, nothing done. */
  | {
      readonly kind: 'answer'
      readonly status: number
      readonly code: string
      readonly headers?: Record<string, string>
    }
  /** Done, then answered so. */
  | { readonly kind: 'done-but'; readonly status: number; readonly code: string }
  /** The connection ends without an answer. */
  | { readonly kind: 'lost'; readonly when: 'before' | 'after' }
  /** Half of the body, and then nothing more; `cut` ends the connection. */
  | { readonly kind: 'half-body'; readonly then: 'cut' | 'stall' }
  /** Half of the body, as if it were all. */
  | { readonly kind: 'short-body' }
  /** 200 with an answer that is no XML, nothing done. */
  | { readonly kind: 'nonsense' }

export interface DoubleOptions {
  readonly now?: () => number
  readonly bucket?: string
  /** @defaultValue 1000 */
  readonly pageSize?: number
}

export interface S3Double extends AsyncDisposable {
  readonly endpoint: string
  readonly bucket: string
  readonly objects: DoubleObjects
  /** Method and name of every request, in order. */
  readonly requests: readonly DoubleRequest[]
  /** Asked with each request, before anything is done; what it awaits, the request waits for. */
  intercept: (request: DoubleRequest) => Fault | undefined | Promise<Fault | undefined>
  /** Asked after a write was done and before it is answered. */
  afterWrite: (request: DoubleRequest) => void | Promise<void>
  readonly rules: {
    /** Conditions that are not looked at. */
    ignored: ReadonlySet<'put-if-none-match' | 'put-if-match' | 'delete-if-match'>
    /** Waited for between judging and writing, so that a condition and its write are not one step. */
    between: ((request: DoubleRequest) => Promise<void>) | undefined
    rejectsNewChecksums: boolean
    requiresContentMd5: boolean
    denied: ReadonlySet<DoubleRequest['method']>
    /** DELETE with If-Match. */
    knowsConditionalDelete: boolean
    /** In place of `now`. */
    skewMs: number
    pageSize: number
  }
}

export async function startS3Double(options: DoubleOptions = {}): Promise<S3Double> {
  const { now = () => Date.now(), bucket = 'bucket', pageSize = 1000 } = options
  const objects = new DoubleObjects()
  const requests: DoubleRequest[] = []
  const server = createServer((request, response) => {
    // A test that ends while a request is under way closes the connection.
    serve(request, response).catch(() => response.destroy())
  })
  const double: S3Double = {
    endpoint: '',
    bucket,
    objects,
    requests,
    intercept: () => undefined,
    afterWrite: () => undefined,
    rules: {
      ignored: new Set(),
      between: undefined,
      rejectsNewChecksums: false,
      requiresContentMd5: false,
      denied: new Set(),
      knowsConditionalDelete: true,
      skewMs: 0,
      pageSize,
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
  const { rules } = double

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    const url = new URL(incoming.url ?? '', 'http://double')
    const request = requestOf(incoming, url, bucket)
    requests.push(request)
    response.sendDate = false
    response.setHeader('Date', new Date(now() + rules.skewMs).toUTCString())
    if (!url.pathname.startsWith(`/${bucket}`)) {
      refuse(response, 404, 'NoSuchBucket')
      return
    }
    const fault = await double.intercept(request)
    if (fault?.kind === 'answer') {
      refuse(response, fault.status, fault.code, fault.headers)
      return
    }
    if (fault?.kind === 'nonsense') return void response.end('<html>all is well')
    if (fault?.kind === 'lost' && fault.when === 'before') return void response.destroy()
    if (rules.denied.has(request.method)) {
      refuse(response, 403, 'AccessDenied')
      return
    }
    if (request.method === 'LIST') {
      list(url, response)
      return
    }
    if (request.method === 'GET' || request.method === 'HEAD') {
      read(request, response, fault)
      return
    }
    const answer = await write(request, Buffer.concat(chunks))
    if (answer.status < 300) await double.afterWrite(request)
    if (fault?.kind === 'lost') return void response.destroy()
    if (fault?.kind === 'done-but') {
      refuse(response, fault.status, fault.code)
      return
    }
    if ('code' in answer) {
      refuse(response, answer.status, answer.code)
      return
    }
    response.writeHead(answer.status, 'etag' in answer ? { ETag: answer.etag } : {}).end()
  }

  async function write(request: DoubleRequest, body: Buffer): Promise<Answer> {
    const { method, name, headers } = request
    if (method === 'PUT' && rules.rejectsNewChecksums && Object.keys(headers).some((it) => NEW_CHECKSUMS.test(it)))
      return { status: 501, code: 'NotImplemented' }
    if (method === 'PUT' && rules.requiresContentMd5 && headers['content-md5'] === undefined)
      return { status: 400, code: 'InvalidRequest' }
    if (method === 'DELETE' && request.ifMatch !== undefined && !rules.knowsConditionalDelete)
      return { status: 501, code: 'NotImplemented' }
    const refused = objects.judge(name, inForce(request))
    if (refused !== undefined) return refused
    await rules.between?.(request)
    if (method === 'DELETE') return objects.remove(name)
    return objects.write(name, body, { headers: kept(headers), modifiedAt: now() + rules.skewMs })
  }

  function inForce({ method, ifMatch, ifNoneMatch }: DoubleRequest): Conditions {
    const { ignored } = rules
    return {
      ifMatch: ignored.has(method === 'PUT' ? 'put-if-match' : 'delete-if-match') ? undefined : ifMatch,
      ifNoneMatch: ignored.has('put-if-none-match') ? undefined : ifNoneMatch,
    }
  }

  function read({ method, name }: DoubleRequest, response: ServerResponse, fault: Fault | undefined): void {
    const object = objects.get(name)
    if (object === undefined) return refuse(response, 404, method === 'HEAD' ? '' : 'NoSuchKey')
    const half = object.body.subarray(0, object.body.byteLength / 2)
    const body = fault?.kind === 'short-body' ? half : object.body
    response.writeHead(200, {
      ...object.headers,
      ETag: object.etag,
      'Last-Modified': new Date(object.modifiedAt).toUTCString(),
      'Content-Length': String(body.byteLength),
    })
    if (method === 'HEAD') return void response.end()
    if (fault?.kind !== 'half-body') return void response.end(body)
    response.write(half, () => {
      if (fault.then === 'cut') response.destroy()
    })
  }

  function list(url: URL, response: ServerResponse): void {
    const prefix = url.searchParams.get('prefix') ?? ''
    const after = url.searchParams.get('continuation-token') ?? url.searchParams.get('start-after') ?? ''
    const names = objects.names().filter((name) => name.startsWith(prefix) && (after === '' || name > after))
    const page = names.slice(0, rules.pageSize)
    const isTruncated = names.length > page.length
    const contents = page.map((name) => `<Contents><Key>${xml(name)}</Key></Contents>`).join('')
    const next = isTruncated ? `<NextContinuationToken>${xml(page.at(-1) ?? '')}</NextContinuationToken>` : ''
    response.end(
      `<?xml version="1.0"?><ListBucketResult><IsTruncated>${String(isTruncated)}</IsTruncated>${contents}${next}</ListBucketResult>`,
    )
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return Object.assign(double, { endpoint: `http://127.0.0.1:${String(port)}` })
}

const NEW_CHECKSUMS = /^(?:x-amz-checksum-|x-amz-trailer|x-amz-sdk-checksum)/

function requestOf({ method, headers }: IncomingMessage, url: URL, bucket: string): DoubleRequest {
  const name = decodeURIComponent(url.pathname.slice(bucket.length + 2))
  const isList = url.searchParams.has('list-type')
  return {
    method: isList ? 'LIST' : (method as DoubleRequest['method']),
    name: isList ? (url.searchParams.get('prefix') ?? '') : name,
    ifMatch: headers['if-match'],
    ifNoneMatch: headers['if-none-match'],
    headers: Object.fromEntries(Object.entries(headers).map(([key, value]) => [key, value?.toString()])),
  }
}

function kept(headers: DoubleRequest['headers']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([key, value]) =>
      key.startsWith('x-amz-meta-') && value !== undefined ? [[key, value]] : [],
    ),
  )
}

function refuse(response: ServerResponse, status: number, code: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'Content-Type': 'application/xml', ...headers })
  response.end(
    code === '' ? '' : `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code} by order</Message></Error>`,
  )
}

function xml(text: string): string {
  return text.replace(/[&<>]/g, (character) => `&#${String(character.charCodeAt(0))};`)
}
