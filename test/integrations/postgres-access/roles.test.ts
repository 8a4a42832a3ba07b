// Roles and memberships of postgres-access, on a real server, with the catalogue read back.
import fc from 'fast-check'
import { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { literal } from '../../../integrations/postgres-access/names.js'
import { scramVerifier } from '../../../integrations/postgres-access/password.js'
import { saslPrepare } from '../../../integrations/postgres-access/sasl-prepare.js'
import { startPostgres, type TestPostgres } from '../../support/postgres.js'
import { actions, createWorld, fieldsOf, told } from '../../support/postgres-world.js'

let server: TestPostgres
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server.stop())
beforeEach(() => server.reset())

interface RoleRow extends Readonly<Record<string, unknown>> {
  readonly login: boolean
  readonly until: string | null
  readonly comment: string | null
  readonly groups: readonly string[]
}
async function role(name: string): Promise<RoleRow | undefined> {
  const literal = `'${name.replaceAll("'", "''")}'`
  const [found] = await server.sql<RoleRow>(
    `SELECT rolcanlogin AS login, rolvaliduntil::text AS until, shobj_description(r.oid, 'pg_authid') AS comment,
            ARRAY(SELECT g.rolname::text FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid ORDER BY 1) AS groups
     FROM pg_roles r WHERE rolname = ${literal}`,
  )
  return found
}

/** Some mixtures are refused. */
const isTaken = (password: string): Promise<boolean> =>
  saslPrepare(password).then(
    () => true,
    () => false,
  )

async function logIn(user: string, password: string): Promise<string> {
  const client = new Client({ host: '127.0.0.1', port: server.port, user, password, database: 'postgres' })
  await client.connect()
  try {
    const { rows } = await client.query<{ who: string }>('SELECT current_user AS who')
    return rows[0]?.who ?? ''
  } finally {
    await client.end()
  }
}

const READERS = { name: 'readers', login: false }
const APP = { name: 'app', login: true, memberOf: ['readers'], validUntil: '2031-01-31T00:00:00Z' }

describe('roles', () => {
  it('are created with their memberships and mark, and then there is nothing to do', async () => {
    const world = createWorld(server)
    const run = await world.converge({ roles: [APP, READERS] })
    expect(actions(run)).toEqual(['create main/role/app', 'create main/role/readers'])
    expect(await role('app')).toEqual({
      login: true,
      until: '2031-01-31 00:00:00+00',
      comment: 'trueup: {"target":"postgres-access","destination":"postgres-access/main"}',
      groups: ['readers'],
    })
    expect(await role('readers')).toMatchObject({ login: false, until: null, groups: [] })
  })

  it('are brought back when somebody changed them by hand', async () => {
    const world = createWorld(server)
    await world.converge({ roles: [APP, READERS] })
    await server.sql(`CREATE ROLE admins; ALTER ROLE app NOLOGIN CREATEDB NOINHERIT CONNECTION LIMIT 3 VALID UNTIL 'infinity';
      REVOKE readers FROM app; GRANT admins TO app WITH ADMIN OPTION`)
    const plan = await world.plan({ roles: [APP, READERS] })
    expect(actions(plan)).toEqual(['update main/role/app'])
    expect(fieldsOf(plan, 'main/role/app')).toMatchObject({
      login: [false, true],
      validUntil: [null, '2031-01-31T00:00:00Z'],
    })
    await world.converge({ roles: [APP, READERS] })
    expect(await role('app')).toMatchObject({ login: true, until: '2031-01-31 00:00:00+00', groups: ['readers'] })
    expect(
      await server.sql(`SELECT rolcreatedb, rolinherit, rolconnlimit FROM pg_roles WHERE rolname = 'app'`),
    ).toEqual([{ rolcreatedb: false, rolinherit: true, rolconnlimit: -1 }])
  })

  it('take an option of a membership away', async () => {
    const world = createWorld(server)
    await world.converge({ roles: [APP, READERS] })
    await server.sql('GRANT readers TO app WITH ADMIN OPTION')
    expect(fieldsOf(await world.plan({ roles: [APP, READERS] }), 'main/role/app')).toEqual({
      beyond: [['member of readers WITH ADMIN'], []],
    })
  })

  it('are dropped when they are no longer desired, members of each other too', async () => {
    const world = createWorld(server)
    await world.converge({ roles: [APP, READERS] })
    const run = await world.converge({ roles: [] })
    expect(actions(run)).toEqual(['delete main/role/app', 'delete main/role/readers'])
    expect(await role('app')).toBeUndefined()
    expect(await role('readers')).toBeUndefined()
  })

  it('lose a group that is dropped', async () => {
    const world = createWorld(server)
    await world.converge({ roles: [APP, READERS] })
    await world.converge({ roles: [{ ...APP, memberOf: [] }] })
    expect(await role('app')).toMatchObject({ groups: [] })
    expect(await role('readers')).toBeUndefined()
  })

  it("that are as desired and nobody's are adopted, and keep what people wrote", async () => {
    await server.sql(`CREATE ROLE readers; COMMENT ON ROLE readers IS 'people who read: "all"'`)
    const world = createWorld(server)
    const run = await world.converge({ roles: [READERS] })
    expect(actions(run)).toEqual(['adopt main/role/readers'])
    expect((await role('readers'))?.comment).toBe(
      'people who read: "all" trueup: {"target":"postgres-access","destination":"postgres-access/main"}',
    )
    await world.converge({ roles: [] })
    expect(await role('readers')).toBeUndefined()
  })

  it("that are nobody's and differ block the plan, and nothing is touched", async () => {
    await server.sql('CREATE ROLE app NOLOGIN')
    const run = await createWorld(server).apply({ roles: [{ name: 'app', login: true }, READERS] })
    expect(run.record.exitCode).toBe(3)
    expect(told(run)).toContain('main/role/app exists, differs from what is desired, and is not owned')
    expect(await role('app')).toMatchObject({ login: false, comment: null })
    expect(await role('readers')).toBeUndefined()
  })

  it('that another target marked block the plan, though they are as desired', async () => {
    await createWorld(server, { target: 'other' }).converge({ roles: [READERS] })
    const run = await createWorld(server, { target: 'mine' }).apply({ roles: [READERS] })
    expect(run.record.exitCode).toBe(3)
    expect(fieldsOf(run, 'main/role/readers')).toEqual({ managedBy: ['other at postgres-access/main', null] })
    expect((await role('readers'))?.comment).toContain('"other"')
  })

  it('of others are left alone', async () => {
    await server.sql('CREATE ROLE stranger LOGIN')
    const world = createWorld(server)
    await world.converge({ roles: [READERS] })
    const run = await world.converge({ roles: [] })
    expect(actions(run)).toEqual(['delete main/role/readers'])
    expect(await role('stranger')).toMatchObject({ login: true })
  })
})

describe('roles that are never touched', () => {
  it('superusers, also marked ones', async () => {
    const world = createWorld(server)
    await world.converge({ roles: [READERS] })
    await server.sql('ALTER ROLE readers SUPERUSER')
    const wanted = await world.apply({ roles: [READERS] })
    expect(wanted.record.exitCode).toBe(3)
    expect(told(wanted)).toContain('the role readers is a superuser, which is never touched')
    const unwanted = await world.apply({ roles: [] })
    expect(actions(unwanted)).toEqual([])
    expect(await role('readers')).toBeDefined()
  })

  it('the connecting role', async () => {
    await server.sql(`CREATE ROLE admin LOGIN CREATEROLE PASSWORD 'pw'`)
    const uris = { main: server.uri({ user: 'admin', password: 'pw' }) }
    const run = await createWorld(server, { uris }).apply({ roles: [{ name: 'admin', login: true }] })
    expect(run.record.exitCode).toBe(3)
    expect(told(run)).toContain('the role that trueup connects as')
  })

  it("the server's own cannot even be named", async () => {
    const run = await createWorld(server).plan({ roles: [{ name: 'pg_monitor', login: false }] })
    expect(run.record.exitCode).toBe(1)
    expect(told(run)).toContain('"pg_monitor" begins with pg_')
  })

  it("are no obstacle to being members of the server's own", async () => {
    await createWorld(server).converge({ roles: [{ name: 'watch', login: false, memberOf: ['pg_monitor'] }] })
    expect(await role('watch')).toMatchObject({ groups: ['pg_monitor'] })
  })
})

describe('a role that owns something', () => {
  it('is not dropped but explained, with the list, and dropped when it owns nothing any more', async () => {
    await server.createDatabase('shop')
    const world = createWorld(server)
    await world.converge({ roles: [APP, READERS] })
    await server.sql(
      'CREATE TABLE orders (id int); ALTER TABLE orders OWNER TO app; CREATE SCHEMA s AUTHORIZATION app',
      'shop',
    )
    const run = await world.apply({ roles: [READERS] })
    expect(actions(run)).toEqual([])
    expect(run.record.exitCode).toBe(0)
    expect(told(run)).toContain(
      'main: the role app is no longer desired but is not dropped: it owns schema s in shop, owns table public.orders in shop. Give these to another role',
    )
    expect(await role('app')).toBeDefined()
    await server.sql('DROP SCHEMA s; ALTER TABLE orders OWNER TO postgres', 'shop')
    expect(actions(await world.converge({ roles: [READERS] }))).toEqual(['delete main/role/app'])
  })

  it('is told of databases that it owns', async () => {
    const world = createWorld(server)
    await world.converge({ roles: [READERS] })
    await server.sql('CREATE DATABASE theirs OWNER readers')
    expect(told(await world.plan({ roles: [] }))).toContain('it owns database theirs')
  })
})

describe('passwords', () => {
  const withPassword = (secret: object) => ({ roles: [{ name: 'app', login: true, password: { secret } }] })
  const SECRET = { path: 'pg/app', field: 'password' }

  it('are set on creation, kept as SCRAM, and never shown', async () => {
    const world = createWorld(server, { secrets: { 'pg/app': { password: "s3cret'pass\\word" } } })
    const run = await world.converge(withPassword(SECRET))
    expect(await logIn('app', "s3cret'pass\\word")).toBe('app')
    const [kept] = await server.sql<{ rolpassword: string }>(`SELECT rolpassword FROM pg_authid WHERE rolname = 'app'`)
    expect(kept?.rolpassword).toMatch(/^SCRAM-SHA-256\$4096:/)
    expect(JSON.stringify(run)).not.toContain('s3cret')
    expect(JSON.stringify(run)).not.toContain(kept?.rolpassword)
  })

  it.each([
    ['accents', 'pässwörd'],
    ['accents written as two characters', 'pa\u0308ssword'],
    ['wide letters', 'ＡＢＣ'],
    ['what is mapped to nothing', 'a\u00ADb'],
    ['a space that is none of ASCII', 'a\u00A0b'],
    ['signs younger than Unicode 3.2', 'horse 🐎 battery'],
    ['a line break', 'line\nbreak'],
    ['right to left', 'סיסמה'],
    ['both directions, which SASLprep does not allow', 'aסb'],
  ])('of %s log in', async (_, password) => {
    await createWorld(server, { secrets: { 'pg/app': { password } } }).converge(withPassword(SECRET))
    expect(await logIn('app', password)).toBe('app')
    await expect(logIn('app', `${password}x`)).rejects.toThrow('authentication failed')
  })

  it.each([
    ['becomes a letter with a mark', '\uFB2E'],
    ['becomes one letter', '\u0627\u0653'],
    ['becomes a mark and a space', ' \uFE7E'],
    ['becomes letters of the other direction', 'ס₨'],
  ])('right to left in which a sign %s, are refused: clients prepare them in different ways', async (_, password) => {
    await expect(saslPrepare(password)).rejects.toThrow('right-to-left letters with signs')
  })

  it('of any text are kept as the server itself would keep them', async () => {
    await server.sql('CREATE ROLE app')
    // Of each of these SASLprep makes something else.
    const pieces = fc.constantFrom(
      'a',
      ' ',
      'Ａ',
      'ﬁ',
      'é',
      'e\u0301',
      '\u00AD',
      '\u00A0',
      '\u200B',
      '\u0007',
      '\uE000',
      '🐎',
      'ס',
      'ك',
      '1',
      '₨',
      'ℵ',
      '𞸀',
      '𝟙',
      '\u0340',
      '\u0627',
      '\u0653',
      '\uFB2E',
      '\uFE7E',
      '\uFE8D',
    )
    const passwords = fc.oneof(
      fc.array(pieces, { minLength: 1, maxLength: 6 }).map((some) => some.join('')),
      fc.string({ unit: 'grapheme', minLength: 1 }),
    )
    await fc.assert(
      fc.asyncProperty(passwords, async (password) => {
        fc.pre(!password.includes('\0'))
        fc.pre(await isTaken(password))
        await server.sql(`ALTER ROLE app PASSWORD ${literal(password)}`)
        const [row] = await server.sql<{ kept: string }>(
          `SELECT rolpassword AS kept FROM pg_authid WHERE rolname = 'app'`,
        )
        const kept = row?.kept ?? ''
        const salt = Buffer.from(/:(.*)\$.*:/.exec(kept)?.[1] ?? '', 'base64')
        expect(await scramVerifier(password, salt), JSON.stringify(password)).toBe(kept)
      }),
      { numRuns: 150 },
    )
  })

  it('are changed when the value of their secret changes', async () => {
    const data = withPassword(SECRET)
    const first = createWorld(server, { secrets: { 'pg/app': { password: 'first-one' } } })
    await first.converge(data)
    const secrets = { 'pg/main': { uri: server.uri() }, 'pg/app': { password: 'second-one' } }
    const plan = await first.plan(data, { secrets })
    expect(Object.keys(fieldsOf(plan, 'main/role/app'))).toEqual(['password'])
    await first.converge(data, { secrets })
    expect(await logIn('app', 'second-one')).toBe('app')
    await expect(logIn('app', 'first-one')).rejects.toThrow('authentication failed')
  })

  it('are changed when the version that is asked for changes, and not read before', async () => {
    const world = createWorld(server, { secrets: { 'pg/app': { password: 'value-one' } } })
    await world.converge(withPassword({ ...SECRET, version: '1' }))
    expect((await role('app'))?.comment).toContain('"from":"version 1"')
    const withoutSecret = { secrets: { 'pg/main': { uri: server.uri() } } }
    expect(actions(await world.plan(withPassword({ ...SECRET, version: '1' }), withoutSecret))).toEqual([])
    expect(
      fieldsOf(await world.plan(withPassword({ ...SECRET, version: '2' }), withoutSecret), 'main/role/app'),
    ).toEqual({
      password: ['version 1', 'version 2'],
    })
  })

  it('are set again when somebody changed one by hand', async () => {
    const world = createWorld(server, { secrets: { 'pg/app': { password: 'right-one' } } })
    await world.converge(withPassword(SECRET))
    await server.sql(`ALTER ROLE app PASSWORD 'by-hand'`)
    const [before] = fieldsOf(await world.plan(withPassword(SECRET)), 'main/role/app')['password'] ?? []
    expect(before).toBe('changed by hand')
    await world.converge(withPassword(SECRET))
    expect(await logIn('app', 'right-one')).toBe('app')
  })

  it('are taken away when they are no longer desired', async () => {
    const world = createWorld(server, { secrets: { 'pg/app': { password: 'right-one' } } })
    await world.converge(withPassword(SECRET))
    await world.converge({ roles: [{ name: 'app', login: true }] })
    expect(await server.sql(`SELECT rolpassword FROM pg_authid WHERE rolname = 'app'`)).toEqual([{ rolpassword: null }])
  })

  it('need not be readable for a dry run, which says so; an apply fails and names the secret', async () => {
    const world = createWorld(server)
    const plan = await world.plan(withPassword(SECRET))
    expect(plan.record.exitCode).toBe(0)
    expect(told(plan)).toContain('main: the passwords of app cannot be read in this dry run')
    const run = await world.apply(withPassword(SECRET))
    expect(run.record.exitCode).toBe(1)
    expect(told(run)).toContain('the secret pg/app is not set')
    expect(await role('app')).toBeUndefined()
  })
})
