// postgres-access with several instances, with trouble, and when a run is cut off at each of its statements.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import integration from '../../../integrations/postgres-access/index.js'
import { assertDryRunIsPure, createFakeClock, createMemoryStore } from '../../../src/testing.js'
import { startPostgres, type TestPostgres } from '../../support/postgres.js'
import { startProxy } from '../../support/postgres-proxy.js'
import { actions, createWorld, told, type Access } from '../../support/postgres-world.js'

let server: TestPostgres
beforeAll(async () => {
  server = await startPostgres()
  await server.createDatabase('shop')
})
afterAll(() => server.stop())
beforeEach(async () => {
  await server.reset({ keep: 'shop' })
  await server.sql('DROP TABLE IF EXISTS orders; CREATE TABLE orders (id int)', 'shop')
})

const named = (...names: readonly string[]) => ({ roles: names.map((name) => ({ name, login: false })) })
const everything = (): Promise<readonly unknown[]> =>
  server.sql(
    `SELECT rolname, shobj_description(oid, 'pg_authid') AS comment FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY 1`,
  )
/** Nothing listens there. */
const NOWHERE = 'postgres://postgres:hidden-password@127.0.0.1:1/postgres'

describe('an instance that cannot be reached', () => {
  it('is named and left as it is, the others go on, and the run does not succeed', async () => {
    const world = createWorld(server, { uris: { far: NOWHERE, main: server.uri() } })
    const run = await world.apply({ far: named('distant'), main: named('near') })
    expect(actions(run)).toEqual(['create main/role/near'])
    expect(run.record.exitCode).toBe(5)
    expect(told(run)).toContain(
      'nothing of shard far could be read (instance far: postgres-access: PostgreSQL 127.0.0.1:1/postgres',
    )
    expect(told(run)).toContain('postgres-access: could not be read, so nothing was done there: shard far')
    expect(JSON.stringify(run)).not.toContain('hidden-password')
    expect(await server.sql(`SELECT 1 FROM pg_roles WHERE rolname = 'near'`)).toHaveLength(1)
  })

  it('loses nothing: what was owned there is neither deleted nor forgotten', async () => {
    const world = createWorld(server)
    await world.converge(named('one', 'two'))
    const secrets = { 'pg/main': { uri: NOWHERE } }
    const away = await world.apply(named('one'), { secrets })
    expect(actions(away)).toEqual([])
    expect(away.record.exitCode).toBe(1)
    expect((await world.plan(named('one'), { secrets })).record.exitCode).toBe(1)
    expect(actions(await world.converge(named('one')))).toEqual(['delete main/role/two'])
  })

  it('with a wrong password or a URI that is none is told without either', async () => {
    const refused = await createWorld(server, { uris: { main: server.uri({ password: 'wrong-password' }) } }).plan(
      named('a'),
    )
    expect(told(refused)).toContain('password authentication failed')
    const broken = await createWorld(server, { uris: { main: 'postgres://user:pass-word@host:port:1' } }).plan(
      named('a'),
    )
    expect(told(broken)).toContain('the connection URI cannot be read')
    expect(JSON.stringify([refused, broken])).not.toMatch(/wrong-password|pass-word/)
  })

  it('that is in no data file any more is told what to do', async () => {
    const world = createWorld(server, { uris: { main: server.uri(), spare: server.uri({ database: 'shop' }) } })
    await world.converge({ main: named('one'), spare: named() })
    const run = await world.apply({ spare: named() })
    expect(run.record.exitCode).toBe(1)
    // Nothing could be deleted there: limits are not what stands in the way.
    const limited = await world.apply({}, { limits: {}, data: {} })
    expect([limited.record.exitCode, limited.record.limits.filter(({ blocked }) => blocked)]).toEqual([1, []])
    expect(told(run)).toContain('instance main is in no data file any more')
    expect(told(run)).toContain(
      'run: trueup apply postgres-access --shard main --allow-empty, and only then remove the file',
    )
    expect(told(run)).toContain('trueup owned release postgres-access <key>')
    expect(actions(run)).toEqual([])
    expect(await server.sql(`SELECT 1 FROM pg_roles WHERE rolname = 'one'`)).toHaveLength(1)
    await world.converge({ main: named(), spare: named() })
    expect((await world.apply({ spare: named() })).record.exitCode).toBe(0)
  })
})

describe('limits', () => {
  it('block a mass delete, and nothing is dropped', async () => {
    const world = createWorld(server)
    const all = Array.from({ length: 20 }, (_, n) => `role${String(n)}`)
    await world.converge(named(...all))
    const run = await world.apply(named(...all.slice(0, 8)), { limits: {} })
    expect(run.record.exitCode).toBe(3)
    expect(told(run)).toContain('this plan deletes 12 of 20 objects (60 %)')
    expect(await server.sql(`SELECT 1 FROM pg_roles WHERE rolname LIKE 'role%'`)).toHaveLength(20)
    expect(told(await world.apply({ roles: [] }, { limits: {} }))).toContain('nothing is desired')
  })
})

describe('ownership', () => {
  it('is proven by the server alone: with an empty store nothing is taken over, created or dropped', async () => {
    const world = createWorld(server)
    await world.converge(named('one', 'two'))
    const run = await createWorld(server).apply(named('one'))
    expect(actions(run)).toEqual(['delete main/role/two'])
    const pure = await assertDryRunIsPure(integration, {
      ...world.options,
      store: createMemoryStore({ clock: createFakeClock() }),
      data: { 'data/postgres-access/m.yaml': '{instance: main, connection: {secret: {path: pg/main, field: uri}}}' },
      world: everything,
    })
    expect(actions(pure)).toEqual(['delete main/role/one'])
  })

  it('of one server under two names is kept apart', async () => {
    const world = createWorld(server, { uris: { main: server.uri(), spare: server.uri({ database: 'shop' }) } })
    await world.converge({ main: named('one'), spare: named('two') })
    const run = await world.apply({ main: named('one', 'two'), spare: named('two') })
    expect(run.record.exitCode).toBe(3)
    expect(told(run)).toContain('main/role/two exists')
  })

  it('is looked at again before each change', async () => {
    const world = createWorld(server)
    await world.converge({ roles: [...named('one', 'two').roles, { name: 'three', login: true }] })
    // Between planning and the change: when the first of the three is written.
    let done: Promise<unknown> = Promise.resolve()
    await using proxy = await startProxy(server.port, {
      statement: 1,
      counts: /^ALTER ROLE/,
      when: 'before',
      first: () => {
        done = server.sql(`COMMENT ON ROLE two IS 'mine now'`)
      },
    })
    const run = await world.apply(
      { roles: ['one', 'two', 'three'].map((name) => ({ name, login: name !== 'three' })) },
      { secrets: { 'pg/main': { uri: server.uri({ port: proxy.port }) } } },
    )
    await done
    expect(run.record.outcomes.map(({ key, result }) => `${key} ${result}`)).toContain('main/role/two failed')
    expect(told(run)).toContain("the role two is not marked as this target's any more")
  })
})

const SECRETS = { 'pg/app': 'first-password' }
const mark = (role: string): string =>
  `COMMENT ON ROLE ${role} IS 'trueup: {"target":"postgres-access","destination":"postgres-access/main"}'`
/** What an earlier run had made. */
const BEFORE = `CREATE ROLE readers; CREATE ROLE old; CREATE ROLE app LOGIN IN ROLE readers; ${['readers', 'old', 'app'].map(mark).join('; ')}`
const BEFORE_IN_SHOP = 'DROP TABLE IF EXISTS orders; CREATE TABLE orders (id int); GRANT SELECT ON orders TO app, old'
const after: Access = {
  roles: [
    { name: 'app', login: true, memberOf: ['writers'], password: { secret: { path: 'pg/app' } } },
    { name: 'writers', login: false },
  ],
  grants: [{ role: 'app', database: 'shop', schema: 'public', on: { tables: ['orders'] }, privileges: ['INSERT'] }],
}

describe('a run that is cut off', () => {
  it.each([
    ['before', 'changes anything or commits', /^(CREATE|ALTER|COMMENT|GRANT|REVOKE|DROP|COMMIT)/, 17],
    ['after', 'commits, so that nobody hears of it', /^COMMIT/, 6],
  ] as const)(
    '%s each statement that %s is finished by the next one',
    async (when, _, counts, statements) => {
      for (let statement = 1; statement <= statements + 1; statement += 1) {
        await server.reset({ keep: 'shop' })
        await server.sql(BEFORE)
        await server.sql(BEFORE_IN_SHOP, 'shop')
        const world = createWorld(server, { secrets: SECRETS })
        await using proxy = await startProxy(server.port, { statement, counts, when })
        const secrets = { ...SECRETS, 'pg/main': { uri: server.uri({ port: proxy.port }) } }
        const run = await world.apply(after, { secrets })
        // One more than there are: the run was not cut off at all.
        expect(proxy.seen.length >= statement, proxy.seen.join('\n')).toBe(statement <= statements)
        expect(run.record.exitCode === 0).toBe(statement > statements)
        // Nobody ever sees a role without its mark.
        const unmarked = `SELECT rolname FROM pg_roles WHERE rolname IN ('app', 'readers', 'writers', 'old') AND shobj_description(oid, 'pg_authid') IS NULL`
        expect(await server.sql(unmarked)).toEqual([])
        if (statement <= statements) await world.converge(after)
      }
    },
    120_000,
  )
})
