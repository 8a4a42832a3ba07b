// The proof of ownership: the end of a role's comment. Text in, who owns the role out, and back. Pure.

/** How the password of a role was left. */
export interface PasswordMark {
  /** What it was made from: a version of its secret, or a keyed digest of its value. */
  readonly from: string
  /** Digest of what the server keeps, to see a change made by hand. It tells nothing of the password. */
  readonly stored: string
}

export interface Marker {
  readonly target: string
  readonly destination: string
  readonly password?: PasswordMark
}

const PREFIX = 'trueup: '

/** What people wrote, and the marker behind it. */
export interface RoleComment {
  readonly text: string
  readonly marker?: Marker
}

export function readComment(comment: string | null): RoleComment {
  const whole = comment ?? ''
  const at = whole.lastIndexOf(`${PREFIX}{`)
  if (at === -1) return { text: whole }
  const marker = parseMarker(whole.slice(at + PREFIX.length))
  return marker === undefined ? { text: whole } : { text: whole.slice(0, at).trimEnd(), marker }
}

/** Keeps what people wrote in front. */
export function writeComment({ text, marker }: RoleComment & { readonly marker: Marker }): string {
  const { target, destination, password } = marker
  const proof = `${PREFIX}${JSON.stringify({ target, destination, ...(password === undefined ? {} : { password }) })}`
  return text === '' ? proof : `${text} ${proof}`
}

function parseMarker(json: string): Marker | undefined {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    return undefined
  }
  const { target, destination, password } = fieldsOf(value)
  if (typeof target !== 'string' || typeof destination !== 'string') return undefined
  const { from, stored } = fieldsOf(password)
  const mark = typeof from === 'string' && typeof stored === 'string' ? { from, stored } : undefined
  return { target, destination, ...(mark === undefined ? {} : { password: mark }) }
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
}
