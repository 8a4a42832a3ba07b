// How runs of a served tree are started: with the flags of the daemon, its store, and an environment without what is the daemon's own.
import { join } from 'node:path'
import { systemClock } from '../../util/clock.js'
import type { CommandInput } from '../command.js'
import { flagWords } from '../command-line.js'
import { channelVariable, type Environment } from '../process-context.js'
import type { Project } from '../project.js'
import { runChild, type ChildResult, type Talk } from './child-run.js'
import type { HeardEvents } from './events.js'
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
    TRUEUP_ANSWERS: _answers,
    ...environment
  } = all
  return environment
}

interface ForRuns {
  readonly storeUrl: string
  readonly heard: HeardEvents
}
/** @param talk - of runs alone: what is done with what they say */
export type RunChildIn = (
  served: ServedTree,
  args: readonly string[],
  signal: AbortSignal,
  talk?: Talk,
) => Promise<ChildResult>

export function childOf(
  { context, settings }: CommandInput,
  project: Project,
  { storeUrl, heard }: ForRuns,
): RunChildIn {
  const environment = environmentOfRuns(context.environment)
  const handedOn = flagWords(HANDED_ON, settings)
  return (served, [command = '', ...args], signal, talk) => {
    const own = command === 'run' ? handedOn : flagWords(['trustRepo'], settings)
    const words = ['--committed', '-o', 'json', '--log-format', 'json', '--store', storeUrl, ...served.configWords]
    return runChild({
      program: join(project.tool.root, 'bin', 'trueup.js'),
      args: [command, ...args, ...words, ...own],
      directory: served.directory,
      environment:
        command === 'run'
          ? { ...environment, ...heard.variableOf(args[0] ?? ''), ...(talk === undefined ? {} : channelVariable()) }
          : environment,
      signal,
      talk,
      clock: systemClock,
    })
  }
}
