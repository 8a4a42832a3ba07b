// Trust zones: whose entries a run may read and write. In: names as given. Out: the rules, or what is wrong with a name. Pure.

/** Of runs that name none; trusted. */
export const DEFAULT_ZONE = 'local'

/** A name that begins so is not trusted. */
const UNTRUSTED = 'untrusted-'

export interface Zones {
  readonly own: string
  /** Only these runs may skip an apply by the cache. */
  readonly trusted: boolean
  /** Asked in this order. */
  readonly reads: readonly string[]
}

/** A trusted zone reads only itself, whatever else was asked for. */
export function zonesOf(own: string, alsoRead?: string): Zones {
  const trusted = !own.startsWith(UNTRUSTED)
  return { own, trusted, reads: trusted || alsoRead === undefined || alsoRead === own ? [own] : [own, alsoRead] }
}

/** The end of the sentence "the trust zone … "; undefined for a good name. Nothing that could be taken for untrusted is trusted. */
export function zoneFault(name: string): string | undefined {
  if (!/^[a-z0-9][a-z0-9._-]{0,63}$/.test(name))
    return 'must be 1 to 64 lower-case letters, digits, dots, dashes and underscores, and begin with a letter or digit'
  if (name.startsWith('untrusted') && !/^untrusted-./.test(name))
    return `must be ${UNTRUSTED}<name> if it is not trusted`
  return undefined
}
