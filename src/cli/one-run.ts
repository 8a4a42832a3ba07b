// One run, as several commands do it: wired, run, its log on stderr. In: target, request and what the runs of a command share. Out: its record.
// Must not: write to stdout, or decide an exit code.
import type { LimitCheck, LogRecord, PlanData, Reporter, RunRecord } from '../event.js'
import { createLogReporter } from '../report/log-reporter.js'
import { createRedactor, type Redactor } from '../report/redact.js'
import { runOnce } from '../run.js'
import type { RunDependencies, RunRequest } from '../run-types.js'
import { systemClock } from '../util/clock.js'
import { logFormatOf, logLevelOf, styleOf } from './appearance.js'
import type { CommandInput } from './command.js'
import type { TargetConfig } from './config-targets.js'
import { isCi } from './process-context.js'
import type { Project } from './project.js'
import type { StopSignals } from './stop-signals.js'
import { wireRun, type Shared } from './wiring.js'

export interface Performance {
  /** As it was typed, or as it would be for this target alone. */
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

/** Writes the log of one or several targets to stderr. */
export function logReporterOf({
  input: { context, settings: given },
  project: { settings },
  showTarget,
}: Pick<Performance, 'input' | 'project'> & { readonly showTarget: boolean }): Promise<Reporter> {
  return createLogReporter({
    write: (text) => {
      context.output.err(`${text}\n`)
    },
    writeLines: (lines) => {
      context.output.err(lines)
    },
    format: logFormatOf(context, settings),
    level: logLevelOf(settings),
    style: styleOf(context, given, 'stderr'),
    showTarget,
    replay: settings.replay.value,
    clock: systemClock,
  })
}

/** What the run needs, with a redactor of its own: what it reads of secrets is also hidden in what the process says besides. */
export function dependenciesOf(performance: Performance, shared: Shared, reporter: Reporter): RunDependencies {
  const { input, project, signals, target, request } = performance
  const { context, settings } = input
  return wireRun({
    context,
    project,
    reporter,
    signals,
    shared,
    redactor: redactorOfRun(context.redactor),
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
}

/** The run itself; a failure is in its record. */
export async function recordOf(performance: Performance, shared: Shared, reporter: Reporter): Promise<RunRecord> {
  return runOnce(dependenciesOf(performance, shared, reporter), performance.request)
}

export function applyCommandOf({ command, commands }: RunRequest): string {
  return commands?.apply ?? `trueup apply ${command}`
}

/** Whether an apply shows its plan and waits for a yes. */
export function asksFirst({ context, settings }: CommandInput): boolean {
  return !settings.yes.value && context.stdinIsTerminal
}

function redactorOfRun(process: Redactor): Redactor {
  const own = createRedactor()
  return {
    register(value) {
      process.register(value)
      return own.register(value)
    },
    text: (text) => own.text(text),
    json: (value) => own.json(value),
    value: (value) => own.value(value),
    name: (text) => own.name(text),
    once: (value, hide) => own.once(value, hide),
    get isIdle() {
      return own.isIdle
    },
  }
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
  if (!asksFirst(input)) return true
  const { planText } = await import('../report/text-plan.js')
  const style = styleOf(context, settings, 'stderr')
  context.output.err(
    `${planText({ target: request.target, integration, plan, limits, mode: 'apply', applyCommand: applyCommandOf(request), style })}\n`,
  )
  const { question } = await import('./question.js')
  const answer = await question(context.output, '\nApply exactly this plan? Type yes: ')
  return answer.trim().toLowerCase() === 'yes'
}
