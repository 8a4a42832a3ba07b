// plan, apply and run: which targets are meant, and one run of one target with its reports and its exit code. Several: many-runs.ts.
import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { TrueupError } from '../../errors.js'
import { parseSavedPlans, savedPlansText, savePlan, type SavedPlan } from '../../reconcile/saved-plan.js'
import type { RunRequest } from '../../run-types.js'
import { inPlace } from '../../util/budget.js'
import { unlessAborted } from '../../util/unless-aborted.js'
import { logFormatOf, styleOf } from '../appearance.js'
import { cacheRequest, uselessCacheFlag } from '../cache-request.js'
import type { CommandInput } from '../command.js'
import { commandLine, placeFlags } from '../command-line.js'
import type { TargetConfig } from '../config-targets.js'
import { isBundleOf } from '../data-queries.js'
import { expectedPlan } from '../expected-plan.js'
import { holdPrints } from '../held-prints.js'
import { targetOf } from '../load-target.js'
import { logReporterOf, recordOf, type Performance } from '../one-run.js'
import { plainForm } from '../print.js'
import { channelToDaemon } from '../process-context.js'
import { openProject, type Project } from '../project.js'
import {
  fileKeeper,
  plannedShards,
  refuseUnwritable,
  runMarkdown,
  runText,
  tellError,
  type EndedRun,
} from '../run-forms.js'
import { listenForStop } from '../stop-signals.js'
import { shareOf, type Shared } from '../wiring.js'

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
    const useless = uselessCacheFlag(settings)
    if (useless !== undefined) warn(useless)
    if (settings.timeout.value !== undefined) signals.endAfter(settings.timeout.value)
    const [name = ''] = input.positionals
    const isMany = isManyForm(input)
    const plans = command === 'apply' && !isMany ? await savedPlansIn(project, name) : []
    if (isMany || plans.length > 1) {
      const { manyRuns } = await import('../many-runs.js')
      return await manyRuns({ input, project, signals, held, plans })
    }
    const savedPlan = plans[0] ?? null
    const target = await unlessAborted(targetOf(project, savedPlan?.target ?? name), signals.stop)
    await refuseUnwritable(project)
    const request = requestOf(input, project, { target, savedPlan })
    return await performRun({ input, project, signals, target, request, printed: held.take() })
  } finally {
    held.tell()
    signals.close()
    await project.repository.close()
  }
}

/** Whether the form for several targets was typed, however many they are. */
function isManyForm({ positionals, settings }: CommandInput): boolean {
  return positionals.length !== 1 || settings.allTargets.value || settings.labels.value.length > 0
}

/** What is asked of one target. `input` is as typed, or as it would be for this target alone. */
export function requestOf(
  input: CommandInput,
  project: Project,
  { target, savedPlan }: { readonly target: TargetConfig; readonly savedPlan: SavedPlan | null },
): RunRequest {
  const { settings } = project
  const { command } = input
  const apply = command === 'apply' || (command === 'run' && (settings.apply.value || settings.noDryRun.value))
  return {
    target: target.name,
    mode: apply ? 'apply' : 'dry-run',
    base: settings.compareWith.value ?? null,
    isBaseBundle: isBundleOf(target, settings.compareWith.value ?? null),
    requireCompare: settings.requireCompare.value,
    committed: settings.committed.value,
    force: settings.force.value || savedPlan !== null,
    shards: savedPlan?.shards ?? settings.shards.value,
    onlyAffected: savedPlan === null && settings.onlyAffected.value,
    overrides: {
      ...(settings.maxDeletes.value === undefined ? {} : { maxDeletes: settings.maxDeletes.value }),
      ...(settings.maxChanges.value === undefined ? {} : { maxChanges: settings.maxChanges.value }),
      ...(settings.allowEmpty.value ? { allowEmpty: true } : {}),
      ...(settings.allowNotConverging.value ? { allowNotConverging: true } : {}),
    },
    expectPlan: expectedPlan(input, settings.expectPlan.value ?? null),
    savedPlan,
    initStore: settings.initStore.value,
    leaseWaitMs: settings.leaseWait.value,
    detailedExitcode:
      settings.detailedExitcode.value === 'change' ? 'change' : settings.detailedExitcode.value !== 'off',
    command: commandLine(target.name, input),
    ...cacheRequest(project, target),
    place: placeFlags(input),
  }
}

/** One run with its log on stderr and its result on stdout; gives its exit code. */
export async function performRun(performance: Performance): Promise<number> {
  const { input, project, request } = performance
  const shared = { ...shareOf(project, false), ...(await answersOf(performance)) }
  const reporter = await logReporterOf({ input, project, showTarget: false })
  const record = await inPlace(shared.budget, () => recordOf(performance, shared, reporter))
  shared.guard.uninstall()
  const told = await report({ input, record, request }, project)
  return told || (record.exitCode !== 0 && record.exitCode !== 2) ? record.exitCode : 1
}

/** In a run of a daemon: answers that its other runs have. */
async function answersOf({ input: { context }, signals }: Performance): Promise<Pick<Shared, 'sharedAnswers'>> {
  const channel = channelToDaemon(context.environment)
  if (channel === undefined) return {}
  const { answersOfDaemon } = await import('../serve/answers-of-daemon.js')
  return { sharedAnswers: (isSecret) => answersOfDaemon({ channel, isSecret, stop: signals.stop }) }
}

/** `trueup apply plan.json`: a file that exists and is called like one; a target's name never ends so. */
async function savedPlansIn(project: Project, name: string): Promise<readonly SavedPlan[]> {
  const file = resolve(project.workingDirectory, name)
  const looksLikeFile = name.endsWith('.json') || name.includes('/')
  if (!looksLikeFile || /\.[mc]?[jt]s$/.test(name)) return []
  if ((await stat(file).catch(() => undefined))?.isFile() !== true) {
    throw new TrueupError('usage', `there is no saved plan ${name}. Make one with: trueup plan <target> --out ${name}`)
  }
  return parseSavedPlans(await readFile(file, 'utf8'), name)
}

/** @returns false when something that was asked for could not be written; what was done is done all the same */
async function report(ended: EndedRun, project: Project): Promise<boolean> {
  const { input, record } = ended
  const { settings, context } = input
  const form = plainForm(settings)
  context.output.out(await rendered(ended, form))
  // JSON logs tell an error as they tell everything.
  if (form !== 'text' && logFormatOf(context, settings) === 'pretty') tellError(ended)
  const files = fileKeeper(input, project)
  for (const { format, file } of settings.reports.value) await files.keep(file, await rendered(ended, format))
  if (settings.out.value !== undefined) {
    const saved = savePlan(record, plannedShards(ended))
    if (saved === undefined) {
      context.output.err(
        `trueup: there is no plan to keep (the run was ${record.decision.action === 'skip' ? 'skipped; --force plans all the same' : 'ended before one'}); ${settings.out.value} was not written\n`,
      )
    } else await files.keep(settings.out.value, savedPlansText([saved]))
  }
  return !files.hasFailed
}

async function rendered(ended: EndedRun, form: 'text' | 'json' | 'markdown'): Promise<string> {
  const { input, record } = ended
  if (form === 'json') {
    const { formatJson, runJson } = await import('../../report/run-json.js')
    return formatJson(runJson([record], record.exitCode))
  }
  if (form === 'markdown') return runMarkdown(ended)
  const { out, error } = await runText(ended)
  if (error !== '') input.context.output.err(`${error}\n`)
  return out === '' ? '' : `${out}\n`
}
