// Where the data lie and the globs that an integration declares in, the globs that are missing for a query out. Which schema a file is of stands in the
// file, so any file below these folders can become part of an answer: a skip is safe only where all of them are declared.
import { compileGlobs, escapeGlob } from '../globs.js'
import { resolveLink } from '../resolve-link.js'
import type { Snapshot } from '../source.js'

/** Where the parts of a bundle lie, from the repository's root; empty for the root itself. */
export interface DataFolders {
  readonly dir: string
  readonly schemas: string
  readonly resources: string
  /** The file with the GraphQL types, whether it is there or not. */
  readonly graphql: string
}

/** A name that nobody has, so that only a glob for all names matches it. */
const PROBE = 'zq7-probe'
const LINK_MODE = '120000'
const DATA_ENDINGS = ['.yml', '.yaml', '.json'] as const

/**
 * Globs to declare beside those that are; empty where every file that can change an answer is covered.
 *
 * @param asksResources - the query reads resources; without, those that are there count all the same, since data refer to them
 */
export async function missingInputs(
  snapshot: Snapshot,
  inputs: readonly string[],
  { folders, asksResources }: { readonly folders: DataFolders; readonly asksResources: boolean },
): Promise<readonly string[]> {
  const matcher = compileGlobs(inputs)
  const missing: string[] = []
  async function cover(folder: string, endings: readonly string[], isNeeded: boolean): Promise<void> {
    const glob = folder === '' ? '**' : `${escapeGlob(folder)}/**`
    const entries = await snapshot.entries([glob])
    if (!isNeeded && entries.length === 0) return
    const paths = entries.map(({ path }) => path)
    const all = [...paths, ...probes(folder, paths, endings)]
    if (!all.every((path) => matcher.matches(path))) missing.push(glob)
    for (const { path, mode } of entries) if (mode === LINK_MODE) missing.push(...(await undeclaredOnTheWay(path)))
  }
  /** A link can lead out of the folder: what it leads over and to counts as well. */
  async function undeclaredOnTheWay(link: string): Promise<readonly string[]> {
    const way: string[] = []
    const reader: Parameters<typeof resolveLink>[0] = {
      entries: (globs) => snapshot.entries(globs),
      read: (path) => {
        way.push(path)
        return snapshot.read(path)
      },
    }
    const end = await resolveLink(reader, link)
    return [...way, ...(end === undefined ? [] : [end])].filter((path) => !matcher.matches(path)).map(escapeGlob)
  }
  await cover(folders.dir, DATA_ENDINGS, true)
  await cover(folders.schemas, DATA_ENDINGS, true)
  await cover(folders.resources, ['', '.txt', `.${PROBE}`], asksResources)
  if (!matcher.matches(folders.graphql)) missing.push(escapeGlob(folders.graphql))
  return [...new Set(missing)]
}

/** Files that could be added: in every folder that is there, and in new ones. */
function probes(folder: string, paths: readonly string[], endings: readonly string[]): readonly string[] {
  const parents = new Set([folder, join(folder, PROBE), join(folder, `${PROBE}/${PROBE}`)])
  for (const path of paths) parents.add(path.slice(0, Math.max(path.lastIndexOf('/'), 0)))
  return [...parents].flatMap((parent) => endings.map((ending) => join(parent, `${PROBE}${ending}`)))
}

function join(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`
}
