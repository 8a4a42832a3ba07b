// data query: one GraphQL question to the data of a revision. stdout has the answer; errors of it are on stderr too, and exit 1.
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { BundleQueries } from '../../desired/graphql/bundle-queries.js'
import { toError, TrueupError } from '../../errors.js'
import type { Json } from '../../event.js'
import { isRecord } from '../../util/is-record.js'
import { readBundleFile } from '../bundle-file.js'
import type { CommandInput } from '../command.js'
import { bundleAt } from '../data-bundles.js'
import { withProject } from '../data-command.js'
import { snapshotOf } from '../open-data.js'
import { printed } from '../print.js'
import type { Project } from '../project.js'

export async function dataQueryCommand(input: CommandInput): Promise<number> {
  const variables = variablesOf(input.settings.variables.value)
  return withProject(input, async (project) => {
    const document = await documentOf(input.positionals[0] ?? '', project.workingDirectory)
    const queries = await queriesOf(project)
    const answer = queries.answer({ document, variables, operation: project.settings.operation.value })
    const { errors = [] } = answer
    const exitCode = errors.length === 0 ? 0 : 1
    for (const { message, path, locations } of errors) {
      const [place] = locations ?? []
      const where =
        path === undefined ? place && `line ${String(place.line)}, column ${String(place.column)}` : path.join('.')
      input.context.output.err(
        `trueup: the query has an error${where === undefined ? '' : ` at ${where}`}: ${message}\n`,
      )
    }
    input.context.output.out(
      await printed(project.settings, {
        json: () => ({ schema: 'trueup/1', exitCode, ...answer }),
        text: () => ('data' in answer ? `${JSON.stringify(answer.data, null, 2)}\n` : ''),
      }),
    )
    return exitCode
  })
}

async function queriesOf(project: Project): Promise<BundleQueries> {
  const { bundle: file, revision } = project.settings
  if (file.value !== undefined) {
    const { openBundleQueries } = await import('../../desired/graphql/bundle-queries.js')
    return openBundleQueries((await readBundleFile(project, file.value)).bundle)
  }
  await using snapshot = await snapshotOf(project, revision.value)
  return await bundleAt(project, snapshot)
}

function variablesOf(text: string | undefined): Readonly<Record<string, Json>> {
  if (text === undefined) return {}
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new TrueupError('usage', `--variables is not JSON: ${toError(cause).message}`, { cause })
  }
  if (!isRecord(value)) throw new TrueupError('usage', '--variables must be a JSON object: {"name":"web"}')
  return value as Record<string, Json>
}

/** The argument, or the file of that name. */
async function documentOf(argument: string, directory: string): Promise<string> {
  if (!/\.(?:graphql|gql)$/.test(argument)) return argument
  return readFile(resolve(directory, argument), 'utf8').catch((cause: unknown) => {
    throw new TrueupError('usage', `the query file ${argument} cannot be read: ${toError(cause).message}`, { cause })
  })
}
