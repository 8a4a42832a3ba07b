// A way to load the current bundle in, the bundles that a server answers from out: the newest, and the one before it. Never more than two.
import type { DataBundle } from '../data/bundle.js'
import { openBundleQueries, type BundleQueries } from './bundle-queries.js'

export interface ServedBundle {
  /** Hex SHA-256 of the JSON bundle. */
  readonly id: string
  readonly queries: BundleQueries
}

export interface ServedBundles {
  newest(): ServedBundle
  get(id: string): ServedBundle | undefined
  /** Newest first. */
  list(): readonly ServedBundle[]
  /** Loads again and makes that the newest. What fails leaves everything as it was. Reloads are one after the other. */
  reload(): Promise<'loaded' | 'known'>
}

export interface LoadedBundle {
  readonly id: string
  readonly bundle: DataBundle
}

/** Loads the first bundle. @throws what loading throws; `desired-invalid` for types that cannot be used */
export async function serveBundles(load: () => Promise<LoadedBundle>): Promise<ServedBundles> {
  let served: readonly ServedBundle[] = []
  let under: Promise<unknown> = Promise.resolve()
  async function again(): Promise<'loaded' | 'known'> {
    const { id, bundle } = await load()
    const known = served.find((one) => one.id === id)
    const newest = known ?? { id, queries: openBundleQueries(bundle) }
    served = [newest, ...served.filter((one) => one.id !== id)].slice(0, 2)
    return known === undefined ? 'loaded' : 'known'
  }
  await again()
  return {
    newest() {
      const [newest] = served
      if (newest === undefined) throw new Error('Internal error: no bundle is loaded')
      return newest
    },
    get: (id) => served.find((one) => one.id === id),
    list: () => served,
    reload() {
      const next = under.then(again)
      under = next.catch(() => undefined)
      return next
    },
  }
}
