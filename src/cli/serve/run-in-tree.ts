// How runs of a served tree are started: with the flags of the daemon, its store, and an environment without what is the daemon's own.
import { join } from 'node:path'
import type { RunEventCause } from '../../event.js'
import { systemClock } from '../../util/clock.js'
import type { CommandInput } from '../command.js'
import { flagWords } from '../command-line.js'
import { eventVariable, type Environment } from '../process-context.js'
import type { Project } from '../project.js'
import { runChild } from './child-run.js'
import type { ServedTree } from './served-tree.js'

/** Every child takes these as they were given. */
const HANDED_ON = [
  'trustRepo',
  'extendedEarlyExit',
  'ttl',
  'cache',
  'noCache',
  'trustZone',
  'trustZoneRead',
  'leaseWait',
  'initStore',
] as const

/** Who knows the daemon's own secrets may start runs: what it runs may not. */
export function environmentOfRuns(all: Environment): Environment {
  const {
    TRUEUP_TOKEN: _token,
    TRUEUP_QUEUE: _queue,
    TRUEUP_HOOK_SECRET: _secret,
    TRUEUP_EVENT: _event,
    ...environment
  } = all
  return environment
}

/** @param event - why the run was asked for, for its record */
export type RunChildIn = (
  served: ServedTree,
  args: readonly string[],
  signal: AbortSignal,
  event?: RunEventCause | null,
) => ReturnType<typeof runChild>

export function childOf({ context, settings }: CommandInput, project: Project, storeUrl: string): RunChildIn {
  const environment = environmentOfRuns(context.environment)
  const handedOn = flagWords(HANDED_ON, settings)
  return (served, [command = '', ...args], signal, event = null) => {
    const own = command === 'run' ? handedOn : flagWords(['trustRepo'], settings)
    const words = ['--committed', '-o', 'json', '--log-format', 'json', '--store', storeUrl, ...served.configWords]
    return runChild({
      program: join(project.tool.root, 'bin', 'trueup.js'),
      args: [command, ...args, ...words, ...own],
      directory: served.directory,
      environment: event === null ? environment : { ...environment, ...eventVariable(event) },
      signal,
      clock: systemClock,
    })
  }
}
