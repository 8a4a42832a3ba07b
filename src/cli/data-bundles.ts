// A project and a revision in, its data bundle ready to be asked out. Revisions with the same data share one; at most two are kept.
import { posix } from 'node:path'
import type { DataPlace } from '../desired/data/list-files.js'
import type { BundleQueries } from '../desired/graphql/bundle-queries.js'
import { escapeGlob } from '../desired/globs.js'
import type { Snapshot } from '../desired/source.js'
import { digestOf } from '../util/digest.js'
import { pathInside, type Project } from './project.js'

const KEPT = 2
/** Where the data of this project lie: what is not said lies beside the folder of the data files. */
export function dataPlace(project: Project): DataPlace {
  const root = pathInside(project.repository.root, project.directory) ?? ''
  const dir = posix.join(root, project.config.data ?? 'data').replace(/\/$/, '')
  const beside = (path: string): string => posix.join(posix.dirname(dir), path)
  return {
    format: 'default',
    dir: dir === '.' ? '' : dir,
    schemas: beside('schemas'),
    graphql: beside('graphql-schemas/schema.yml'),
    resources: beside('resources'),
  }
}

/** @throws desired-invalid with all that is wrong with the data */
export async function bundleAt(project: Project, snapshot: Snapshot): Promise<BundleQueries> {
  const place = dataPlace(project)
  const folders = [place.dir, place.schemas, place.resources].map((folder) =>
    folder === '' ? '**' : `${escapeGlob(folder)}/**`,
  )
  const entries = await snapshot.entries([...folders, escapeGlob(place.graphql)])
  const hasLinks = entries.some(({ mode }) => mode === '120000')
  // What a link leads to is not among them.
  const key = hasLinks ? undefined : digestOf([place as never, entries.map(({ path, mode, oid }) => [path, mode, oid])])
  const known = key === undefined ? undefined : project.bundles.get(key)
  if (known !== undefined) return known
  const { openBundle } = await import('../desired/graphql/open-bundle.js')
  const opening = openBundle({ snapshot, place })
  if (key !== undefined) {
    project.bundles.set(key, opening)
    opening.catch(() => project.bundles.delete(key))
    for (const oldest of project.bundles.keys()) if (project.bundles.size > KEPT) project.bundles.delete(oldest)
  }
  return opening
}
