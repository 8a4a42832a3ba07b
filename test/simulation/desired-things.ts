// What simulated applies desire: a few things, of two shards.
import type { Scheduler } from './scheduler.js'

export interface Thing {
  readonly name: string
  readonly size: number
}

const NAMES = ['a1', 'a2', 'b1', 'b2']
export const shardOf = (name: string): string => name.slice(0, 1)

/** Of few, so that the same comes again. */
export function desiredOne(scheduler: Scheduler): readonly Thing[] {
  return scheduler.pick(VARIANTS)
}

const VARIANTS: readonly (readonly Thing[])[] = [
  NAMES.map((name) => ({ name, size: 1 })),
  NAMES.slice(1).map((name) => ({ name, size: 1 })),
  [NAMES[0] ?? '', NAMES[3] ?? ''].map((name) => ({ name, size: 2 })),
]

export const text = (things: readonly Thing[]): string =>
  things
    .map(({ name, size }) => `${name}=${String(size)}`)
    .sort()
    .join(',')
export const same = (a: readonly Thing[], b: readonly Thing[]): boolean => text(a) === text(b)
