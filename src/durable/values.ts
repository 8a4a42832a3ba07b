// Values come in, texts that give exactly the same values back go out. The one file that knows devalue.
// Must not: be given what refuse-bent.ts has not looked at.
import { parse, stringify } from 'devalue'
import { ERRORS, faultOf, type SecretCheck, type ValueFault } from './refuse-bent.js'

/** Longest text that is stored of one result: 5 MiB. */
export const LONGEST_VALUE = 5 * 1024 * 1024

export type Frozen =
  { readonly kind: 'frozen'; readonly text: string } | { readonly kind: 'refused'; readonly fault: ValueFault }

/** The text of a value, or why it cannot be stored. */
export function freezeValue(value: unknown, isSecret?: SecretCheck): Frozen {
  const fault = faultOf(value, isSecret)
  if (fault !== undefined) return { kind: 'refused', fault }
  let text: string
  try {
    text = stringify(value, REDUCERS)
    // A cycle through an error can be written and not be read.
    if (text.includes('"Error"')) thawValue(text)
  } catch (thrown) {
    const { path = '', message } = thrown as { readonly path?: string; readonly message: string }
    return { kind: 'refused', fault: { path: path.replace(/^\./, ''), found: `not storable (${message})` } }
  }
  if (text.length > LONGEST_VALUE) {
    const found = `too large: ${String(text.length)} characters when stored, ${String(LONGEST_VALUE)} are allowed`
    return { kind: 'refused', fault: { path: '', found } }
  }
  return { kind: 'frozen', text }
}

/** A new value each time: what one caller does to it, no other sees. */
export function thawValue(text: string): unknown {
  return parse(text, REVIVERS) as unknown
}

interface ErrorFacts {
  readonly type: number
  /** Own properties in their order: name, value, and whether it shows. */
  readonly own: readonly (readonly [string, unknown, boolean])[]
}

const REDUCERS = {
  Buffer: (value: unknown): [string] | undefined => (Buffer.isBuffer(value) ? [value.toString('base64')] : undefined),
  Error: (value: unknown): ErrorFacts | undefined => {
    if (!(value instanceof Error)) return undefined
    const type = ERRORS.findIndex((known) => known.prototype === Object.getPrototypeOf(value))
    const own = Reflect.ownKeys(value).map((key): [string, unknown, boolean] => [
      String(key),
      (value as unknown as Record<string | symbol, unknown>)[key],
      Object.getOwnPropertyDescriptor(value, key)?.enumerable === true,
    ])
    return { type, own }
  },
}

const REVIVERS = {
  Buffer: ([text]: [string]): Buffer => Buffer.from(text, 'base64'),
  Error: ({ type, own }: ErrorFacts): Error => {
    // Made as an error, so that tools see one; then only what it had.
    const made = Object.setPrototypeOf(new Error(), (ERRORS[type] ?? Error).prototype) as Error
    for (const key of Reflect.ownKeys(made)) Reflect.deleteProperty(made, key)
    for (const [key, value, enumerable] of own)
      Object.defineProperty(made, key, { value, enumerable, writable: true, configurable: true })
    return made
  },
}
