// What `contend` jobs of lease-program.ts noted: nobody was inside beside somebody whom the lease keeps out, and tokens only rose.
import { expect } from 'vitest'

interface Note {
  readonly what: 'enter' | 'leave'
  readonly run: string
  readonly keys: string | null
  readonly shards: readonly string[]
  readonly tokens: readonly number[]
}

/** @param times - how often somebody entered, in all */
export function expectNoOverlap(log: string, times: number): void {
  const notes = log
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Note)
  const inside = new Map<string, Note>()
  const highest = new Map<string, number>()
  for (const note of notes) {
    if (note.what === 'leave') {
      inside.delete(note.run)
      continue
    }
    for (const other of inside.values()) {
      expect(note.keys, JSON.stringify([note, other])).not.toBeNull()
      expect(note.keys).toBe(other.keys)
      expect(note.shards.filter((shard) => other.shards.includes(shard))).toEqual([])
    }
    note.shards.forEach((shard, at) => {
      expect(note.tokens[at]).toBeGreaterThan(highest.get(shard) ?? 0)
      highest.set(shard, note.tokens[at] ?? 0)
    })
    inside.set(note.run, note)
  }
  expect(notes).toHaveLength(times * 2)
  expect(inside.size).toBe(0)
}
