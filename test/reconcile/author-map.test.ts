import { describe, expect, it } from 'vitest'
import { TrueupError } from '../../src/errors.js'
import type { BoundedMap } from '../../src/integration.js'
import { authorMap } from '../../src/reconcile/author-map.js'
import { createRedactor } from '../../src/report/redact.js'
import { createBudget } from '../../src/util/budget.js'

function mapOf(places = 8, secret?: string): BoundedMap {
  const redactor = createRedactor()
  if (secret !== undefined) redactor.register(secret)
  const { signal } = new AbortController()
  return authorMap({ budget: createBudget(places), signal, redact: (text) => redactor.text(text) })
}

const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )

describe('authorMap', () => {
  it('names every item that failed, and keeps what was thrown', async () => {
    const refused = new Error('refused')
    const error = await failureOf(
      mapOf()(['a', { name: 'b' }, 3, 'd'], async (item) => {
        if (item === 'a') throw refused
        if (item === 3) throw new TypeError()
        return item
      }),
    )
    expect(error).toBeInstanceOf(AggregateError)
    expect(error).toMatchObject({ message: '2 of 4 items failed: [0] "a": refused; [2] 3: TypeError' })
    expect((error as AggregateError).errors[0]).toBe(refused)
    const object = await failureOf(mapOf()([{ name: 'b' }], () => Promise.reject(refused)))
    expect(object).toMatchObject({ message: '1 of 1 item failed: [0] {"name":"b"}: refused' })
  })

  it('says how many were not started', async () => {
    const error = await failureOf(mapOf(1)([1, 2, 3], () => Promise.reject(new Error('refused'))))
    expect(error).toMatchObject({ message: '1 of 3 items failed, 2 not started: [0] 1: refused' })
  })

  it('keeps the code of an error of trueup, above all that an outcome is unknown', async () => {
    const errors = [
      new TrueupError('current-unreadable', 'no answer', { retryable: true, details: { url: 'x' } }),
      new TrueupError('timeout', 'too late', { retryable: true }),
    ]
    const error = await failureOf(mapOf()(errors, (one) => Promise.reject(one)))
    expect(error).toMatchObject({
      name: 'TrueupError',
      code: 'current-unreadable',
      retryable: true,
      details: {
        url: 'x',
        failed: [
          { index: 0, reason: 'no answer' },
          { index: 1, reason: 'too late' },
        ],
      },
      cause: { errors },
    })
    const unknown = new TrueupError('outcome-unknown', 'nobody can tell')
    const mixed = await failureOf(mapOf()([...errors, new Error('plain'), unknown], (one) => Promise.reject(one)))
    expect(mixed).toMatchObject({ code: 'outcome-unknown', retryable: false })
  })

  it('takes secrets out before it cuts, and keeps short', async () => {
    const secret = 'correct-horse-battery'
    // Cut first, half of it would stay.
    const item = `${'x'.repeat(70)}${secret}`
    const error = await failureOf(
      mapOf(50, secret)(
        Array.from({ length: 50 }, () => item),
        () => Promise.reject(new Error(`${'y'.repeat(290)}${secret}`)),
      ),
    )
    const { message } = error as AggregateError
    expect(message).not.toContain('correct')
    expect(message).toContain(`${'x'.repeat(70)}***`)
    expect(message).toContain('(and 30 more)')
    expect(message.length).toBeLessThan(20 * 420)
  })
})
