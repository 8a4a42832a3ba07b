// plan, apply and run of several targets: side by side under one budget, logs that say whose they are, one summary, the worst exit code.
import { setMaxListeners } from 'node:events'
import type { Reporter, RunRecord } from '../event.js'
import { worstExitCode } from '../exit-codes.js'
import { savePlan, savedPlansText, type SavedPlan } from '../reconcile/saved-plan.js'
import { manySummary } from '../report/many-summary.js'
import { redactEvent, redactRecord } from '../report/redact-run.js'
import { refusedRun, runMany } from '../run-many.js'
import type { RunRequest } from '../run-types.js'
import { unlessAborted } from '../util/unless-aborted.js'
import { logFormatOf, styleOf } from './appearance.js'
import type { CommandInput } from './command.js'
import { requestOf } from './commands/run.js'
import type { HeldPrints } from './held-prints.js'
import { asksFirst, dependenciesOf, logReporterOf, recordOf } from './one-run.js'
import { plainForm } from './print.js'
import type { Project } from './project.js'
import { fileKeeper, plannedShards, refuseUnwritable, runText, tellError, type EndedRun } from './run-forms.js'
import { selectTargets, type Selected } from './select-targets.js'
import type { StopSignals } from './stop-signals.js'
import { shareOf } from './wiring.js'

export interface ManyInput {
  readonly input: CommandInput
  readonly project: Project
  readonly signals: StopSignals
  readonly held: HeldPrints
  /** Of a file, to be applied; empty where targets were chosen. */
  readonly plans: readonly SavedPlan[]
}

export async function manyRuns(many: ManyInput): Promise<number> {
  const { signals, project } = many
  const selected = await unlessAborted(selectTargets(many), signals.stop)
  await refuseUnwritable(project)
  // All runs listen.
  setMaxListeners(0, signals.stop, signals.giveUp)
  const ended = await runAll(many, selected)
  return report(many, ended)
}

async function runAll(
  { input, project, signals, plans }: ManyInput,
  selected: readonly Selected[],
): Promise<EndedRun[]> {
  const { redactor } = input.context
  const shared = shareOf(project, true)
  const log = await logReporterOf({ input, project, showTarget: true })
  // What one run read of secrets is hidden in what the others say, too: in their logs at once, in their records at the end.
  const reporter: Reporter = {
    report: (event) => {
      log.report(redactEvent(redactor, event))
    },
  }
  const requests = selected.map(({ input: own, target }): RunRequest =>
    requestOf(own, project, { target, savedPlan: plans.find((plan) => plan.target === target.name) ?? null }),
  )
  const runs = selected.map(({ input: own, target, printed }, at) => {
    const request = requests[at] as RunRequest
    const performance = { input: own, project, signals, target, request, printed }
    return {
      name: target.name,
      after: target.after,
      run: (): Promise<RunRecord> => recordOf(performance, shared, reporter),
      refuse: (error: Parameters<typeof refusedRun>[2]): RunRecord =>
        refusedRun(dependenciesOf(performance, shared, reporter), request, error),
    }
  })
  const isApply = requests.some(({ mode }) => mode === 'apply')
  // What is in a file was approved.
  const oneAtATime = isApply && plans.length === 0 && asksFirst(input)
  const records = await runMany(runs, { budget: shared.budget, oneAtATime })
  shared.guard.uninstall()
  return selected.map(({ input: own }, at) => ({
    input: own,
    record: redactRecord(redactor, records[at] as RunRecord),
    request: requests[at] as RunRequest,
  }))
}

async function report({ input, project }: ManyInput, ended: readonly EndedRun[]): Promise<number> {
  const { context, settings } = input
  const exitCode = worstExitCode(ended.map(({ record }) => record.exitCode))
  const form = plainForm(settings)
  context.output.out(await rendered(input, ended, exitCode, form))
  if (form !== 'text' && logFormatOf(context, settings) === 'pretty') ended.forEach(tellError)
  const files = fileKeeper(input, project)
  for (const { format, file } of settings.reports.value)
    await files.keep(file, await rendered(input, ended, exitCode, format))
  if (settings.out.value !== undefined)
    await keepPlans(input, ended, (text) => files.keep(String(settings.out.value), text))
  return files.hasFailed && (exitCode === 0 || exitCode === 2) ? 1 : exitCode
}

async function keepPlans(
  { context, settings }: CommandInput,
  ended: readonly EndedRun[],
  keep: (text: string) => Promise<void>,
): Promise<void> {
  const plans = ended.flatMap((run) => savePlan(run.record, plannedShards(run)) ?? [])
  const without = ended.filter(({ record }) => record.plan === null).map(({ record }) => record.run.target)
  const file = String(settings.out.value)
  if (without.length > 0)
    context.output.err(
      `trueup: there is no plan to keep of ${without.join(', ')} (skipped, or ended before one)${plans.length === 0 ? `; ${file} was not written` : ''}\n`,
    )
  if (plans.length > 0) await keep(savedPlansText(plans))
}

async function rendered(
  input: CommandInput,
  ended: readonly EndedRun[],
  exitCode: number,
  form: 'text' | 'json' | 'markdown',
): Promise<string> {
  const records = ended.map(({ record }) => record)
  if (form === 'json') {
    const { formatJson, runJson } = await import('../report/run-json.js')
    return formatJson(runJson(records, exitCode))
  }
  if (form === 'markdown') {
    const { manyMarkdown } = await import('../report/many-markdown.js')
    return manyMarkdown(ended.map(({ record, request }) => ({ record, command: request.command })))
  }
  const parts: string[] = []
  for (const run of ended) {
    const { out, error } = await runText(run)
    if (error !== '') input.context.output.err(`${named(run.record.run.target, error)}\n`)
    // What has nothing to show has a line in the summary.
    if (out !== '' && !isQuiet(run.record)) parts.push(out)
  }
  parts.push(manySummary(records, styleOf(input.context, input.settings, 'stdout')))
  return `${parts.join('\n\n')}\n`
}

/** An error that does not say so itself is told to be this target's. */
function named(target: string, error: string): string {
  return error.includes(target) ? error : error.replace('trueup:', `trueup: ${target}:`)
}

function isQuiet({ decision, plan, outcomes, limits }: RunRecord): boolean {
  if (decision.action === 'skip') return true
  return outcomes.length === 0 && (plan?.changes.length ?? 0) === 0 && !limits.some(({ blocked }) => blocked)
}
