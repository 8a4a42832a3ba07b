// In: things to time. Out: their medians and ratios. Rounds are interleaved (A B A B …), so that a busy moment meets both sides alike;
// what is compared is always two medians of one measurement, never a time of today with one of yesterday.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** @param {readonly number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/**
 * Times sides in turn, after one turn that does not count (file caches, caches of the program itself).
 * @template {string} N
 * @param {Record<N, { before?: () => void | Promise<void>, run: () => number | Promise<number> }>} sides `run` gives milliseconds; `before` is not timed
 * @param {{ rounds: number }} options
 * @returns {Promise<Record<N, { ms: number, cpuMs: number | undefined }>>} medians; processor time of children is a mean
 */
export async function interleaved(sides, { rounds }) {
  const names = Object.keys(sides)
  const times = Object.fromEntries(names.map((name) => [name, []]))
  const cpu = Object.fromEntries(names.map((name) => [name, 0]))
  let hasCpu = true
  for (let round = -1; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      await sides[name].before?.()
      const before = childrenCpuMs()
      const ms = await sides[name].run()
      const after = childrenCpuMs()
      if (before === undefined || after === undefined) hasCpu = false
      if (round < 0) continue
      times[name].push(ms)
      cpu[name] += (after ?? 0) - (before ?? 0)
    }
  }
  return Object.fromEntries(
    names.map((name) => [name, { ms: median(times[name]), cpuMs: hasCpu ? cpu[name] / rounds : undefined }]),
  )
}

/** Processor time of ended children and theirs; undefined where the system does not tell it so (only Linux does). */
function childrenCpuMs() {
  try {
    const fields = readFileSync('/proc/self/stat', 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    // proc(5): cutime and cstime, fields 16 and 17 in ticks of 10 ms. Small errors of one call cancel out over the rounds.
    return (Number(fields[13]) + Number(fields[14])) * 10
  } catch {
    return undefined
  }
}

/**
 * Runs a program to its end and gives its wall time in ms. Anything but exit code 0 ends the measurement.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd: string, env: NodeJS.ProcessEnv }} options
 */
export function timeChild(command, args, { cwd, env }) {
  const start = performance.now()
  const { status, signal, stderr, error } = spawnSync(command, args, { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] })
  const ms = performance.now() - start
  if (error !== undefined) throw error
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with ${String(status ?? signal)}:\n${String(stderr)}`)
  return ms
}

/** Milliseconds that a function takes. */
export async function timed(work) {
  const start = performance.now()
  await work()
  return performance.now() - start
}
