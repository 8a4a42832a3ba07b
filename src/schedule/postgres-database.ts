// A pool of sessions comes in; statements and transactions on it go out. Must not know what they are about.
import type { Pool } from 'pg'

export type Row = Readonly<Record<string, unknown>>
export type Query = <R extends Row>(text: string, values?: readonly unknown[]) => Promise<readonly R[]>

export interface Database {
  readonly query: Query
  /** All of it or nothing. Run again where the server ended it for the sake of another one. */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>
}

/** What the server says of a transaction that another one stood in the way of. */
const IN_THE_WAY = new Set(['40001', '40P01'])
const MOST_ATTEMPTS = 5

export function databaseOf(pool: Pool): Database {
  async function attempt<T>(work: (query: Query) => Promise<T>): Promise<T> {
    const client = await pool.connect()
    let broken: Error | undefined
    try {
      await client.query('BEGIN')
      const result = await work(async <R extends Row>(text: string, values: readonly unknown[] = []) => {
        return (await client.query<R>(text, [...values])).rows
      })
      await client.query('COMMIT')
      return result
    } catch (thrown) {
      await client.query('ROLLBACK').catch((error: unknown) => {
        broken = error as Error
      })
      throw thrown
    } finally {
      client.release(broken)
    }
  }

  return {
    query: async <R extends Row>(text: string, values: readonly unknown[] = []) =>
      (await pool.query<R>(text, [...values])).rows,
    async transaction(work) {
      for (let attempts = 1; ; attempts += 1) {
        try {
          return await attempt(work)
        } catch (thrown) {
          if (attempts === MOST_ATTEMPTS || !IN_THE_WAY.has(codeOf(thrown))) throw thrown
        }
      }
    },
  }
}

function codeOf(thrown: unknown): string {
  return typeof thrown === 'object' && thrown !== null && 'code' in thrown ? String(thrown.code) : ''
}
