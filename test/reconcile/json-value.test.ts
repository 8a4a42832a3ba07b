// The JSON form of an author's value: how two are compared and digested, short and long.
import { describe, expect, it } from 'vitest'
import { jsonForm } from '../../src/reconcile/json-value.js'
import { digestOf } from '../../src/util/digest.js'

describe.each([
  ['short', 3],
  ['long', 5000],
])('the form of a %s value', (_size, length) => {
  const value = { name: 'x'.repeat(length), port: 53 }

  it('is the same as that of an equal value, in whatever order its keys are', () => {
    const other = { port: 53, name: 'x'.repeat(length), nothing: undefined }
    expect(jsonForm(value, 'a').digest).toBe(jsonForm(other, 'b').digest)
  })

  it('is another where anything differs', () => {
    for (const other of [
      { ...value, port: 54 },
      { ...value, port: '53' },
      { ...value, port: null },
      { port: 53 },
      null,
    ])
      expect(jsonForm(other, 'b').digest, JSON.stringify(other)).not.toBe(jsonForm(value, 'a').digest)
  })

  it('has the digest of the value as it was then', () => {
    const given = { ...value }
    const form = jsonForm(given, 'a')
    given.port = 54
    expect(form.digest).toBe(digestOf(value))
  })
})
