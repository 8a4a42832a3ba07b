// Desired state comes in, the secrets that it refers to go out. Pure: reads no value.
import type { SecretRef } from '../integration.js'

/** Where a value is: of one secret, one field or all of it. */
export type SecretAddress = Pick<SecretRef, 'path' | 'field' | 'version'>

/** What `{ $secret: … }` refers to; undefined for anything else, a malformed one included. */
export function referenceOf(value: unknown): SecretAddress | undefined {
  if (!isReference(value)) return undefined
  const given: unknown = value.$secret
  if (typeof given !== 'object' || given === null) return undefined
  const { path, field, version } = given as Readonly<Record<string, unknown>>
  const isText = (it: unknown): it is string => typeof it === 'string' && it !== ''
  if (!isText(path) || ![field, version].every((it) => it === undefined || isText(it))) return undefined
  return {
    path,
    ...(isText(field) ? { field } : {}),
    ...(isText(version) ? { version } : {}),
  }
}

/** All references in a value, at any depth. `isWhole`: none of them is malformed, so that these are all. */
export function referencesIn(value: unknown): {
  readonly addresses: readonly SecretAddress[]
  readonly isWhole: boolean
} {
  const found = new Map<string, SecretAddress>()
  let isWhole = true
  const open: unknown[] = [value]
  while (open.length > 0) {
    const next = open.pop()
    if (typeof next !== 'object' || next === null) continue
    if (isReference(next)) {
      const address = referenceOf(next)
      if (address === undefined) isWhole = false
      else found.set(addressId(address), address)
    } else open.push(...(Object.values(next) as unknown[]))
  }
  return { addresses: [...found.values()], isWhole }
}

/** Equal for equal addresses. */
export function addressId({ path, field, version }: SecretAddress): string {
  return JSON.stringify([path, field ?? null, version ?? null])
}

/** For people: `dns/api token`. */
export function addressText({ path, field }: SecretAddress): string {
  return field === undefined ? path : `${path} ${field}`
}

function isReference(value: unknown): value is { readonly $secret: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, '$secret')
}
