// What the command line knows of the process it runs in: the one place that reads it. Handed on as plain values.
import { hostname, userInfo } from 'node:os'
import { readFileSync, readlinkSync } from 'node:fs'
import type { RunActor } from '../event.js'
import type { LeaseHolder } from '../store/lease-documents.js'
import type { Redactor } from '../report/redact.js'
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
  /** Of this command: takes what was read of secrets out of everything that is told. */
  readonly redactor: Redactor
}

/** `CI` as every CI system sets it; `CI=false` is how people switch it off. */
export function isCi(environment: Environment): boolean {
  const value = environment['CI']
  return value !== undefined && value !== '' && value !== 'false' && value !== '0'
}

/** Who started this run, as far as GitHub Actions, GitLab CI, Jenkins or the operating system tell. */
export function actorOf(environment: Environment, tool: Tool): RunActor {
  const first = (...names: string[]): string | null =>
    names.map((name) => environment[name]).find((value) => value !== undefined && value !== '') ?? null
  const github = first('GITHUB_SERVER_URL')
  const url =
    github !== null && first('GITHUB_RUN_ID') !== null
      ? `${github}/${first('GITHUB_REPOSITORY') ?? ''}/actions/runs/${first('GITHUB_RUN_ID') ?? ''}`
      : first('CI_JOB_URL', 'BUILD_URL')
  return {
    actor: first('GITHUB_ACTOR', 'GITLAB_USER_LOGIN', 'BUILD_USER_ID') ?? userName(),
    url,
    host: hostname(),
    tool: `trueup/${tool.version} node/${process.versions.node}`,
  }
}

function userName(): string | null {
  try {
    return userInfo().username
  } catch {
    return null
  }
}

/** This process, told apart from a later one with the same pid by its start time. */
export function thisProcess(): Pick<LeaseHolder, 'pid' | 'processStart'> {
  return { pid: process.pid, processStart: startOf(process.pid) }
}

/** Whether the process that held a lease is one of this host, and gone. When in doubt it is not: its lease expires. */
export function isDead(holder: LeaseHolder): boolean {
  const [boot, space, start] = holder.processStart.split('/')
  const [ownBoot, ownSpace] = startOf(process.pid).split('/')
  // Two machines may have one name, and two containers one machine: only pids of the same boot and namespace can be compared.
  if (holder.host !== hostname() || boot !== ownBoot || space !== ownSpace) return false
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
  const now = startOf(holder.pid).split('/')
  if (now.length < 3 || start === undefined) return false
  return now[2] !== start || now[3] === 'Z'
}

/** Boot id, pid namespace, start time in clock ticks since boot, and `Z` for a zombie; where the system tells (Linux), empty elsewhere. */
function startOf(pid: number): string {
  try {
    // The name, in parentheses, may hold spaces: fields are counted behind it (proc(5): starttime is field 22).
    const fields = readFileSync(`/proc/${String(pid)}/stat`, 'utf8')
      .replace(/^.*\)/s, '')
      .trim()
      .split(' ')
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const space = readlinkSync('/proc/self/ns/pid').replace(/\D/g, '')
    return `${boot}/${space}/${fields[19] ?? ''}${fields[0] === 'Z' ? '/Z' : ''}`
  } catch {
    return ''
  }
}
