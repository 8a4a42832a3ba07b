// Many callers of the same durable calls, in this process or as one of several. In: a store. Out: how often the effect happened, and what callers got.
import { appendFileSync } from 'node:fs'
import { createDurable } from '../../src/outside-run.js'
import type { ObjectStore } from '../../src/store/object-store.js'

export const KEYS = 200
export const CALLERS = 8

export interface RaceJob {
  readonly keys: number
  /** A file to which each effect adds its key as a line. */
  readonly effects: string
}

/** {@link CALLERS} callers of each of {@link KEYS} keys in this process. */
export async function raceInOneProcess(
  store: ObjectStore,
): Promise<{ readonly made: number; readonly values: readonly string[] }> {
  let made = 0
  const open = (): ((key: string) => Promise<string>) =>
    createDurable({ store, namespace: 'x' }).durable('create', { idempotent: true }, async (key: string) => {
      made += 1
      return `${key} ${String(made)}`
    })
  // Half of the callers share what is in memory, the others meet in the store alone.
  const functions = [open(), open()]
  const calls = Array.from({ length: KEYS * CALLERS }, (_, index) => ({
    key: `k${String(index % KEYS)}`,
    fn: functions[index % 3 === 0 ? 0 : 1],
  }))
  const answers = await Promise.all(calls.map(async ({ key, fn }) => (await fn?.(key)) ?? ''))
  return { made, values: [...new Set(answers)] }
}

/** One of several processes: calls each key, and tells what it got, a line a key. */
export async function raceAsOneOfMany(store: ObjectStore, { keys, effects }: RaceJob): Promise<readonly string[]> {
  const { durable } = createDurable({ store, namespace: 'program' })
  const create = durable('create', { idempotent: true }, async (key: string) => {
    appendFileSync(effects, `${key}\n`)
    return { key, by: process.pid, at: new Date() }
  })
  const all = Array.from({ length: keys }, (_, index) => `key-${String(index)}`)
  return Promise.all(all.map(async (key) => `${key} ${JSON.stringify(await create(key))}`))
}
