// The second half of the demo: roles and grants of a real PostgreSQL. Each step is compared with what it announces, and the database is asked.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import pg from 'pg'

const TABLES = ['customers', 'invoices', 'orders']
const READERS = ['audit', 'backup', 'reporting', 'support']

/**
 * @param {import('./stage.mjs').Stage} stage
 * @param {import('../postgres-server.mjs').PostgresServer} server
 */
export async function databaseTour({ say, step, write, git, trueup, declare }, server) {
  const shopPassword = `pässwörd ${randomBytes(9).toString('hex')}`
  const inShop = { user: 'postgres', password: server.password, database: 'shop' }
  const readBack = async (what, question, expected) => {
    const found = (await ask(server, inShop, question)).map((row) => Object.values(row).join('  ')).sort()
    say(`In the database, ${what}:${found.length === 0 ? ' none' : ''}`)
    for (const line of found) say(`  ${line}`)
    const wanted = [...expected].sort()
    if (found.join('\n') !== wanted.join('\n')) throw new Error(`${what} should be: ${wanted.join(', ')}`)
  }
  const byHand = async (statement) => {
    say(`shop=# ${statement};`)
    await ask(server, inShop, statement)
  }
  const save = async (message, options) => {
    write('data/postgres-access/main.yaml', accessText(options))
    await git('add --all')
    await git('commit --message', message)
  }

  say(
    '\n\nThe same repository says who may do what in a PostgreSQL server. This one is real, and here for the demo alone.',
  )
  await ask(server, { ...inShop, database: 'postgres' }, 'CREATE DATABASE shop')
  await ask(server, inShop, TABLES.map((table) => `CREATE TABLE ${table} (id int)`).join(';'))
  declare({
    TRUEUP_SECRET_POSTGRES_MAIN: `postgres://postgres:${server.password}@127.0.0.1:${server.port}/postgres`,
    TRUEUP_SECRET_POSTGRES_MAIN_SHOP: shopPassword,
  })
  await save('Roles and grants', {})

  step('A dry run reads the catalogue, in transactions that cannot write.')
  await trueup('plan access', { prints: ['Plan for access (postgres-access): 11 create', 'Nothing was changed.'] })
  await readBack('roles', ROLES, [])

  step('An apply creates the roles, the one password and the grants, each in a transaction.')
  await trueup('apply access', { prints: ['Applied 11 changes to access'] })
  const roles = ['shop  logs in', ...READERS.map((name) => `${name}  group`)]
  await readBack('roles', ROLES, roles)
  await readBack('grants on tables', GRANTS, grants())
  await ask(server, { user: 'shop', password: shopPassword, database: 'shop' }, 'SELECT FROM orders')
  say('shop logs in with its password and reads its orders.')

  step('Somebody revokes a grant. A plan finds it, an apply grants it again.')
  await byHand('REVOKE SELECT ON orders FROM reporting')
  await readBack('grants on tables', GRANTS, grants({ except: 'reporting  orders' }))
  await trueup('plan access', { prints: ['1 create', 'main/grant/reporting/shop/public/table/orders'] })
  await trueup('apply access', { prints: ['Applied 1 change to access'] })
  await readBack('grants on tables', GRANTS, grants())

  step('Somebody gives more than the repository says, and takes a right to log in. That goes back too.')
  await byHand('GRANT DELETE ON customers TO support')
  await byHand('ALTER ROLE shop NOLOGIN CREATEDB')
  await trueup('plan access', {
    prints: ['1 delete, 1 update', 'main/grant/support/shop/public/table/customers', 'login: false → true', 'CREATEDB'],
  })
  await trueup('apply access', { prints: ['Applied 2 changes to access'] })
  await readBack('roles', ROLES, roles)
  await readBack('grants on tables', GRANTS, grants())

  step('A commit loses all roles but one. The plan is shown whole, and not carried out.')
  await save('Lose the readers', { readers: [] })
  await trueup('apply access', {
    exits: 3,
    prints: [
      'Plan for access (postgres-access): 8 delete (11 owned)',
      'Blocked (max-deletes, shard main)',
      '--max-deletes 8',
    ],
  })
  await readBack('roles', ROLES, roles)
  await git('revert --no-edit HEAD')
  say('$ git revert --no-edit HEAD')
  await trueup('plan access', { prints: ['No changes: 11 objects are as they should be.'] })

  step('A commit gives shop another right.')
  await save('shop may delete orders', { shopMay: ['DELETE', 'INSERT', 'SELECT'] })
  await trueup('apply access --base HEAD~1', {
    prints: ['Applied 1 change to access'],
  })
  await readBack('grants on tables', GRANTS, grants({ shop: 'DELETE INSERT SELECT' }))

  step('What happened to that grant, when, and by which run?')
  const told = await trueup('history access main/grant/shop/shop/public/table/orders', {
    prints: ['updated', 'created', 'run 01', 'trueup undo 01'],
  })

  step('That run was a mistake. It can be taken back: shown first, then done.')
  const run = /trueup undo (01\w{24})/.exec(told)?.[1]
  await trueup(`undo ${run}`, {
    prints: ['1 update', '"DELETE, INSERT, SELECT" → "INSERT, SELECT"', 'Nothing was changed.'],
  })
  await trueup(`undo ${run} --apply`, { prints: ['Applied 1 change to access'] })
  await readBack('grants on tables', GRANTS, grants())
}

const ROLES = `SELECT rolname, CASE WHEN rolcanlogin THEN 'logs in' ELSE 'group' END || CASE WHEN rolcreatedb THEN ', CREATEDB' ELSE '' END
  FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> 'postgres'`
const GRANTS = `SELECT grantee, table_name, string_agg(privilege_type, ' ' ORDER BY privilege_type)
  FROM information_schema.role_table_grants WHERE table_schema = 'public' AND grantee <> 'postgres' GROUP BY 1, 2`

function grants({ except, shop = 'INSERT SELECT' } = {}) {
  const all = [`shop  orders  ${shop}`, ...READERS.map((name) => `${name}  orders  SELECT`)]
  return all.filter((line) => except === undefined || !line.startsWith(except))
}

function accessText({ readers = READERS, shopMay = ['INSERT', 'SELECT'] }) {
  const roles = readers.map((name) => `  - { name: ${name}, login: false }\n`)
  const on = 'database: shop, schema: public, on: { tables: [orders] }'
  const reads = readers.map((name) => `  - { role: ${name}, ${on}, privileges: [SELECT] }\n`)
  return `instance: main
connection: { secret: { path: postgres/main } }
roles:
${roles.join('')}  - { name: shop, login: true, password: { secret: { path: postgres/main/shop } } }
grants:
${reads.join('')}  - { role: shop, ${on}, privileges: [${shopMay.join(', ')}] }
  - { role: shop, database: shop, on: database, privileges: [CONNECT] }
`
}

/** In a session of its own. */
async function ask({ port }, who, statement) {
  const client = new pg.Client({ host: '127.0.0.1', port, ...who })
  client.on('error', () => undefined)
  const end = once(client, 'end')
  await client.connect()
  try {
    return (await client.query(statement)).rows ?? []
  } finally {
    await client.end()
    await end
  }
}
