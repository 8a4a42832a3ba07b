// Rows of what a plan of 10,000 roles and 50,000 grants costs: the whole process, with a real PostgreSQL on the same machine.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import pg from 'pg'
import { startPostgresServer } from '../scripts/postgres-server.mjs'
import { interleaved, timeChild } from './measure.mjs'

const ROLES = 10_000
const TABLES = 500
/** Tables of each role, beside the schema. */
const GRANTED = 4
/** Seconds are told, so a plan need not be made as often as what takes milliseconds. */
const FEWER = 5
const TARGET = 5

/** @type {readonly import('./command.mjs').Bench[]} */
export const postgresAccessBenches = [{ name: 'postgres-access', measure: measurePlans }]

async function measurePlans(place) {
  const folder = join(place.folder, 'postgres')
  mkdirSync(folder)
  // As root the server runs as another user.
  chmodSync(place.folder, 0o755)
  const server = await startPostgresServer(folder)
  try {
    await fill(server)
    const TRUEUP_SECRET_PG = `postgres://postgres:${server.password}@127.0.0.1:${server.port}/postgres`
    const env = { ...place.env, TRUEUP_SECRET_PG }
    const plan = (cwd) => ({ run: () => timeChild(process.execPath, [place.bin, 'plan', 'access'], { cwd, env }) })
    const sides = {
      converged: plan(repository(place, { name: 'converged', ending: 'json', prefix: 'r' })),
      first: plan(repository(place, { name: 'first', ending: 'json', prefix: 'n' })),
      yaml: plan(repository(place, { name: 'yaml', ending: 'yaml', prefix: 'r' })),
    }
    const times = await interleaved(sides, { rounds: Math.max(1, Math.ceil(place.rounds / FEWER)) })
    const row = (label, { ms, cpuMs }) => ({
      label: `plan of 10,000 roles, 50,000 grants: ${label}`,
      value: ms / 1000,
      unit: ' s',
      target: TARGET,
      note: cpuMs === undefined ? '' : `processor time ${(cpuMs / 1000).toFixed(2)} s`,
    })
    return [row('no change', times.converged), row('all new', times.first), row('YAML', times.yaml)]
  } finally {
    await server.stop()
  }
}

const named = (prefix, index) => `${prefix}${index}`
const tablesOf = (index) => Array.from({ length: GRANTED }, (_, nth) => `t${((index * GRANTED + nth) % TABLES) + 1}`)
const groupOf = (index) => (index < 100 ? undefined : index % 100)

/** What an apply of the roles `r…` leaves, made in bulk. */
async function fill(server) {
  const open = async (database) => {
    const client = new pg.Client({ host: '127.0.0.1', user: 'postgres', ...server, database })
    await client.connect()
    return client
  }
  const main = await open('postgres')
  await main.query('CREATE DATABASE shop')
  const mark = JSON.stringify({ target: 'access', destination: 'postgres-access/converged' })
  const names = Array.from({ length: ROLES }, (_, index) => index)
  for (let from = 0; from < ROLES; from += 1000) {
    const some = names.slice(from, from + 1000)
    const statements = some.flatMap((index) => [
      `CREATE ROLE r${index}`,
      `COMMENT ON ROLE r${index} IS 'trueup: ${mark}'`,
      ...(groupOf(index) === undefined ? [] : [`GRANT r${groupOf(index)} TO r${index}`]),
    ])
    await main.query(statements.join(';'))
  }
  await main.end()
  const shop = await open('shop')
  const grantees = new Map(Array.from({ length: TABLES }, (_, index) => [`t${index + 1}`, []]))
  for (const index of names) for (const table of tablesOf(index)) grantees.get(table)?.push(`r${index}`)
  for (const [table, roles] of grantees)
    await shop.query(`CREATE TABLE ${table} (id int); GRANT INSERT, SELECT ON ${table} TO ${roles.join(', ')}`)
  await shop.query(`GRANT USAGE ON SCHEMA public TO ${names.map((index) => `r${index}`).join(', ')}`)
  await shop.query('ANALYZE')
  await shop.end()
}

function repository({ folder, env }, { name, ending, prefix }) {
  const path = join(folder, `access-${name}`)
  mkdirSync(path)
  const numbers = Array.from({ length: ROLES }, (_, index) => index)
  const roles = numbers.map((index) => ({
    name: named(prefix, index),
    login: false,
    memberOf: groupOf(index) === undefined ? [] : [named(prefix, groupOf(index))],
  }))
  const where = { database: 'shop', schema: 'public' }
  const grants = numbers.flatMap((index) => [
    { role: named(prefix, index), ...where, on: 'schema', privileges: ['USAGE'] },
    { role: named(prefix, index), ...where, on: { tables: tablesOf(index) }, privileges: ['INSERT', 'SELECT'] },
  ])
  // The mark on the roles names the instance: those of another one are of no concern.
  const instance = prefix === 'r' ? 'converged' : name
  const data = { instance, connection: { secret: { path: 'pg' } }, roles, grants }
  writeFileSync(join(path, `data.${ending}`), ending === 'json' ? JSON.stringify(data, null, 2) : yamlText(data))
  const target = `{ integration: postgres-access, params: { data: data.${ending} } }`
  writeFileSync(join(path, 'trueup.yaml'), `version: 1\ntargets:\n  access: ${target}\n`)
  execFileSync('git', ['init', '--quiet'], { cwd: path, env })
  return path
}

/** One line a role and a grant, as people write it. */
function yamlText({ instance, connection, roles, grants }) {
  const lines = (values) =>
    values.map((value) => `  - ${JSON.stringify(value).replace(/"(\w+)":/g, '$1: ')}\n`).join('')
  return `instance: ${instance}\nconnection: ${JSON.stringify(connection)}\nroles:\n${lines(roles)}grants:\n${lines(grants)}`
}
