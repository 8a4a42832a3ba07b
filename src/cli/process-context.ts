// What the command line knows of the process it runs in: the one place that reads it. Handed on as plain values.
import { hostname, userInfo } from 'node:os'
import type { RunActor, RunEventCause } from '../event.js'
import type { Capture } from '../report/capture.js'
import type { Redactor } from '../report/redact.js'
import { isRecord } from '../util/is-record.js'
import type { Output } from './output.js'
import type { Tool } from './tool.js'

export type Environment = Readonly<Record<string, string | undefined>>

export interface ProcessContext {
  readonly argv: readonly string[]
  readonly environment: Environment
  readonly cwd: string
  readonly stdoutIsTerminal: boolean
  readonly stderrIsTerminal: boolean
  readonly stdinIsTerminal: boolean
  readonly columns: number
  readonly output: Output
  /** Keeps what author code prints from stdout, which is data. */
  readonly capture: Capture
  /** Of this command: takes what was read of secrets out of everything that is told. */
  readonly redactor: Redactor
}

/** `CI` as every CI system sets it; `CI=false` is how people switch it off. */
export function isCi(environment: Environment): boolean {
  const value = environment['CI']
  return value !== undefined && value !== '' && value !== 'false' && value !== '0'
}

/** Who started this run, as far as GitHub Actions, GitLab CI, Jenkins or the operating system tell. Of one system only: a runner may carry variables of another. */
export function actorOf(environment: Environment, tool: Tool): RunActor {
  return {
    ...startedBy(environment),
    host: hostname(),
    tool: `trueup/${tool.version} node/${process.versions.node}`,
    ...startedSince(environment),
  }
}

/** What a daemon tells its runs of an event, in a variable. */
export function eventVariable(event: RunEventCause): Environment {
  return { TRUEUP_EVENT: JSON.stringify(event) }
}

/** From a run to the daemon that started it. */
export interface DaemonChannel {
  /** What comes, until it is over; after that nothing does. */
  listen(heard: (message: unknown) => void, over: () => void): void
  send(message: object, failed: () => void): void
  /** Whether the process waits for something that comes. @defaultValue false */
  hold(isAwaited: boolean): void
}

/** What a daemon tells its runs of the channel to it: whose it is. Their own children inherit the variable, and are not its. */
export function channelVariable(): Environment {
  return { TRUEUP_ANSWERS: String(process.pid) }
}

/** To the daemon, in a process that it has started for a run. Any other parent with a channel is none. */
export function channelToDaemon({ TRUEUP_ANSWERS: daemon }: Environment): DaemonChannel | undefined {
  const { channel } = process
  if (daemon !== String(process.ppid) || channel === undefined || !process.connected) return undefined
  Reflect.deleteProperty(process.env, 'TRUEUP_ANSWERS')
  return {
    listen(heard, over) {
      process.on('message', heard)
      process.once('disconnect', over)
      channel.unref()
    },
    send(message, failed) {
      // It throws nothing where the channel is closed: that is told to the function.
      process.send?.(message, undefined, undefined, (error) => {
        if (error !== null) failed()
      })
    },
    hold(isAwaited) {
      if (isAwaited) channel.ref()
      else channel.unref()
    },
  }
}

function startedSince({ TRUEUP_EVENT: text = '' }: Environment): Pick<RunActor, 'event'> {
  try {
    const value: unknown = JSON.parse(text)
    if (!isRecord(value) || typeof value['reason'] !== 'string') return {}
    const textOf = (name: string): string | null => (typeof value[name] === 'string' ? value[name] : null)
    return { event: { reason: value['reason'], by: textOf('by'), key: textOf('key') } }
  } catch {
    return {}
  }
}

function startedBy(environment: Environment): Pick<RunActor, 'actor' | 'url'> {
  const first = (...names: string[]): string | null =>
    names.map((name) => environment[name]).find((value) => value !== undefined && value !== '') ?? null
  const server = first('GITHUB_SERVER_URL')
  const runId = first('GITHUB_RUN_ID')
  if (server !== null && runId !== null) {
    const attempt = first('GITHUB_RUN_ATTEMPT')
    // Who started this attempt: GITHUB_ACTOR stays the one who started the first.
    return {
      actor: first('GITHUB_TRIGGERING_ACTOR', 'GITHUB_ACTOR') ?? userName(),
      url: `${server}/${first('GITHUB_REPOSITORY') ?? ''}/actions/runs/${runId}${attempt === null || attempt === '1' ? '' : `/attempts/${attempt}`}`,
    }
  }
  if (first('GITLAB_CI') !== null || first('CI_JOB_URL') !== null)
    return { actor: first('GITLAB_USER_LOGIN', 'GITLAB_USER_NAME') ?? userName(), url: first('CI_JOB_URL') }
  // Jenkins tells the person only where its user-variables plugin is installed, and of a pull request its author.
  if (first('BUILD_URL') !== null)
    return { actor: first('BUILD_USER_ID', 'CHANGE_AUTHOR') ?? userName(), url: first('BUILD_URL') }
  return { actor: userName(), url: null }
}

function userName(): string | null {
  try {
    return userInfo().username
  } catch {
    return null
  }
}

/** The AWS SDK tells on stderr that Node 20 is old, in five lines, at its own first use: it would get into what a run logs. */
export function silenceAwsNotice(): void {
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true'
}

export { isDead, thisProcess } from '../store/process-life.js'
