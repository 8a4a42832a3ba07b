// Desired states for commands that look at them without a run: sessions of targets, and the log of their authors. Plans and writes nothing.
import type { Snapshot } from '../desired/source.js'
import type { Base } from '../early-exit/compare-revisions.js'
import { createLogReporter } from '../report/log-reporter.js'
import { openSession, type RunSession } from '../run-session.js'
import { systemClock } from '../util/clock.js'
import { logFormatOf, logLevelOf, styleOf } from './appearance.js'
import type { CommandInput } from './command.js'
import type { TargetConfig } from './config-targets.js'
import { holdPrints } from './held-prints.js'
import { openTarget, type TargetReference } from './open-target.js'
import { isCi } from './process-context.js'
import { openProject, type Project } from './project.js'
import { listenForStop, type StopSignals } from './stop-signals.js'
import { shareOf, wireRun } from './wiring.js'

export interface Reading {
  readonly project: Project
  readonly head: Snapshot
  readonly signals: StopSignals
  /** Says it once, on stderr. */
  readonly warn: (message: string) => void
  readonly referenceOf: (target: TargetConfig) => TargetReference
  /** Ended with the reading. */
  readonly session: (target: TargetConfig, base?: Extract<Base, { kind: 'found' }>) => Promise<RunSession>
}

/** Opens the project and its head for `work`, and closes everything. */
export async function reading<T>(input: CommandInput, work: (reading: Reading) => Promise<T>): Promise<T> {
  const { context } = input
  const { output } = context
  const style = styleOf(context, input.settings, 'stderr')
  const told = new Set<string>()
  const warn = (message: string): void => {
    if (told.has(message)) return
    told.add(message)
    output.err(`${style.yellow('trueup: warning:')} ${style.data(context.redactor.text(message))}\n`)
  }
  const tell = (text: string): void => {
    output.err(`${text}\n`)
  }
  const signals = listenForStop({
    onStop: (message) => {
      tell(`trueup: ${message}`)
    },
  })
  const held = holdPrints(context)
  const project = await openProject(context, input.settings, { signal: signals.giveUp, warn, authored: held.authored })
  const { settings } = project
  const closers: (() => PromiseLike<void> | void)[] = []
  try {
    const head = await project.repository.head({ committed: settings.committed.value })
    closers.push(() => head[Symbol.asyncDispose]())
    const referenceOf = (target: TargetConfig): TargetReference => ({
      project,
      target,
      params: Object.fromEntries(settings.params.value.map(({ name, value }) => [name, value])),
      ci: isCi(context.environment),
    })
    const shared = shareOf(project, false)
    closers.push(() => {
      shared.guard.uninstall()
    })
    return await work({
      project,
      head,
      signals,
      warn,
      referenceOf,
      async session(target, base) {
        const reference = referenceOf(target)
        const reporter = await createLogReporter({
          write: tell,
          format: logFormatOf(context, settings),
          level: logLevelOf(settings),
          style,
          showTarget: true,
          clock: systemClock,
        })
        const confirm = (): Promise<boolean> => Promise.resolve(false)
        const { redactor } = context
        const deps = wireRun({ context, project, reporter, signals, shared, redactor, reference, confirm, printed: [] })
        const authored = context.capture.forRun({ target: target.name, reporter, clock: systemClock })
        const opened = await openTarget(reference, {
          head,
          base: base?.snapshot,
          mode: 'dry-run',
          environment: context.environment,
          authored,
        })
        const request = readingRequest(target.name, settings)
        const session = await openSession({ deps, request, runId: deps.newId(), head, target: opened, authored, base })
        closers.push(() => session.end())
        return session
      },
    })
  } finally {
    held.tell()
    for (const close of closers.reverse()) await close()
    signals.close()
    await project.repository.close()
  }
}

/** A dry run that is never made: what comparing needs of a request. */
function readingRequest(target: string, settings: Project['settings']): RunSession['request'] {
  return {
    target,
    mode: 'dry-run',
    base: settings.compareWith.value ?? null,
    requireCompare: settings.requireCompare.value,
    committed: settings.committed.value,
    force: false,
    shards: [],
    overrides: {},
    expectPlan: null,
    savedPlan: null,
    initStore: false,
    detailedExitcode: false,
    command: target,
  }
}
