// The forms of one command's runs: records in, text, JSON or Markdown out; and the files that --report and --out asked for. Runs nothing.
import { access, constants, stat, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { TrueupError } from '../errors.js'
import type { RunRecord } from '../event.js'
import { leftOutMarkdown, leftOutText, nothingInsteadText } from '../report/left-out.js'
import { summaryText } from '../report/summary.js'
import type { RunRequest } from '../run-types.js'
import { styleOf } from './appearance.js'
import type { CommandInput } from './command.js'
import { applyCommandOf } from './one-run.js'
import type { Project } from './project.js'

/** A run that has ended, and what it was. */
export interface EndedRun {
  /** As it would be for this run alone. */
  readonly input: CommandInput
  readonly record: RunRecord
  readonly request: RunRequest
}

/** Before anything is done: a report that cannot be written is noticed too late after an apply. */
export async function refuseUnwritable({ settings, workingDirectory }: Project): Promise<void> {
  const files = settings.reports.value.map(({ file }) => file)
  for (const file of settings.out.value === undefined ? files : [...files, settings.out.value]) {
    const path = resolve(workingDirectory, file)
    const there = await stat(path).catch(() => undefined)
    try {
      if (there?.isDirectory() === true) throw new Error('it is a directory')
      await access(there === undefined ? dirname(path) : path, constants.W_OK)
    } catch (cause) {
      throw new TrueupError('usage', `cannot write ${file}: ${(cause as Error).message}`, { cause })
    }
  }
}

/** The shards that a kept plan of this run is about. */
export function plannedShards({ record, request }: EndedRun): readonly string[] {
  return request.onlyAffected === true ? record.run.shards : request.shards
}

/** Writes files one by one; what was done is done all the same when one cannot be written. */
export function fileKeeper(
  { context }: CommandInput,
  { workingDirectory }: Project,
): { keep(file: string, text: string): Promise<void>; readonly hasFailed: boolean } {
  let hasFailed = false
  return {
    async keep(file, text) {
      try {
        await writeFile(resolve(workingDirectory, file), text)
      } catch (cause) {
        context.output.err(`trueup: cannot write ${file}: ${(cause as Error).message}\n`)
        hasFailed = true
      }
    },
    get hasFailed() {
      return hasFailed
    },
  }
}

/** Who reads the logs must not have to open the document to see why a run failed. */
export function tellError({ input, record, request }: EndedRun): void {
  if (record.error === null) return
  const style = styleOf(input.context, input.settings, 'stderr')
  const text = summaryText(record, { style, retryCommand: `trueup apply ${request.command}` })
  if (text !== '') input.context.output.err(`${text}\n`)
}

/** The Markdown of one run on its own. */
export async function runMarkdown({ record, request }: EndedRun): Promise<string> {
  const { planMarkdown } = await import('../report/markdown-plan.js')
  return `${planMarkdown(record, { applyCommand: applyCommandOf(request) })}${leftOutMarkdown(record)}`
}

/** For a person: `out` is data, `error` says what failed; both without a final line break, empty for nothing to say. */
export async function runText({
  input,
  record,
  request,
}: EndedRun): Promise<{ readonly out: string; readonly error: string }> {
  const { context, settings } = input
  const applyCommand = applyCommandOf(request)
  const style = styleOf(context, settings, 'stdout')
  const parts: string[] = []
  const nothing = nothingInsteadText(record)
  if (nothing !== undefined) parts.push(nothing)
  // Who has declined a plan has just seen it.
  else if (record.plan !== null && record.outcomes.length === 0 && record.error?.code !== 'declined') {
    const { planText } = await import('../report/text-plan.js')
    parts.push(
      planText({
        target: record.run.target,
        integration: record.run.integration,
        plan: record.plan,
        limits: record.limits,
        mode: request.mode,
        applyCommand,
        style,
        fullDigest: !context.stdinIsTerminal,
        ...(request.mode === 'dry-run' && record.calls !== undefined ? { calls: record.calls } : {}),
      }),
    )
  }
  // An error is no data: it goes where errors go.
  const isError = record.error !== null && record.outcomes.length === 0
  const summary = summaryText(record, {
    style: isError ? styleOf(context, settings, 'stderr') : style,
    retryCommand: applyCommand,
  })
  if (!isError && summary !== '') parts.push(summary)
  const left = leftOutText(record, style)
  if (left !== '') parts.push(left)
  return { out: parts.join('\n\n'), error: isError ? summary : '' }
}
