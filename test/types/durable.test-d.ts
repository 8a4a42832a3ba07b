// A durable function has the types of the function it was made of; options that contradict each other are type errors.
import { describe, expectTypeOf, it } from 'vitest'
import { z } from 'zod'
import type { Durable, State } from '../../src/index.js'

declare const durable: Durable
declare const state: State

interface Order {
  readonly id: string
  readonly amount: number
}

describe('durable', () => {
  it('keeps arguments and result', () => {
    const pay = durable('pay', { idempotent: true }, async (order: Order, note?: string) => ({
      at: new Date(),
      order,
      note,
    }))
    expectTypeOf(pay).parameters.toEqualTypeOf<[order: Order, note?: string | undefined]>()
    expectTypeOf(pay).returns.resolves.toEqualTypeOf<{ at: Date; order: Order; note: string | undefined }>()
    const add = durable('add', { cached: true, ttl: '1h' }, (a: number, b: number) => a + b)
    expectTypeOf(add).toEqualTypeOf<(a: number, b: number) => Promise<number>>()
  })

  it('gives key, checked and probe the types of the function', () => {
    durable(
      'pay',
      {
        idempotent: true,
        key: (order: Order) => order.id,
        checked: (order) => order.amount,
        onDoubt: (order) => (order.amount > 0 ? { done: 'x' } : 'absent'),
      },
      async (order: Order) => order.id,
    )
    // @ts-expect-error the probe must give what the function gives
    durable('pay', { idempotent: true, onDoubt: () => ({ done: 5 }) }, async (order: Order) => order.id)
  })

  it('refuses what makes no sense', () => {
    // @ts-expect-error nothing is said of what is remembered
    durable('x', {}, async () => 1)
    // @ts-expect-error an effect has no ttl
    durable('x', { idempotent: true, ttl: '1h' }, async () => 1)
    // @ts-expect-error what only computes is simply called again
    durable('x', { cached: true, onDoubt: 'stop' }, async () => 1)
    const f = durable('x', { cached: true }, async (a: number) => a)
    // @ts-expect-error another argument
    void f('1')
  })
})

describe('state', () => {
  it('has the types of its schema', () => {
    const cursor = z.object({ page: z.number() })
    expectTypeOf(state.get('cursor', cursor)).resolves.toEqualTypeOf<{ page: number } | undefined>()
    expectTypeOf(state.update('cursor', (now) => ({ page: (now?.page ?? 0) + 1 }), cursor)).resolves.toEqualTypeOf<
      { page: number } | undefined
    >()
    // @ts-expect-error not what the schema takes
    void state.set('cursor', { page: 'x' }, cursor)
    void state.set('any', [1, { a: null }])
    // @ts-expect-error a Date is no JSON
    void state.set('any', new Date())
  })
})
