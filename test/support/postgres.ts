// A PostgreSQL server of its own for a test file: in a temporary folder, on a free port of the loopback interface. `stop` removes all of it.
import { Client } from 'pg'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostgresServer } from '../../scripts/postgres-server.mjs'

export interface TestPostgres {
  readonly port: number
  /** Of the superuser `postgres`, unless others are named. */
  uri(options?: {
    readonly database?: string
    readonly user?: string
    readonly password?: string
    readonly port?: number
  }): string
  /** One statement as the superuser, in a session of its own. */
  sql<Row extends Readonly<Record<string, unknown>>>(text: string, database?: string): Promise<readonly Row[]>
  createDatabase(name: string): Promise<void>
  /** Back to the server's own databases and roles; `keep` names a database that stays, without what its roles had in it. */
  reset(options?: { readonly keep?: string }): Promise<void>
  /** Ends as in a crash, and after `meanwhile` starts again where it was. */
  restart(meanwhile?: () => Promise<unknown>): Promise<void>
  stop(): Promise<void>
}

export async function startPostgres(): Promise<TestPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'trueup-postgres-'))
  // As root the server runs as another user there.
  await chmod(folder, 0o755)
  const server = await startPostgresServer(folder)
  const { port } = server

  const uri: TestPostgres['uri'] = ({
    database = 'postgres',
    user = 'postgres',
    password = server.password,
    port: at = port,
  } = {}) =>
    `postgres://${encodeURIComponent(user)}:${encodeURIComponent(password)}@127.0.0.1:${String(at)}/${encodeURIComponent(database)}`

  const open = (database: string): Client => {
    const client = new Client({ host: '127.0.0.1', port, user: 'postgres', password: server.password, database })
    client.on('error', () => undefined)
    return client
  }
  // Kept open: a session costs more than what tests ask in it.
  let main = open('postgres')
  await main.connect()

  async function sql<Row extends Readonly<Record<string, unknown>>>(
    text: string,
    database = 'postgres',
  ): Promise<Row[]> {
    if (database === 'postgres') return (await main.query<Row>(text)).rows
    const client = open(database)
    await client.connect()
    try {
      return (await client.query<Row>(text)).rows
    } finally {
      await client.end()
    }
  }

  return {
    port,
    uri,
    sql,
    async createDatabase(name) {
      await sql(`CREATE DATABASE ${quoted(name)}`)
    },
    async reset({ keep } = {}) {
      const databases = await sql<{ name: string }>(
        `SELECT datname AS name FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1')`,
      )
      for (const { name } of databases) if (name !== keep) await sql(`DROP DATABASE ${quoted(name)} WITH (FORCE)`)
      const roles = await sql<{ name: string }>(
        `SELECT rolname AS name FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> 'postgres'`,
      )
      if (roles.length === 0) return
      const all = roles.map(({ name }) => quoted(name)).join(', ')
      if (keep !== undefined) await sql(`DROP OWNED BY ${all} CASCADE`, keep)
      await sql(`DROP OWNED BY ${all} CASCADE; DROP ROLE ${all}`)
    },
    async restart(meanwhile) {
      await server.restart(meanwhile)
      await main.end().catch(() => undefined)
      main = open('postgres')
      await main.connect()
    },
    async stop() {
      await main.end()
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
