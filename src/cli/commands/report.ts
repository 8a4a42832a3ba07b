// report: documents of -o json that several processes wrote, as one: for the jobs of a matrix. Needs no repository, no store and no integration.
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { toError, TrueupError } from '../../errors.js'
import { worstExitCode } from '../../exit-codes.js'
import { manyMarkdown } from '../../report/many-markdown.js'
import { manySummary } from '../../report/many-summary.js'
import { readRunJson } from '../../report/read-run-json.js'
import { styleOf } from '../appearance.js'
import type { CommandInput } from '../command.js'
import { printed } from '../print.js'

export async function reportCommand({ context, positionals, settings }: CommandInput): Promise<number> {
  const directory = resolve(context.cwd, settings.directory.value ?? '.')
  const documents = await Promise.all(
    positionals.map(async (file) => {
      const text = await readFile(resolve(directory, file), 'utf8').catch((cause: unknown) => {
        throw new TrueupError('usage', `cannot read ${file}: ${toError(cause).message}`, { cause })
      })
      return { file, ...readRunJson(text, file) }
    }),
  )
  const records = documents.flatMap((document) => document.records)
  const faults = documents.flatMap(({ file, error }) => (error === null ? [] : [{ name: file, ...error }]))
  const style = styleOf(context, settings, 'stdout')
  context.output.out(
    await printed(settings, {
      json: () => ({
        schema: 'trueup/1',
        exitCode: worstExitCode(documents.map(({ exitCode }) => exitCode)),
        runs: documents.flatMap(({ runs }) => runs),
        ...(faults[0] === undefined ? {} : { error: { code: faults[0].code, message: faults[0].message } }),
      }),
      markdown: () =>
        manyMarkdown(
          records.map((record) => ({ record })),
          { faults },
        ),
      text: () =>
        `${[...faults.map(({ name, message }) => style.red(`${style.data(name)}: ${style.data(message)}`)), manySummary(records, style)].join('\n')}\n`,
    }),
  )
  return 0
}
