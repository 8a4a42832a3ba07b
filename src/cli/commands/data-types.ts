// data types: TypeScript files beside the .graphql files of the integrations, from the schema files of the working tree; --check only compares.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeText } from '../../desired/decode-text.js'
import { escapeGlob } from '../../desired/globs.js'
import type { Snapshot } from '../../desired/source.js'
import { TrueupError } from '../../errors.js'
import type { CommandInput } from '../command.js'
import { dataPlace } from '../data-bundles.js'
import { withData } from '../data-command.js'
import { loadOptions } from '../load-target.js'
import { printed } from '../print.js'
import { pathInside, type Project } from '../project.js'

export async function dataTypesCommand(input: CommandInput): Promise<number> {
  return withData(input, async (project) => {
    await using snapshot = await project.repository.head({ committed: false })
    const files = await graphqlFiles(project, snapshot)
    const [{ schemaOfFiles }, { writeTypes }] = await Promise.all([
      import('../../desired/graphql/schema-of-files.js'),
      import('../../desired/graphql/write-types.js'),
    ])
    const made = await writeTypes(files, await schemaOfFiles(snapshot, dataPlace(project)))
    const stale: string[] = []
    for (const { path, text } of made) {
      const file = join(project.repository.root, path)
      const before = await readFile(file, 'utf8').catch(() => undefined)
      if (before === text) continue
      stale.push(path)
      if (!project.settings.check.value) await writeFile(file, text)
    }
    const isChecked = project.settings.check.value
    const exitCode = isChecked && stale.length > 0 ? 1 : 0
    input.context.output.out(
      await printed(project.settings, {
        json: () => ({
          schema: 'trueup/1',
          exitCode,
          files: made.map(({ path }) => path),
          [isChecked ? 'stale' : 'written']: stale,
        }),
        text: () => summary(stale, made.length, isChecked),
      }),
    )
    return exitCode
  })
}

function summary(stale: readonly string[], all: number, isChecked: boolean): string {
  const unchanged = `${String(all - stale.length)} of ${String(all)} are as they should be.\n`
  if (stale.length === 0) return unchanged
  const list = stale.map((path) => `  ${path}\n`).join('')
  return isChecked
    ? `Not as \`trueup data types\` would write ${stale.length === 1 ? 'it' : 'them'}:\n${list}${unchanged}`
    : `Written:\n${list}${unchanged}`
}

/** Those below the places of integrations that are folders of the repository. */
async function graphqlFiles(project: Project, snapshot: Snapshot): Promise<{ path: string; text: string }[]> {
  const { places, configDirectory } = await loadOptions(project)
  const folders = places.flatMap((place) => {
    const folder = pathInside(project.repository.root, join(configDirectory, place))
    return folder === null ? [] : [folder]
  })
  const globs = folders.map((folder) => `${escapeGlob(folder)}/**/*.graphql`)
  const entries = globs.length === 0 ? [] : await snapshot.entries(globs)
  if (entries.length === 0)
    throw new TrueupError(
      'usage',
      `there is no .graphql file below ${places.length === 0 ? 'a folder integrations' : places.join(', ')}: write a query beside an integration, as in integrations/teams/teams.graphql`,
    )
  const files: { path: string; text: string }[] = []
  for await (const { path, content } of snapshot.readMany(entries.map((entry) => entry.path)))
    files.push({ path, text: decodeText(path, content) })
  return files
}
