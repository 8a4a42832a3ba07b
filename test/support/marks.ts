// An apply mark of a shard, as an apply would write it; a test says what of it matters.
import type { ApplyMark } from '../../src/store/marks.js'

export function applyMark(shard: string, over: Partial<ApplyMark> = {}): ApplyMark {
  return {
    shard,
    desired: 'd',
    code: 'c',
    config: 'f',
    inputs: 'i',
    env: 'e',
    secrets: null,
    semantics: 1,
    counter: 1,
    status: 'started',
    run: 'RUN1',
    at: 0,
    ...over,
  }
}
