// Desired state from an endpoint that changes under the run: asked for once more from the start, then given up.
import { describe, expect, it } from 'vitest'
import { evaluateDesired, type DesiredState } from '../../src/desired/evaluate.js'
import { MOVED, type DataQueries } from '../../src/desired/graphql/data-queries.js'
import { TrueupError } from '../../src/errors.js'
import type { AnyIntegration, Http } from '../../src/integration.js'
import { silentLog } from '../../src/report/run-log.js'
import { memorySnapshot } from '../support/memory-snapshot.js'

/** Evaluates an integration whose desired state is the answers to two questions. */
function evaluate(queries: DataQueries): Promise<DesiredState> {
  const definition = {
    name: 'demo',
    version: '1',
    deletePolicy: 'never',
    desiredState: async ({ source }) => [await source.query('{ one }'), await source.query('{ two }')],
    run: () => [],
  } as Pick<AnyIntegration, 'desiredState'> as AnyIntegration
  return evaluateDesired({
    definition,
    target: 'demo',
    params: {},
    inputs: [],
    snapshot: memorySnapshot({}),
    env: () => undefined,
    log: silentLog,
    map: () => Promise.resolve([]),
    signal: new AbortController().signal,
    http: {} as Http,
    queries,
  })
}

/** An endpoint that is in the first of these states until the first two questions were answered, and so on. */
function endpoint(states: readonly (readonly [string, string])[]): DataQueries & { asked: number } {
  const queries = {
    asked: 0,
    ask: ({ document }: { document: string | object }) => {
      const [one, two] = states[Math.floor(queries.asked++ / 2)] ?? ['', '']
      return Promise.resolve(document === '{ one }' ? one : two)
    },
    settle: () => {
      const [one, two] = states[queries.asked / 2 - 1] ?? ['', '']
      return Promise.resolve(one === two)
    },
  }
  return queries
}

describe('desired state of one state', () => {
  it('is evaluated once where nothing changed', async () => {
    const queries = endpoint([['a', 'a']])
    expect((await evaluate(queries)).value).toEqual(['a', 'a'])
    expect(queries.asked).toBe(2)
  })

  it('is evaluated once more where something did: nothing of the first answers is in it', async () => {
    const queries = endpoint([
      ['a', 'b'],
      ['b', 'b'],
    ])
    expect((await evaluate(queries)).value).toEqual(['b', 'b'])
    expect(queries.asked).toBe(4)
  })

  it('is an error, to be tried later, where it changes again', async () => {
    const queries = endpoint([
      ['a', 'b'],
      ['b', 'c'],
      ['c', 'c'],
    ])
    await expect(evaluate(queries)).rejects.toMatchObject({ code: 'source-unavailable', retryable: true })
    expect(queries.asked).toBe(4)
  })

  it('begins anew, once, where what it was reading is gone', async () => {
    const gone = new TrueupError('source-unavailable', 'demo: gone', { details: MOVED })
    for (const times of [1, 2]) {
      let failures = 0
      const queries: DataQueries = {
        ask: ({ document }) =>
          document === '{ two }' && failures++ < times ? Promise.reject(gone) : Promise.resolve('now'),
        settle: () => Promise.resolve(true),
      }
      const evaluated = evaluate(queries)
      if (times === 1) expect((await evaluated).value).toEqual(['now', 'now'])
      else await expect(evaluated).rejects.toBe(gone)
    }
  })
})
