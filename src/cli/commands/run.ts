// plan, apply and run: one run of one target, its reports, its exit code.
import { access, constants, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { TrueupError } from '../../errors.js'
import type { LimitCheck, LogRecord, PlanData, RunRecord } from '../../event.js'
import { parseSavedPlan, savePlan, type SavedPlan } from '../../reconcile/saved-plan.js'
import { createLogReporter } from '../../report/log-reporter.js'
import { leftOutMarkdown, leftOutText, nothingInsteadText } from '../../report/left-out.js'
import { summaryText } from '../../report/summary.js'
import { runOnce } from '../../run.js'
import type { RunRequest } from '../../run-types.js'
import { systemClock } from '../../util/clock.js'
import { unlessAborted } from '../../util/unless-aborted.js'
import type { CommandInput } from '../command.js'
import { cacheRequest } from '../cache-request.js'
import { commandLine, placeFlags } from '../command-line.js'
import { expectedPlan } from '../expected-plan.js'
import { holdPrints } from '../held-prints.js'
import { targetOf } from '../load-target.js'
import { isCi } from '../process-context.js'
import { plainForm } from '../print.js'
import { openProject, type Project } from '../project.js'
import { logFormatOf, logLevelOf, styleOf } from '../appearance.js'
import { listenForStop, type StopSignals } from '../stop-signals.js'
import type { TargetConfig } from '../config-targets.js'
import { wireRun } from '../wiring.js'

export async function runCommand(input: CommandInput): Promise<number> {
  const { context, command } = input
  const { output } = context
  const style = styleOf(context, input.settings, 'stderr')
  const signals = listenForStop({
    onStop: (message) => {
      output.err(`trueup: ${message}\n`)
    },
  })
  const warn = (message: string): void => {
    output.err(`${style.yellow('trueup: warning:')} ${style.data(message)}\n`)
  }
  const held = holdPrints(context)
  const project = await openProject(context, input.settings, {
    signal: signals.giveUp,
    warn,
    authored: held.authored,
    ...(input.positionals[0] === undefined ? {} : { target: input.positionals[0] }),
  })
  try {
    const { settings } = project
    if (settings.timeout.value !== undefined) signals.endAfter(settings.timeout.value)
    const [name = ''] = input.positionals
    const savedPlan = command === 'apply' ? await savedPlanIn(project, name) : null
    const target = await unlessAborted(targetOf(project, savedPlan?.target ?? name), signals.stop)
    await refuseUnwritable(project)
    const apply = command === 'apply' || (command === 'run' && (settings.apply.value || settings.noDryRun.value))
    const line = commandLine(target.name, input)
    const request: RunRequest = {
      target: target.name,
      mode: apply ? 'apply' : 'dry-run',
      base: settings.compareWith.value ?? null,
      requireCompare: settings.requireCompare.value,
      committed: settings.committed.value,
      force: settings.force.value || savedPlan !== null,
      shards: savedPlan?.shards ?? settings.shards.value,
      onlyAffected: savedPlan === null && settings.onlyAffected.value,
      overrides: {
        ...(settings.maxDeletes.value === undefined ? {} : { maxDeletes: settings.maxDeletes.value }),
        ...(settings.maxChanges.value === undefined ? {} : { maxChanges: settings.maxChanges.value }),
        ...(settings.allowEmpty.value ? { allowEmpty: true } : {}),
      },
      expectPlan: expectedPlan(input, settings.expectPlan.value ?? null),
      savedPlan,
      initStore: settings.initStore.value,
      leaseWaitMs: settings.leaseWait.value,
      detailedExitcode:
        settings.detailedExitcode.value === 'change' ? 'change' : settings.detailedExitcode.value !== 'off',
      command: line,
      ...cacheRequest(project, target),
      place: placeFlags(input),
    }
    return await performRun({ input, project, signals, target, request, printed: held.take() })
  } finally {
    held.tell()
    signals.close()
    await project.repository.close()
  }
}

export interface Performance {
  readonly input: CommandInput
  readonly project: Project
  readonly signals: StopSignals
  readonly target: TargetConfig
  readonly request: RunRequest
  /** Parameter texts besides `--param`, which win. */
  readonly params?: Readonly<Record<string, string>>
  /** Asks nobody: what was typed said exactly what to do. @defaultValue false */
  readonly isConfirmed?: boolean
  /** By the integration, when it was loaded to find the target. */
  readonly printed: readonly LogRecord[]
}

/** One run with its log on stderr and its result on stdout; gives its exit code. */
export async function performRun(performance: Performance): Promise<number> {
  const { input, project, signals, target, request } = performance
  const { context } = input
  const { settings } = project
  const reporter = await createLogReporter({
    write: (text) => {
      context.output.err(`${text}\n`)
    },
    format: logFormatOf(context, settings),
    level: logLevelOf(settings),
    style: styleOf(context, input.settings, 'stderr'),
    showTarget: false,
    replay: settings.replay.value,
    clock: systemClock,
  })
  const deps = wireRun({
    context,
    project,
    reporter,
    signals,
    printed: performance.printed,
    reference: {
      project,
      target,
      params: {
        ...performance.params,
        ...Object.fromEntries(settings.params.value.map(({ name, value }) => [name, value])),
      },
      ci: isCi(context.environment),
    },
    confirm: (plan, limits) =>
      performance.isConfirmed === true
        ? Promise.resolve(true)
        : confirm({ input, request, integration: target.integration, plan, limits }),
  })
  const record = await runOnce(deps, request)
  deps.guard.uninstall()
  const told = await report({ input, project, record, request })
  return told || (record.exitCode !== 0 && record.exitCode !== 2) ? record.exitCode : 1
}

/** `trueup apply plan.json`: a file that exists and is called like one; a target's name never ends so. */
async function savedPlanIn(project: Project, name: string): Promise<SavedPlan | null> {
  const file = resolve(project.workingDirectory, name)
  const looksLikeFile = name.endsWith('.json') || name.includes('/')
  if (!looksLikeFile || /\.[mc]?[jt]s$/.test(name)) return null
  if ((await stat(file).catch(() => undefined))?.isFile() !== true) {
    throw new TrueupError('usage', `there is no saved plan ${name}. Make one with: trueup plan <target> --out ${name}`)
  }
  return parseSavedPlan(await readFile(file, 'utf8'), name)
}

interface Shown {
  readonly input: CommandInput
  readonly request: RunRequest
  readonly integration: string
  readonly plan: PlanData
  readonly limits: readonly LimitCheck[]
}

async function confirm({ input, request, integration, plan, limits }: Shown): Promise<boolean> {
  const { context, settings } = input
  if (settings.yes.value || !context.stdinIsTerminal) return true
  const { planText } = await import('../../report/text-plan.js')
  const style = styleOf(context, settings, 'stderr')
  context.output.err(
    `${planText({ target: request.target, integration, plan, limits, mode: 'apply', applyCommand: applyCommandOf(request), style })}\n`,
  )
  const { question } = await import('../question.js')
  const answer = await question(context.output, '\nApply exactly this plan? Type yes: ')
  return answer.trim().toLowerCase() === 'yes'
}

function applyCommandOf({ command, commands }: RunRequest): string {
  return commands?.apply ?? `trueup apply ${command}`
}

interface Report {
  readonly input: CommandInput
  readonly project: Project
  readonly record: RunRecord
  readonly request: RunRequest
}

/** Before anything is done: a report that cannot be written is noticed too late after an apply. */
async function refuseUnwritable({ settings, workingDirectory }: Project): Promise<void> {
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

/** @returns false when something that was asked for could not be written; what was done is done all the same */
async function report(shown: Report): Promise<boolean> {
  const { input, project, record, request } = shown
  const { settings, context } = input
  const form = plainForm(settings)
  context.output.out(await rendered(shown, form))
  // JSON logs tell an error as they tell everything.
  if (form !== 'text' && logFormatOf(context, settings) === 'pretty') await tellError(shown)
  let told = true
  const keep = async (file: string, text: string): Promise<void> => {
    try {
      await writeFile(resolve(project.workingDirectory, file), text)
    } catch (cause) {
      context.output.err(`trueup: cannot write ${file}: ${(cause as Error).message}\n`)
      told = false
    }
  }
  for (const { format, file } of settings.reports.value) await keep(file, await rendered(shown, format))
  if (settings.out.value !== undefined) {
    const saved = savePlan(record, request.onlyAffected === true ? record.run.shards : request.shards)
    if (saved === undefined) {
      context.output.err(
        `trueup: there is no plan to keep (the run was ${record.decision.action === 'skip' ? 'skipped; --force plans all the same' : 'ended before one'}); ${settings.out.value} was not written\n`,
      )
    } else await keep(settings.out.value, `${JSON.stringify(saved, null, 2)}\n`)
  }
  return told
}

/** Who reads the logs must not have to open the document to see why a run failed. */
async function tellError({ input, record, request }: Report): Promise<void> {
  if (record.error === null) return
  const style = styleOf(input.context, input.settings, 'stderr')
  const text = summaryText(record, { style, retryCommand: `trueup apply ${request.command}` })
  if (text !== '') input.context.output.err(`${text}\n`)
}

async function rendered({ input, record, request }: Report, form: 'text' | 'json' | 'markdown'): Promise<string> {
  const { context, settings } = input
  const applyCommand = applyCommandOf(request)
  if (form === 'json') {
    const { formatJson, runJson } = await import('../../report/run-json.js')
    return formatJson(runJson([record], record.exitCode))
  }
  if (form === 'markdown') {
    const { planMarkdown } = await import('../../report/markdown-plan.js')
    return `${planMarkdown(record, { applyCommand })}${leftOutMarkdown(record)}`
  }
  const style = styleOf(context, settings, 'stdout')
  const parts: string[] = []
  const nothing = nothingInsteadText(record)
  if (nothing !== undefined) parts.push(nothing)
  // Who has declined a plan has just seen it.
  else if (record.plan !== null && record.outcomes.length === 0 && record.error?.code !== 'declined') {
    const { planText } = await import('../../report/text-plan.js')
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
      }),
    )
  }
  // An error is no data: it goes where errors go.
  const isError = record.error !== null && record.outcomes.length === 0
  const summary = summaryText(record, {
    style: isError ? styleOf(context, settings, 'stderr') : style,
    retryCommand: applyCommand,
  })
  if (isError && summary !== '') context.output.err(`${summary}\n`)
  else if (summary !== '') parts.push(summary)
  const left = leftOutText(record, style)
  if (left !== '') parts.push(left)
  return parts.length === 0 ? '' : `${parts.join('\n\n')}\n`
}
