// A signal of one's own, for one piece of work among many.
import { AsyncLocalStorage } from 'node:async_hooks'
import { expect, it } from 'vitest'
import { withBoundSignal } from '../../src/util/bound-signal.js'

it('is aborted while the work goes on, for the same reason, and tells whoever listens in the context of the work', async () => {
  const stop = new AbortController()
  const whose = new AsyncLocalStorage<string>()
  const heard: unknown[] = []
  const work = whose.run('the work', () =>
    withBoundSignal(stop.signal, async (own) => {
      const aborted = new Promise<void>((resolve) => {
        own.addEventListener('abort', () => {
          heard.push(whose.getStore(), own.reason)
          resolve()
        })
      })
      await aborted
      return 'done'
    }),
  )
  const reason = new Error('enough')
  whose.run('somebody else', () => {
    stop.abort(reason)
  })
  expect(await work).toBe('done')
  expect(heard).toEqual(['the work', reason])
})

it('is let go when the work is over, also when it failed: nothing of 100,000 changes is kept until the run ends', async () => {
  const stop = new AbortController()
  const kept: AbortSignal[] = []
  await withBoundSignal(stop.signal, (own) => Promise.resolve(kept.push(own)))
  const failed = withBoundSignal(stop.signal, (own) => {
    kept.push(own)
    return Promise.reject(new Error('failed'))
  })
  await expect(failed).rejects.toThrow('failed')
  stop.abort()
  expect(kept.map(({ aborted }) => aborted)).toEqual([false, false])
})

it('is aborted from the start where the shared one is', async () => {
  expect(await withBoundSignal(AbortSignal.abort('before'), (own) => Promise.resolve(own.reason as unknown))).toBe(
    'before',
  )
})
