// postgres-access, applied by the built command line and killed with SIGKILL at each statement of the apply: what the next run makes of it,
// with the catalogue read back. A proxy holds the statement, so that the kill falls before the server sees it or before its answer is seen.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startPostgres, type TestPostgres } from '../support/postgres.js'
import { startProxy } from '../support/postgres-proxy.js'
import { createRig, type Rig, type RunningChild } from '../support/rig.js'

let server: TestPostgres
let rig: Rig
/** What an apply that nothing disturbs leaves. */
let desired: unknown
beforeAll(async () => {
  server = await startPostgres()
  await server.createDatabase('shop')
  rig = await createRig({
    files: {
      'trueup.yaml': 'version: 1\n',
      'data/postgres-access/main.yaml': {
        instance: 'main',
        connection: { secret: { path: 'pg/main' } },
        roles: [
          { name: 'app', login: true, memberOf: ['writers'], password: { secret: { path: 'pg/app' } } },
          { name: 'writers', login: false },
        ],
        grants: [
          { role: 'app', database: 'shop', schema: 'public', on: { tables: ['orders'] }, privileges: ['INSERT'] },
        ],
      },
    },
  })
  await begin()
  expect((await apply(server.port).result).code).toBe(0)
  desired = await catalogue()
})
afterAll(async () => {
  await rig[Symbol.asyncDispose]()
  await server.stop()
})

/** What an earlier run had made, and a store that knows nothing of it. */
async function begin(): Promise<void> {
  await rig.write({ '.trueup': null })
  await server.reset({ keep: 'shop' })
  const mark = `'trueup: {"target":"postgres-access","destination":"postgres-access/main"}'`
  await server.sql(
    `CREATE ROLE readers; CREATE ROLE old; CREATE ROLE app LOGIN IN ROLE readers;
     ${['readers', 'old', 'app'].map((role) => `COMMENT ON ROLE ${role} IS ${mark}`).join('; ')}`,
  )
  await server.sql(
    'DROP TABLE IF EXISTS orders; CREATE TABLE orders (id int); GRANT SELECT ON orders TO app, old',
    'shop',
  )
}

function apply(port: number, ...args: readonly string[]): RunningChild {
  const env = { TRUEUP_SECRET_PG_MAIN: server.uri({ port }), TRUEUP_SECRET_PG_APP: 'first-password' }
  return rig.start(['apply', 'postgres-access', '--yes', '--max-deletes', '100%', ...args], { env })
}

/** Everything that the data file is about; of passwords only that they are those that the mark tells of. */
async function catalogue(): Promise<unknown> {
  const roles = await server.sql(
    `SELECT rolname, rolcanlogin, regexp_replace(shobj_description(r.oid, 'pg_authid'), '"stored":"[0-9a-f]+"', '') AS mark,
            rolpassword IS NULL OR shobj_description(r.oid, 'pg_authid') LIKE '%' || left(encode(sha256(rolpassword::bytea), 'hex'), 32) || '%' AS "isKnown",
            ARRAY(SELECT g.rolname::text FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid) AS groups
     FROM pg_authid r WHERE rolname !~ '^pg_' AND rolname <> 'postgres' ORDER BY 1`,
  )
  const grants = await server.sql(`SELECT relacl::text FROM pg_class WHERE oid = 'public.orders'::regclass`, 'shop')
  return { roles, grants }
}

interface Json {
  readonly runs: readonly {
    readonly outcomes: readonly { readonly key: string; readonly action: string; readonly result: string }[]
  }[]
}
const outcomesOf = (json: unknown): readonly string[] =>
  (json as Json).runs[0]?.outcomes.map(({ action, key, result }) => `${result} ${action} ${key}`) ?? []

/** How many statements that count an undisturbed apply sends. */
const CASES = [
  {
    when: 'before',
    what: 'changes anything or commits',
    counts: /^(CREATE|ALTER|COMMENT|GRANT|REVOKE|DROP|COMMIT)/,
    total: 17,
  },
  // In a transaction, what was executed is as if it had not been.
  { when: 'after', what: 'commits, so that nobody hears of it', counts: /^COMMIT/, total: 6 },
] as const

describe.each(CASES)('a run that is killed $when a statement that $what', ({ when, counts, total }) => {
  it('has as many of them as are tried here', async () => {
    await begin()
    await using proxy = await startProxy(server.port, { statement: Infinity, counts, when })
    expect((await apply(proxy.port).result).code).toBe(0)
    expect(proxy.seen).toHaveLength(total)
  })

  it.each(Array.from({ length: total }, (_, index) => index + 1))(
    'is finished by the next one: %i',
    async (statement) => {
      await begin()
      const running: { child?: RunningChild } = {}
      await using proxy = await startProxy(server.port, {
        statement,
        counts,
        when,
        async first() {
          running.child?.kill('SIGKILL')
          await running.child?.result
        },
      })
      running.child = apply(proxy.port, '--concurrency', '1')
      const { signal, stderr } = await running.child.result
      const where = `${proxy.seen.at(-1) ?? 'none'}\n${stderr}`
      expect(signal, where).toBe('SIGKILL')

      // In the middle of which change it was is on record, and it is not known what became of it.
      const listed = await rig.run(['runs', 'list', '--mode', 'apply', '-o', 'json'])
      const unknown = outcomesOf(listed.json()).filter((outcome) => outcome.startsWith('unknown'))
      expect(unknown, where).toHaveLength(1)
      const what = unknown[0]?.replace('unknown ', '') ?? ''

      const next = await apply(server.port, '-o', 'json').result
      expect(next.code, `${where}\n${next.stderr}`).toBe(0)
      expect(next.stderr, where).toContain('ended in the middle of 1 change')
      expect(next.stderr, where).toContain(what)
      // What was not committed is done by the next run; what was is not done again.
      expect(outcomesOf(next.json()).includes(`applied ${what}`), where).toBe(when === 'before')
      expect(await catalogue(), where).toEqual(desired)
    },
  )
})
