// What a route makes of a request: the shapes that an answer comes in. Data only.

export interface Answer {
  readonly status: number
  readonly contentType: string
  /** Whole, or as it comes to be: what is yielded is sent at once, and the answer ends when it is returned from. */
  readonly body: string | AsyncIterable<string>
  readonly headers?: Readonly<Record<string, string>>
}

export function plain(status: number, body: string): Answer {
  return { status, contentType: 'text/plain; charset=utf-8', body }
}

export function json(status: number, value: object): Answer {
  return { status, contentType: 'application/json; charset=utf-8', body: `${JSON.stringify(value, null, 2)}\n` }
}

/** An error as every answer of the API tells it. */
export function fault(status: number, code: string, message: string): Answer {
  return json(status, { error: { code, message } })
}
