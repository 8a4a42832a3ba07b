// A project and a target in, what answers `ctx.source.query` of a snapshot out. GraphQL and the readers of data load at the first question.
import type { DataQueries, Question } from '../desired/graphql/data-queries.js'
import type { Snapshot } from '../desired/source.js'
import { TrueupError } from '../errors.js'
import { exempt } from '../reconcile/dry-run-guard.js'
import type { QuerySide } from '../run-types.js'
import { systemClock } from '../util/clock.js'
import { once } from '../util/once.js'
import type { TargetConfig } from './config-targets.js'
import type { GraphqlSource } from './config-types.js'
import { bundleAt, dataPlace } from './data-bundles.js'
import type { Project } from './project.js'

const TIMEOUT_MS = 30_000
const ATTEMPTS = 5
const BUNDLE = /^[0-9a-f]{64}$/

/** Of one run: with an endpoint as its source, head and base ask the same state of it, unless the base is a bundle. */
export function queriesOf(
  project: Project,
  { source, name }: TargetConfig,
): (snapshot: Snapshot, side: QuerySide) => DataQueries {
  if (source === 'git') return (snapshot) => embedded(project, snapshot)
  const { graphql } = source
  let newest: DataQueries | undefined
  return (_, side) =>
    side.bundle === undefined
      ? (newest ??= remote(graphql, { ...side, target: name }))
      : remote(graphql, { ...side, target: name })
}

/** Whether a base names a bundle of the target's endpoint in place of a revision of the repository. */
export function isBundleOf({ source }: TargetConfig, base: string | null): boolean {
  return base !== null && BUNDLE.test(base) && source !== 'git' && source.graphql.pin !== 'none'
}

function embedded(project: Project, snapshot: Snapshot): DataQueries {
  return lazily(async () => {
    const place = await dataPlace(project, snapshot)
    const { createEmbeddedQueries } = await import('../desired/graphql/embedded-queries.js')
    return createEmbeddedQueries({ snapshot, folders: place, open: () => bundleAt(project, snapshot) })
  })
}

function remote(
  { url, pin, auth, timeout, attempts }: GraphqlSource,
  { secrets, signal, bundle, target }: QuerySide & { readonly target: string },
): DataQueries {
  return lazily(async () => {
    const { createRemoteQueries } = await import('../desired/graphql/remote-queries.js')
    return createRemoteQueries({
      url,
      pin: pin ?? 'bundle',
      ...(bundle === undefined ? {} : { bundle }),
      async authorization() {
        if (auth === undefined) return undefined
        const { secret: path, field, scheme = 'Bearer' } = auth
        secrets.accept([path])
        const value = await secrets.read({ path, ...(field === undefined ? {} : { field }) })
        if (/[\r\n]/.test(value))
          throw new TrueupError(
            'secret-missing',
            `${target}: the secret ${path} of its source has line breaks: no header can hold it`,
          )
        return scheme === 'none' ? value : `${scheme} ${value}`
      },
      // Planning refuses what would write; a query is sent by POST and only reads.
      fetch: (input, init) => exempt(() => globalThis.fetch(input, init)),
      clock: systemClock,
      timeoutMs: timeout ?? TIMEOUT_MS,
      attempts: attempts ?? ATTEMPTS,
      signal,
    })
  })
}

function lazily(open: () => Promise<DataQueries>): DataQueries {
  let isAsked = false
  let known: DataQueries | undefined
  const opened = once(async () => (known = await open()))
  return {
    async ask(question: Question) {
      isAsked = true
      return (await opened()).ask(question)
    },
    // Nothing was asked: nothing can differ.
    settle: async () => !isAsked || (await opened()).settle(),
    bundle: () => known?.bundle?.(),
    schemas: () => known?.schemas?.() ?? [],
  }
}
