// How runs of a served tree are started: with the flags of the daemon, its store, and an environment without what is the daemon's own.
import { join } from 'node:path'
import type { RunEventCause } from '../../event.js'
import { systemClock } from '../../util/clock.js'
import type { CommandInput } from '../command.js'
import { flagWords } from '../command-line.js'
import { channelVariable, eventVariable, type Environment } from '../process-context.js'
import type { Project } from '../project.js'
import { runChild, type ChildResult, type Talk } from './child-run.js'
import type { ServedTree } from './served-tree.js'

/** Every child takes these as they were given. */
const HANDED_ON = ['trustRepo', 'trustZone', 'trustZoneRead', 'leaseWait', 'initStore'] as const
/** Of these a child would say that they do nothing, each time, where the cache was not asked for. */
const OF_CACHE = ['extendedEarlyExit', 'ttl', 'cache', 'noCache'] as const

/** Who knows the daemon's own secrets may start runs: what it runs may not. */
export function environmentOfRuns(all: Environment): Environment {
  const {
    TRUEUP_TOKEN: _token,
    TRUEUP_QUEUE: _queue,
    TRUEUP_HOOK_SECRET: _secret,
    TRUEUP_EVENT: _event,
    TRUEUP_ANSWERS: _answers,
    ...environment
  } = all
  return environment
}

/** Of a run alone. */
export interface ForRun {
  /** Why it was asked for, for its record. */
  readonly event: RunEventCause | null
  /** What is done with what it says. */
  readonly talk: Talk
}

export type RunChildIn = (
  served: ServedTree,
  args: readonly string[],
  signal: AbortSignal,
  run?: ForRun,
) => Promise<ChildResult>

export function childOf({ context, settings }: CommandInput, project: Project, storeUrl: string): RunChildIn {
  const environment = environmentOfRuns(context.environment)
  const handedOn = flagWords(settings.extendedEarlyExit.value ? [...HANDED_ON, ...OF_CACHE] : HANDED_ON, settings)
  return (served, [command = '', ...args], signal, run) => {
    const own = command === 'run' ? handedOn : flagWords(['trustRepo'], settings)
    const words = ['--committed', '-o', 'json', '--log-format', 'json', '--store', storeUrl, ...served.configWords]
    return runChild({
      program: join(project.tool.root, 'bin', 'trueup.js'),
      args: [command, ...args, ...words, ...own],
      directory: served.directory,
      environment: run === undefined ? environment : { ...environment, ...variablesOf(run) },
      signal,
      talk: run?.talk,
      clock: systemClock,
    })
  }
}

function variablesOf({ event }: ForRun): Environment {
  return { ...channelVariable(), ...(event === null ? {} : eventVariable(event)) }
}
