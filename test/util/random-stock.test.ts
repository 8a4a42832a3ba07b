import { expect, it } from 'vitest'
import { createRandomStock } from '../../src/util/random-stock.js'

it('gives out as many bytes as asked for, more than its stock too, and none twice', () => {
  const random = createRandomStock()
  const given = [16, 32, 10_000, ...Array.from({ length: 600 }, () => 16)].map((size) => {
    const bytes = random(size)
    expect(bytes.byteLength).toBe(size)
    return Buffer.from(bytes.slice(0, 16)).toString('hex')
  })
  expect(new Set(given).size).toBe(given.length)
})
