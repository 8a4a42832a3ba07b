// ctx.postgres on a real server: reads while planning, writes in handlers, and tells what goes wrong without telling secrets.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPostgres, type PostgresSessions } from '../../src/reconcile/postgres.js'
import { postgresAddress } from '../../src/reconcile/postgres-address.js'
import { transactionWord } from '../../src/reconcile/postgres-text.js'
import { startPostgres, type TestPostgres } from '../support/postgres.js'

let server: TestPostgres
beforeAll(async () => {
  server = await startPostgres()
  await server.sql('CREATE TABLE things (name text); CREATE SEQUENCE numbers')
})
afterAll(() => server.stop())

async function withSessions(planning: boolean, fn: (sessions: PostgresSessions) => Promise<void>): Promise<void> {
  const sessions = createPostgres({ integration: 'sample', planning: () => planning })
  try {
    await fn(sessions)
  } finally {
    await sessions.close()
  }
}

describe('while planning', () => {
  it.each([
    [`INSERT INTO things VALUES ('x')`, '25006'],
    ['CREATE ROLE intruder', '25006'],
    [`SELECT nextval('numbers')`, '25006'],
    ['SET TRANSACTION READ WRITE', '25001'],
    [`SELECT set_config('transaction_read_only', 'off', true)`, '25001'],
    ['DO $$ BEGIN COMMIT; END $$', '2D000'],
    [`SELECT 1; INSERT INTO things VALUES ('x')`, '42601'],
  ])('the server refuses %s', async (text, sqlstate) => {
    await withSessions(true, async ({ connect }) => {
      await expect(connect(server.uri()).query(text)).rejects.toMatchObject({ details: { sqlstate } })
    })
    expect(await server.sql('SELECT * FROM things')).toEqual([])
  })

  it.each(['COMMIT', ' /* a /* b */ */ -- c\n end', "prepare transaction 'x'", ';Rollback'])(
    'no statement ends the transaction that only reads: %s',
    async (text) => {
      await withSessions(true, async ({ connect }) => {
        const tried = connect(server.uri()).transaction(async (transaction) => {
          await transaction.query(text)
          await transaction.query(`INSERT INTO things VALUES ('x')`)
        })
        await expect(tried).rejects.toMatchObject({ code: 'dry-run-write' })
      })
    },
  )

  it('a session setting opens no way either', async () => {
    await withSessions(true, async ({ connect }) => {
      const client = connect(server.uri(), { sessions: 1 })
      await client.query('SET default_transaction_read_only = off')
      await expect(client.query(`INSERT INTO things VALUES ('x')`)).rejects.toMatchObject({
        code: 'dry-run-write',
        message: expect.stringContaining('refused a write: planning only reads') as string,
      })
    })
  })

  it('reads, with values apart from the text', async () => {
    await withSessions(true, async ({ connect }) => {
      expect(await connect(server.uri()).query('SELECT $1::text AS it', [`'; DROP TABLE things; --`])).toEqual([
        { it: `'; DROP TABLE things; --` },
      ])
    })
  })
})

describe('in handlers', () => {
  it('commits what went well, and rolls back what did not', async () => {
    await withSessions(false, async ({ connect }) => {
      const client = connect(server.uri())
      await client.transaction(async (transaction) => {
        await transaction.query(`INSERT INTO things VALUES ('kept')`)
      })
      const failed = client.transaction(async (transaction) => {
        await transaction.query(`INSERT INTO things VALUES ('lost')`)
        await transaction.query('SELECT 1/0')
      })
      await expect(failed).rejects.toMatchObject({ code: 'apply-failed', details: { sqlstate: '22012' } })
      const swallowed = client.transaction(async (transaction) => {
        await transaction.query('SELECT 1/0').catch(() => undefined)
      })
      await expect(swallowed).rejects.toThrow('a statement of the transaction had failed')
    })
    expect(await server.sql('SELECT * FROM things')).toEqual([{ name: 'kept' }])
    await server.sql('TRUNCATE things')
  })

  it('ends a statement and a wait for a lock that take too long', async () => {
    await withSessions(false, async ({ connect }) => {
      const slow = connect(server.uri(), { statementTimeoutMs: 50 }).query('SELECT pg_sleep(60)')
      await expect(slow).rejects.toMatchObject({ details: { sqlstate: '57014' }, retryable: true })
      const holder = connect(server.uri())
      await holder.transaction(async (transaction) => {
        await transaction.query('LOCK TABLE things')
        const waiting = connect(server.uri(), { lockTimeoutMs: 50 }).query('LOCK TABLE things')
        await expect(waiting).rejects.toMatchObject({ details: { sqlstate: '55P03' } })
      })
    })
  })

  it('survives a session that the server ends, and says so', async () => {
    await withSessions(false, async ({ connect }) => {
      const client = connect(server.uri(), { sessions: 1 })
      const ended = client.transaction(async (transaction) => {
        await transaction.query('SELECT pg_terminate_backend(pg_backend_pid())')
      })
      await expect(ended).rejects.toMatchObject({ code: 'apply-failed', retryable: true })
      expect(await client.query('SELECT 1 AS one')).toEqual([{ one: 1 }])
    })
  })
})

describe('at the end of the run', () => {
  it('sessions are closed, also with a statement under way, and no new ones open', async () => {
    const sessions = createPostgres({ integration: 'sample', planning: () => true })
    const client = sessions.connect(server.uri())
    const running = client.query('SELECT pg_sleep(60)')
    const refused = expect(running).rejects.toMatchObject({ code: 'current-unreadable' })
    const sleeping = `SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query = 'SELECT pg_sleep(60)'`
    while ((await server.sql(sleeping)).length === 0);
    await sessions.close()
    await refused
    await expect(client.query('SELECT 1')).rejects.toThrow('the run has ended')
  })

  it.each([1, 2])('sessions that are still being opened are closed too (%i at once)', async (count) => {
    const sessions = createPostgres({ integration: 'sample', planning: () => true })
    const client = sessions.connect(server.uri())
    // One is connected already, and others are on their way.
    if (count > 1) await client.query('SELECT 1')
    const all = Array.from({ length: count }, () => client.query('SELECT pg_sleep(61)'))
    const refused = Promise.allSettled(all)
    await Promise.resolve()
    await sessions.close()
    expect((await refused).map(({ status }) => status)).toEqual(all.map(() => 'rejected'))
    const left = `SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query = 'SELECT pg_sleep(61)'`
    while ((await server.sql(left)).length > 0);
  })
})

describe('a connection URI', () => {
  const options = { integration: 'sample' }
  it.each([
    ['nonsense', 'cannot be read'],
    ['https://user:secret-word@host/db', 'does not begin with postgres://'],
    ['postgres://host/db', 'names no user'],
    ['postgres://user:secret-word@/db', 'cannot be read'],
    ['postgres://user:secret-word@host/db?sslmode=prefer', 'has an sslmode other than'],
    ['postgres://user:secret-word@host/db?options=-c%20x', 'has parameters other than sslmode'],
    ['postgres://user:secret%ZZword@host/db', 'has a % that is not followed'],
    ['postgres://user:secret-word@host/db#x', 'holds a #'],
  ])('%s is refused without being shown', (uri, message) => {
    expect(() => postgresAddress(uri, options)).toThrow(message)
    expect(() => postgresAddress(uri, options)).not.toThrow(/secret/)
  })

  it('is encrypted and checked unless it is of this machine or says otherwise', () => {
    const tls = (uri: string): unknown => postgresAddress(uri, options).tls
    expect(tls('postgres://u:p@db.example.com/x')).toEqual({ rejectUnauthorized: true })
    expect(tls('postgres://u:p@db.example.com/x?sslmode=disable')).toBe(false)
    expect(tls('postgres://u:p@db.example.com/x?sslmode=no-verify')).toEqual({ rejectUnauthorized: false })
    expect(tls('postgres://u:p@127.0.0.1/x')).toBe(false)
    expect(tls('postgres://u:p@[::1]:5433/x')).toBe(false)
  })

  it('gives names with any characters, and lets another database be asked', () => {
    expect(postgresAddress('postgres://us%40er:p%2Fw@h:6000/a%2Fb', { ...options })).toMatchObject({
      user: 'us@er',
      password: 'p/w',
      database: 'a/b',
      shown: 'h:6000/a/b',
    })
    expect(postgresAddress('postgres://u:p@h/a', { ...options, database: 'x y' }).database).toBe('x y')
    expect(postgresAddress('postgres://u:p@h', options)).toMatchObject({ database: 'postgres', port: 5432 })
  })
})

describe('transactionWord()', () => {
  it.each(['SELECT 1', 'beginning', '-- COMMIT\nSELECT 1', '/* COMMIT */ SELECT 1', 'ends_here()', ''])(
    'lets %j pass',
    (text) => {
      expect(transactionWord(text)).toBeUndefined()
    },
  )
  it.each(['commit', '\n\tBEGIN;', '/**/--\nStart transaction', 'savepoint a', '/* open', ';;ABORT'])(
    'of %j',
    (text) => {
      expect(transactionWord(text)?.length ?? 0).toBe(text === '/* open' ? 0 : transactionWord(text)?.length)
    },
  )
})
