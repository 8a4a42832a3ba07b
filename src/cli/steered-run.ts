// The commands that plan something else than the desired state (undo, destroy, owned adopt), as one run each. Constructs the request.
import type { RunMode } from '../event.js'
import type { RunRequest } from '../run-types.js'
import { styleOf } from './appearance.js'
import type { CommandInput } from './command.js'
import { placeFlags } from './command-line.js'
import { performRun } from './commands/run.js'
import type { TargetConfig } from './config-targets.js'
import { expectedPlan } from './expected-plan.js'
import { holdPrints } from './held-prints.js'
import { openProject, type Project } from './project.js'
import { listenForStop } from './stop-signals.js'

export interface SteeredRun {
  readonly target: TargetConfig
  readonly params?: Readonly<Record<string, string>>
  readonly instead: NonNullable<RunRequest['instead']>
  readonly commands: NonNullable<RunRequest['commands']>
  /** @defaultValue a dry run, unless --apply was given */
  readonly mode?: RunMode
  readonly isConfirmed?: boolean
}

/** Opens the project, asks what to run, runs and reports it; gives its exit code. */
export async function steeredCommand(
  input: CommandInput,
  prepare: (project: Project) => Promise<SteeredRun>,
): Promise<number> {
  const { context } = input
  const style = styleOf(context, input.settings, 'stderr')
  const signals = listenForStop({
    onStop: (message) => {
      context.output.err(`trueup: ${message}\n`)
    },
  })
  const held = holdPrints(context)
  const project = await openProject(context, input.settings, {
    signal: signals.giveUp,
    authored: held.authored,
    warn: (message) => {
      context.output.err(`${style.yellow('trueup: warning:')} ${style.data(message)}\n`)
    },
  })
  try {
    const { settings } = project
    if (settings.timeout.value !== undefined) signals.endAfter(settings.timeout.value)
    const { target, params, instead, commands, isConfirmed, ...given } = await prepare(project)
    const asked: RunMode = settings.apply.value || settings.noDryRun.value ? 'apply' : 'dry-run'
    const request: RunRequest = {
      target: target.name,
      mode: given.mode ?? asked,
      base: null,
      requireCompare: false,
      committed: false,
      force: true,
      shards: [],
      overrides: {
        ...(settings.maxDeletes.value === undefined ? {} : { maxDeletes: settings.maxDeletes.value }),
        ...(settings.maxChanges.value === undefined ? {} : { maxChanges: settings.maxChanges.value }),
        ...(settings.allowEmpty.value ? { allowEmpty: true } : {}),
      },
      expectPlan: expectedPlan(input, settings.expectPlan.value ?? null),
      savedPlan: null,
      initStore: settings.initStore.value,
      leaseWaitMs: settings.leaseWait.value,
      detailedExitcode: false,
      command: target.name,
      place: placeFlags(input),
      commands,
      instead,
    }
    return await performRun({
      input,
      project,
      signals,
      target,
      request,
      printed: held.take(),
      ...(params === undefined ? {} : { params }),
      ...(isConfirmed === undefined ? {} : { isConfirmed }),
    })
  } finally {
    held.tell()
    signals.close()
    await project.repository.close()
  }
}
