import { describe, expect, it } from 'vitest'
import { deepFreeze } from '../../src/util/freeze.js'

describe('deepFreeze', () => {
  it('freezes every part and returns the value itself', () => {
    const value = { list: [{ a: 1 }], nothing: null }
    expect(deepFreeze(value)).toBe(value)
    expect(Object.isFrozen(value) && Object.isFrozen(value.list) && Object.isFrozen(value.list[0])).toBe(true)
  })

  it('goes on inside what was frozen already', () => {
    const value = Object.freeze({ inner: { a: 1 } })
    expect(Object.isFrozen(deepFreeze(value).inner)).toBe(true)
  })

  it('bears cycles and any depth', () => {
    const cycle: Record<string, unknown> = {}
    cycle['self'] = cycle
    expect(Object.isFrozen(deepFreeze(cycle))).toBe(true)
    const deep = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000)) as unknown[]
    expect(Object.isFrozen(deepFreeze(deep))).toBe(true)
  })

  it('leaves other objects as they are', () => {
    const value = { at: new Date(0), bytes: new Uint8Array(1) }
    deepFreeze(value)
    expect(Object.isFrozen(value.at)).toBe(false)
    expect(Object.isFrozen(value)).toBe(true)
  })
})
