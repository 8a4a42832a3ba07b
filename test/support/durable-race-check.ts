// Processes that raced for the same durable calls come in; what must be true of them is asserted. No part of the programs that race.
import { readFile } from 'node:fs/promises'
import { expect } from 'vitest'
import { KEYS } from './durable-race.js'
import type { StoreProcess } from './store-processes.js'

/** Of processes that raced: each ended well, an effect happened once a key, and all got the same. `effects`: a file with a line for each. */
export async function expectOneEffectEach(running: readonly StoreProcess[], effects: string): Promise<void> {
  const ended = await Promise.all(running.map(({ ended: end }) => end))
  expect(ended.map(({ code, stderr }) => ({ code, stderr }))).toEqual(ended.map(() => ({ code: 0, stderr: '' })))
  const lines = (await readFile(effects, 'utf8')).trim().split('\n')
  expect(lines).toHaveLength(KEYS)
  expect(new Set(lines).size).toBe(KEYS)
  const [first] = running
  expect(first?.lines).toHaveLength(KEYS)
  for (const { lines: answers } of running) expect([...answers].sort()).toEqual([...(first?.lines ?? [])].sort())
}
