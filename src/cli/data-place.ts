// What trueup.yaml says of data in, places in the repository out. Relative places start at trueup.yaml's folder, else at the root.
import { posix } from 'node:path'
import type { DataPlace } from '../desired/data/list-files.js'
import { TrueupError } from '../errors.js'
import type { Config } from './config-types.js'

/** @param folder that trueup.yaml lies in, from the root of the repository; empty for the root itself */
export function dataPlaceOf(config: Pick<Config, 'data' | 'file' | 'lines'>, folder: string): DataPlace {
  const { data } = config
  const said = data === undefined ? {} : typeof data === 'string' ? { dir: data } : data
  const inRepository = (key: keyof typeof said, path: string): string => {
    const joined = posix.normalize(posix.join(folder, path)).replace(/\/$/, '')
    if (posix.isAbsolute(path) || joined === '..' || joined.startsWith('../')) {
      const line = config.lines[`data.${key}`] ?? config.lines['data'] ?? 1
      throw new TrueupError(
        'config-invalid',
        `${config.file ?? 'trueup.yaml'}:${String(line)}: data lies in the repository, and ${path} does not: name a folder in it, relative to trueup.yaml`,
      )
    }
    return joined === '.' ? '' : joined
  }
  const dir = inRepository('dir', said.dir ?? 'data')
  const beside = (path: string): string => {
    const parent = posix.dirname(dir)
    return dir === '' || parent === '.' ? path : posix.join(parent, path)
  }
  return {
    format: said.format ?? 'default',
    dir,
    schemas: said.schemas === undefined ? beside('schemas') : inRepository('schemas', said.schemas),
    graphql: said.graphql === undefined ? beside('graphql-schemas/schema.yml') : inRepository('graphql', said.graphql),
    resources: said.resources === undefined ? beside('resources') : inRepository('resources', said.resources),
    isGraphqlAsked: said.graphql !== undefined,
  }
}
