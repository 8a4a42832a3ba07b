// What the S3 double keeps, and the one step in which a condition is judged and a write done. Nothing of HTTP.
import { createHash } from 'node:crypto'

export interface DoubleObject {
  readonly body: Buffer
  readonly etag: string
  /** UTC ms. */
  readonly modifiedAt: number
  /** `x-amz-meta-…` and content headers, as they came. */
  readonly headers: Readonly<Record<string, string>>
}

export interface Conditions {
  readonly ifMatch?: string | undefined
  readonly ifNoneMatch?: string | undefined
}

export type Answer =
  | { readonly status: 200; readonly etag: string }
  | { readonly status: 204 }
  | { readonly status: number; readonly code: string }

export class DoubleObjects {
  readonly #objects = new Map<string, DoubleObject>()

  get(name: string): DoubleObject | undefined {
    return this.#objects.get(name)
  }

  names(): readonly string[] {
    return [...this.#objects.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  }

  judge(name: string, { ifMatch, ifNoneMatch }: Conditions): Answer | undefined {
    const object = this.#objects.get(name)
    if (ifNoneMatch === '*' && object !== undefined) return { status: 412, code: 'PreconditionFailed' }
    if (ifMatch === undefined) return undefined
    if (object === undefined) return { status: 404, code: 'NoSuchKey' }
    return ifMatch === object.etag || ifMatch === '*' ? undefined : { status: 412, code: 'PreconditionFailed' }
  }

  write(name: string, body: Buffer, { headers, modifiedAt }: Pick<DoubleObject, 'headers' | 'modifiedAt'>): Answer {
    const etag = `"${createHash('md5').update(body).digest('hex')}"`
    this.#objects.set(name, { body, etag, headers, modifiedAt })
    return { status: 200, etag }
  }

  remove(name: string): Answer {
    this.#objects.delete(name)
    return { status: 204 }
  }
}
