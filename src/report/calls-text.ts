// In: how often runs called whom by `ctx.http`. Out: a line for each provider, `12 reads of https://dns.example.com`.
import type { ProviderCalls } from '../event.js'
import { count, formatDuration } from './format.js'

const SHOWN = 5

/** The most called first; what is beyond the first few is counted. */
export function callsLines(calls: readonly ProviderCalls[]): string[] {
  const lines = calls.slice(0, SHOWN).map(({ provider, reads, writes, waitedMs }) => {
    const amounts = [
      ...(reads > 0 ? [count(reads, 'read')] : []),
      ...(writes > 0 ? [count(writes, 'write')] : []),
    ].join(' and ')
    return `${amounts} of ${provider}${waitedMs < 1000 ? '' : `, which waited ${formatDuration(waitedMs)} in all`}`
  })
  const left = calls.length - lines.length
  return left === 0 ? lines : [...lines, `and calls of ${count(left, 'further provider')}, whole with -o json`]
}

/** Of several runs together. */
export function sumOfCalls(all: readonly (readonly ProviderCalls[])[]): readonly ProviderCalls[] {
  const sums = new Map<string, ProviderCalls>()
  for (const { provider, reads, writes, waitedMs } of all.flat()) {
    const before = sums.get(provider) ?? { provider, reads: 0, writes: 0, waitedMs: 0 }
    sums.set(provider, {
      provider,
      reads: before.reads + reads,
      writes: before.writes + writes,
      waitedMs: before.waitedMs + waitedMs,
    })
  }
  return [...sums.values()].sort((a, b) => b.reads + b.writes - a.reads - a.writes)
}
