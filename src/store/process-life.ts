// This process, and whether another one of this host is gone: what leases and claims are judged by before they expire. Reads /proc; stops nothing.
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

export interface ProcessIdentity {
  readonly pid: number
  /** Where and when it started, as text; empty where the system does not tell. */
  readonly processStart: string
}

/** This process, told apart from a later one with the same pid by its start time. */
export function thisProcess(): ProcessIdentity {
  return { pid: process.pid, processStart: startOf(process.pid) }
}

/** Whether a process that holds something in the store is one of this host, and gone. When in doubt it is not: what it holds expires. */
export function isDead(holder: ProcessIdentity & { readonly host: string }): boolean {
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
