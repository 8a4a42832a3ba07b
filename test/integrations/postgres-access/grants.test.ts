// Grants of postgres-access, of each kind, on a real server, with the catalogue read back.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startPostgres, type TestPostgres } from '../../support/postgres.js'
import { actions, createWorld, fieldsOf, told } from '../../support/postgres-world.js'

let server: TestPostgres
beforeAll(async () => {
  server = await startPostgres()
  await server.createDatabase('shop')
})
afterAll(() => server.stop())
beforeEach(async () => {
  await server.reset({ keep: 'shop' })
  await server.sql(
    `DROP SCHEMA IF EXISTS sales CASCADE; DROP TABLE IF EXISTS public.plain; CREATE SCHEMA sales; CREATE TABLE sales.orders (id int, note text); CREATE VIEW sales.open AS SELECT 1 AS one;
     CREATE SEQUENCE sales.numbers; CREATE TABLE public.plain (id int);
     CREATE FUNCTION sales.add(integer, integer) RETURNS integer LANGUAGE sql AS 'SELECT $1 + $2';
     CREATE FUNCTION sales.add(text) RETURNS text LANGUAGE sql AS 'SELECT $1';
     CREATE PROCEDURE sales.tidy() LANGUAGE sql AS ''`,
    'shop',
  )
})

const ROLES = [{ name: 'app', login: false }]
const grant = (on: unknown, privileges: readonly string[], more: object = { schema: 'sales' }) => ({
  role: 'app',
  database: 'shop',
  on,
  privileges,
  ...more,
})

/** Asks the server itself. */
async function may(question: string): Promise<boolean> {
  const [answer] = await server.sql<{ may: boolean }>(`SELECT ${question} AS may`, 'shop')
  return answer?.may === true
}

describe('grants', () => {
  it('of every kind are made, and then there is nothing to do', async () => {
    const grants = [
      grant('database', ['CONNECT', 'TEMPORARY'], {}),
      grant('schema', ['USAGE']),
      grant({ tables: ['orders'] }, ['INSERT', 'SELECT']),
      grant({ tables: ['open'] }, ['SELECT']),
      grant({ sequences: 'all' }, ['USAGE']),
      grant({ functions: ['add(integer, integer)', 'tidy'] }, ['EXECUTE']),
      grant({ defaultPrivileges: 'tables', createdBy: 'postgres' }, ['SELECT']),
      grant({ defaultPrivileges: 'sequences', createdBy: 'app' }, ['USAGE'], {}),
    ]
    await createWorld(server).converge({
      roles: [...ROLES, { name: 'other', login: false }],
      grants: grants.slice(0, 7),
    })
    expect(
      await server.sql(`SELECT datacl::text LIKE '%app=Tc/postgres%' AS is FROM pg_database WHERE datname = 'shop'`),
    ).toEqual([{ is: true }])
    expect(await may(`has_schema_privilege('app', 'sales', 'USAGE')`)).toBe(true)
    expect(await may(`has_table_privilege('app', 'sales.orders', 'INSERT')`)).toBe(true)
    expect(await may(`has_table_privilege('app', 'sales.orders', 'DELETE')`)).toBe(false)
    expect(await may(`has_table_privilege('app', 'sales.open', 'SELECT')`)).toBe(true)
    expect(await may(`has_sequence_privilege('app', 'sales.numbers', 'USAGE')`)).toBe(true)
    const functions = await server.sql<{ name: string }>(
      `SELECT oid::regprocedure::text AS name FROM pg_proc WHERE proacl::text LIKE '%app=X%' ORDER BY 1`,
      'shop',
    )
    expect(functions.map(({ name }) => name)).toEqual(['sales.add(integer,integer)', 'sales.tidy()'])
    await server.sql('CREATE TABLE sales.later (id int)', 'shop')
    expect(await may(`has_table_privilege('app', 'sales.later', 'SELECT')`)).toBe(true)
  })

  it('on all tables reach those that appear later, at the next run', async () => {
    const world = createWorld(server)
    const access = { roles: ROLES, grants: [grant({ tables: 'all' }, ['SELECT'])] }
    expect(actions(await world.converge(access))).toEqual([
      'create main/grant/app/shop/sales/table/open',
      'create main/grant/app/shop/sales/table/orders',
      'create main/role/app',
    ])
    await server.sql('CREATE TABLE sales.later (id int)', 'shop')
    expect(actions(await world.converge(access))).toEqual(['create main/grant/app/shop/sales/table/later'])
  })

  it('default privileges in every schema are kept apart from those in one', async () => {
    const world = createWorld(server)
    const on = { defaultPrivileges: 'tables', createdBy: 'postgres' }
    await world.converge({ roles: ROLES, grants: [grant(on, ['SELECT'], {}), grant(on, ['SELECT', 'UPDATE'])] })
    const run = await world.converge({ roles: ROLES, grants: [grant(on, ['SELECT'], {})] })
    expect(actions(run)).toEqual(['delete main/grant/app/shop/sales/default/tables/postgres'])
    await server.sql('CREATE TABLE sales.later (id int)', 'shop')
    expect(await may(`has_table_privilege('app', 'sales.later', 'SELECT')`)).toBe(true)
    expect(await may(`has_table_privilege('app', 'sales.later', 'UPDATE')`)).toBe(false)
  })

  it('by hand are drift: what is too much is revoked, what is missing is granted, also on columns', async () => {
    const world = createWorld(server)
    const access = { roles: ROLES, grants: [grant({ tables: ['orders'] }, ['SELECT', 'INSERT'])] }
    await world.converge(access)
    await server.sql(
      `REVOKE INSERT ON sales.orders FROM app; GRANT DELETE ON sales.orders TO app; GRANT SELECT ON sales.orders TO app WITH GRANT OPTION;
       GRANT UPDATE (note) ON sales.orders TO app; GRANT SELECT ON public.plain TO app`,
      'shop',
    )
    const plan = await world.plan(access)
    expect(actions(plan)).toEqual([
      'delete main/grant/app/shop/public/table/plain',
      'delete main/grant/app/shop/sales/table/orders/column/note',
      'update main/grant/app/shop/sales/table/orders',
    ])
    expect(fieldsOf(plan, 'main/grant/app/shop/sales/table/orders')).toEqual({
      privileges: ['DELETE, SELECT WITH GRANT OPTION', 'INSERT, SELECT'],
    })
    await world.converge(access)
    expect(await may(`has_table_privilege('app', 'sales.orders', 'INSERT')`)).toBe(true)
    expect(await may(`has_table_privilege('app', 'sales.orders', 'SELECT WITH GRANT OPTION')`)).toBe(false)
    expect(await may(`has_column_privilege('app', 'sales.orders', 'note', 'UPDATE')`)).toBe(false)
  })

  it('that another role made are revoked in its name', async () => {
    const world = createWorld(server)
    await world.converge({ roles: ROLES })
    await server.sql(
      `CREATE ROLE giver; GRANT USAGE ON SCHEMA sales TO giver; GRANT SELECT ON sales.orders TO giver WITH GRANT OPTION;
       SET ROLE giver; GRANT SELECT ON sales.orders TO app`,
      'shop',
    )
    expect(actions(await world.converge({ roles: ROLES }))).toEqual(['delete main/grant/app/shop/sales/table/orders'])
    expect(await may(`has_table_privilege('giver', 'sales.orders', 'SELECT')`)).toBe(true)
  })

  it('of a role that goes are revoked first, and the role is dropped with nothing left of it', async () => {
    const world = createWorld(server)
    const on = { defaultPrivileges: 'tables', createdBy: 'postgres' }
    const grants = [grant('database', ['CONNECT'], {}), grant({ tables: 'all' }, ['SELECT']), grant(on, ['SELECT'])]
    await world.converge({ roles: ROLES, grants })
    const run = await world.converge({ roles: [], grants: [] })
    const drop = run.plan?.changes.find(({ key }) => key === 'main/role/app')
    expect(drop?.dependsOn).toEqual([
      'main/grant/app/shop',
      'main/grant/app/shop/sales/default/tables/postgres',
      'main/grant/app/shop/sales/table/open',
      'main/grant/app/shop/sales/table/orders',
    ])
    expect(await server.sql(`SELECT 1 FROM pg_roles WHERE rolname = 'app'`)).toEqual([])
  })

  it('to roles of others are never looked at', async () => {
    await server.sql('CREATE ROLE stranger; GRANT ALL ON sales.orders TO stranger', 'shop')
    const world = createWorld(server)
    await world.converge({ roles: ROLES })
    expect(actions(await world.converge({ roles: [] }))).toEqual(['delete main/role/app'])
    expect(await may(`has_table_privilege('stranger', 'sales.orders', 'DELETE')`)).toBe(true)
  })

  it('of a role that is adopted belong to it from then on', async () => {
    await server.sql(
      'CREATE ROLE app; GRANT SELECT, DELETE ON sales.orders TO app; GRANT SELECT ON public.plain TO app',
      'shop',
    )
    const access = { roles: ROLES, grants: [grant({ tables: ['orders'] }, ['SELECT'])] }
    const run = await createWorld(server).converge(access)
    expect(actions(run)).toEqual([
      'delete main/grant/app/shop/public/table/plain',
      'adopt main/role/app',
      'update main/grant/app/shop/sales/table/orders',
    ])
  })

  it('on what is not there are shown, warned of and fail; the others are made', async () => {
    const grants = [
      grant({ tables: ['orders'] }, ['SELECT']),
      grant({ tables: ['nothing'] }, ['SELECT']),
      grant({ functions: ['nothing(integer)'] }, ['EXECUTE']),
      grant('schema', ['USAGE'], { schema: 'nowhere' }),
      grant('database', ['CONNECT'], { database: 'nodb' }),
    ]
    const run = await createWorld(server).apply({ roles: ROLES, grants })
    expect(run.record.exitCode).toBe(5)
    expect(
      run.record.outcomes
        .filter(({ result }) => result === 'applied')
        .map(({ key }) => key)
        .sort(),
    ).toEqual(['main/grant/app/shop/sales/table/orders', 'main/role/app'])
    expect(told(run)).toContain(
      'main: there is no table nothing in schema sales of shop: grants on it cannot be made yet.',
    )
    expect(told(run)).toContain('main: there is no database nodb')
    expect(told(run)).toContain('there is no function sales.nothing(integer)')
    expect(told(run)).toContain('relation "sales.nothing" does not exist (42P01)')
  })

  it('on what the role owns itself are not needed', async () => {
    const world = createWorld(server)
    await world.converge({ roles: ROLES })
    await server.sql('ALTER TABLE sales.orders OWNER TO app', 'shop')
    await world.converge({ roles: ROLES, grants: [grant({ tables: 'all' }, ['SELECT'])] })
  })

  it('that the connecting role may not make fail and are rolled back', async () => {
    await server.sql(
      `CREATE ROLE admin LOGIN CREATEROLE PASSWORD 'pw'; GRANT USAGE ON SCHEMA sales TO admin;
       GRANT SELECT ON sales.orders TO admin WITH GRANT OPTION`,
      'shop',
    )
    const uris = { main: server.uri({ user: 'admin', password: 'pw' }) }
    const access = { roles: ROLES, grants: [grant({ tables: ['orders'] }, ['SELECT', 'DELETE'])] }
    const run = await createWorld(server, { uris }).apply(access)
    expect(told(run)).toContain('the connecting role may not grant or revoke them')
    expect(await may(`has_table_privilege('app', 'sales.orders', 'SELECT')`)).toBe(false)
  })

  it('work for a connecting role that is no superuser', async () => {
    await server.sql(
      `CREATE ROLE admin LOGIN CREATEROLE PASSWORD 'pw'; ALTER SCHEMA sales OWNER TO admin; ALTER TABLE sales.orders OWNER TO admin`,
      'shop',
    )
    const uris = { main: server.uri({ user: 'admin', password: 'pw' }) }
    const world = createWorld(server, { uris, secrets: { 'pg/app': 'app-password' } })
    const roles = [{ name: 'app', login: true, password: { secret: { path: 'pg/app' } } }]
    await world.converge({ roles, grants: [grant({ tables: ['orders'] }, ['SELECT'])] })
    await world.converge({ roles: [] })
    expect(await server.sql(`SELECT 1 FROM pg_roles WHERE rolname = 'app'`)).toEqual([])
  })
})

describe('names', () => {
  const EVIL = `x"; DROP TABLE public.plain; --'\\ %/é`

  it('of anything are quoted everywhere', async () => {
    const [q, s] = [(text: string) => `"${text.replaceAll('"', '""')}"`, (text: string) => `${text}2`]
    await server.createDatabase(EVIL)
    await server.sql(
      `CREATE SCHEMA ${q(EVIL)}; CREATE TABLE ${q(EVIL)}.${q(EVIL)} (${q(EVIL)} int); CREATE SEQUENCE ${q(EVIL)}.${q(s(EVIL))};
       CREATE TYPE ${q(EVIL)}.${q(`${EVIL}t`)} AS ENUM ('a');
       CREATE FUNCTION ${q(EVIL)}.${q(EVIL)}(${q(EVIL)}.${q(`${EVIL}t`)}) RETURNS int LANGUAGE sql AS 'SELECT 1'`,
      EVIL,
    )
    const on = { role: EVIL, database: EVIL, schema: EVIL }
    const world = createWorld(server, { target: 'evil', place: `it's "here"\\` })
    const access = {
      roles: [
        { name: EVIL, login: true, memberOf: [s(EVIL)], validUntil: '2031-01-31T00:00:00Z' },
        { name: s(EVIL), login: false },
      ],
      grants: [
        { role: EVIL, database: EVIL, on: 'database', privileges: ['CONNECT'] },
        { ...on, on: 'schema', privileges: ['USAGE'] },
        { ...on, on: { tables: [EVIL] }, privileges: ['SELECT'] },
        { ...on, on: { sequences: 'all' }, privileges: ['USAGE'] },
        { ...on, on: { functions: 'all' }, privileges: ['EXECUTE'] },
        { ...on, on: { defaultPrivileges: 'tables', createdBy: s(EVIL) }, privileges: ['SELECT'] },
      ],
    }
    await world.converge(access)
    await server.sql(`GRANT UPDATE (${q(EVIL)}) ON ${q(EVIL)}.${q(EVIL)} TO ${q(EVIL)}`, EVIL)
    expect((await world.converge(access)).plan?.changes.map(({ action }) => action)).toEqual(['delete'])
    await world.converge({ roles: [], grants: [] })
    expect(await server.sql(`SELECT 1 FROM pg_roles WHERE rolname LIKE 'x"%'`)).toEqual([])
    expect(await may(`to_regclass('public.plain') IS NOT NULL`)).toBe(true)
  })

  it.each([
    [
      'a privilege',
      grant({ tables: ['orders'] }, ['SELECT ON sales.orders TO app; DROP TABLE public.plain; --']),
      'cannot be granted there',
    ],
    ['a privilege of another kind', grant('schema', ['SELECT']), 'cannot be granted there; it is one of CREATE, USAGE'],
    [
      'a name that the server would cut off',
      grant({ tables: ['é'.repeat(32)] }, ['SELECT']),
      'has 64 bytes; PostgreSQL keeps 63',
    ],
    ['a schema for a database', grant('database', ['CONNECT']), 'does not belong to a grant on a database'],
    ['a table without a schema', grant({ tables: 'all' }, ['SELECT'], {}), 'is missing: which schema?'],
    [
      'a role that is not managed',
      { ...grant('schema', ['USAGE']), role: 'postgres' },
      'is not among the roles of this file',
    ],
    ['something else', grant('tables', ['SELECT']), 'must be database, schema, { tables: all }'],
  ])('%s is refused', async (_, bad, message) => {
    const run = await createWorld(server).plan({ roles: ROLES, grants: [bad] })
    expect(run.record.exitCode).toBe(1)
    expect(told(run)).toContain(message)
  })
})
