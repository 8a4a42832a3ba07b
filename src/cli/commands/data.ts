// data validate, data bundle: whether the data of a revision is right, and that data as one JSON document. Reads the repository; writes the file that
// it is told to, and only where nothing is wrong.
import { rename, rm, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { faultText, type DataFault } from '../../desired/data/faults.js'
import type { CheckedData } from '../../desired/data/load-bundle.js'
import { toError, TrueupError } from '../../errors.js'
import { count } from '../../report/format.js'
import type { Style } from '../../report/style.js'
import { digestBytes } from '../../util/digest.js'
import { styleOf } from '../appearance.js'
import type { CommandInput } from '../command.js'
import { annotation } from '../github-annotation.js'
import { withData, type OpenedData } from '../open-data.js'
import { printed } from '../print.js'

/** More faults are counted only; `-o json` has them all. */
const SHOWN = 50

export function dataValidateCommand(input: CommandInput): Promise<number> {
  return withData(input, async (opened) => {
    const { validateData } = await import('../../desired/data/load-bundle.js')
    const checked = await validateData(opened.load)
    await tell(input, opened, checked)
    return checked.faults.length === 0 ? 0 : 1
  })
}

export function dataBundleCommand(input: CommandInput): Promise<number> {
  return withData(input, async (opened) => {
    const { loadBundle } = await import('../../desired/data/load-bundle.js')
    const { bundle, ...checked } = await loadBundle(opened.load)
    if (checked.faults.length > 0) {
      await tell(input, opened, checked)
      return 1
    }
    const { writeBundleJson } = await import('../../desired/data/bundle-json.js')
    const bytes = writeBundleJson(bundle)
    const { settings, workingDirectory } = opened.project
    const { value: out } = settings.out
    if (out === undefined) {
      input.context.output.out(Buffer.from(bytes).toString('latin1'))
      return 0
    }
    await write(resolve(workingDirectory, out), bytes)
    const id = digestBytes(bytes)
    const style = styleOf(input.context, settings, 'stdout')
    input.context.output.out(
      await printed(settings, {
        json: () => ({
          schema: 'trueup/1',
          file: out,
          id,
          bytes: bytes.length,
          gitCommit: bundle.gitCommit,
          ...checked.counts,
        }),
        text: () =>
          `Wrote ${style.data(out)}: ${filesText(checked)} of ${style.data(opened.revision)}, ${String(bytes.length)} bytes, id ${id}\n`,
      }),
    )
    return 0
  })
}

/** Whole or not at all: a reader never finds half a bundle. */
async function write(path: string, bytes: Uint8Array): Promise<void> {
  const part = `${path}.${process.pid.toString(36)}.part`
  try {
    await writeFile(part, bytes)
    await rename(part, path)
  } catch (thrown) {
    await rm(part, { force: true }).catch(() => undefined)
    throw new TrueupError('usage', `cannot write ${path}: ${toError(thrown).message}`, { cause: thrown })
  }
}

async function tell({ context, command }: CommandInput, opened: OpenedData, checked: CheckedData): Promise<void> {
  const { settings } = opened.project
  const { faults, warnings, counts, work } = checked
  // A runner reads both streams, and stdout is data.
  const annotates = context.environment['GITHUB_ACTIONS'] === 'true'
  if (annotates) for (const fault of faults.slice(0, SHOWN)) context.output.err(annotation(fault))
  for (const warning of warnings.slice(0, SHOWN))
    if (annotates) context.output.err(annotation(warning, 'warning'))
    else opened.warn(faultText(warning))
  if (warnings.length > SHOWN)
    opened.warn(`${String(warnings.length - SHOWN)} more resources were not checked: -o json has them all`)
  const style = styleOf(context, settings, 'stdout')
  context.output.out(
    await printed(settings, {
      json: () => ({
        schema: 'trueup/1',
        revision: opened.load.snapshot.revision,
        place: opened.load.place,
        ...counts,
        parsed: work.parsed,
        checked: work.checked,
        faults,
        warnings,
      }),
      text: () => textOf(checked, { revision: opened.revision, schemas: opened.load.place.schemas, style, command }),
    }),
  )
}

interface Telling {
  readonly revision: string
  /** Their folder. */
  readonly schemas: string
  readonly style: Style
  readonly command: string
}

function textOf(checked: CheckedData, { revision, schemas, style, command }: Telling): string {
  const { faults, counts } = checked
  if (faults.length === 0) return `Nothing is wrong with ${style.data(revision)}: ${filesText(checked)}.\n`
  const lines = faults.slice(0, SHOWN).map((fault) => lineOf(fault, style))
  const more = faults.length - SHOWN
  if (more > 0) lines.push(`… and ${String(more)} more: trueup data validate -o json has them all`)
  const inFiles = count(new Set(faults.map(({ file }) => file)).size, 'file')
  const unwritten = command === 'data bundle' ? ' No bundle was written.' : ''
  lines.push(
    `${style.red(`${count(faults.length, 'fault')} in ${inFiles}`)} of ${style.data(revision)} (${filesText(checked)}).${unwritten}`,
  )
  if (counts.schemas === 0)
    lines.push(
      `There are no schemas in ${style.data(schemas)}. Files that need none are checked by what reads them: trueup plan <target>. How data and schemas lie: docs/data.md`,
    )
  return `${lines.join('\n')}\n`
}

function lineOf({ file, line, column, kind, reason, message }: DataFault, style: Style): string {
  return `${style.data(`${file}:${String(line)}:${String(column)}`)}: ${style.data(message)} ${style.dim(`[${kind} ${reason}]`)}`
}

function filesText({ counts }: CheckedData): string {
  return `${count(counts.data, 'data file')}, ${count(counts.resources, 'resource')}, ${count(counts.schemas, 'schema')}`
}
