// Rows of 50,000 data files of 1 KB: validating and bundling them, cold, with what was kept, and after a change of one file; seconds and memory of the
// whole process, workers included. Cold is held against reading the same bytes with js-yaml alone, in one run.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { commitOf, fileOf } from './repositories.mjs'

const FILES = 50_000
const TEAMS = 500

/** @type {readonly import('./command.mjs').Bench[]} */
export const dataBenches = [
  { name: 'data', measure: (place) => dataRows(place, 'default') },
  { name: 'data-qontract', measure: (place) => dataRows(place, 'qontract') },
]

/** One time each: a second cold run would tell the same, and takes as long. */
function dataRows(place, format) {
  const cwd = repositoryOf(place, format)
  const cache = join(place.folder, `cache-${format}`)
  const env = { ...place.env, XDG_CACHE_HOME: cache }
  rmSync(cache, { recursive: true, force: true })
  mkdirSync(cache)
  const run = (args, parsed) => measured(place, { args: ['data', ...args], cwd, env, parsed })
  const cold = run(['validate', '--revision', 'main~1'], FILES)
  const warm = run(['validate', '--revision', 'main~1'], 0)
  const changed = run(['validate', '--revision', 'main'], 1)
  // In the working tree: what differs from HEAD is found too.
  const touched = join(cwd, 'data/users/u07/7.yml')
  writeFileSync(touched, userOf(format, 7, 'edited here'))
  const worktree = run(['validate'], 1)
  const bundle = run(['bundle', '--revision', 'main', '--out', join(place.folder, 'bundle.json')])
  execFileSync('git', ['checkout', '--quiet', '--', '.'], { cwd, env })
  const note = `${format} format`
  return [
    { label: 'cold validate', value: cold.seconds, unit: ' s', target: 30, note: `${note}; workers parse and check` },
    { label: 'its memory', value: cold.mebibytes, unit: ' MiB', target: 1229, note: 'most at once, all threads' },
    { label: 'again', value: warm.seconds, unit: ' s', target: 2.5, note: 'nothing is parsed' },
    { label: 'after a change of one file', value: changed.seconds, unit: ' s', target: 2.5, note: 'another revision' },
    {
      label: 'the same in the working tree',
      value: worktree.seconds,
      unit: ' s',
      target: 2.5,
      note: 'an edit that is in no commit',
    },
    { label: 'its processor time', value: worktree.cpuSeconds, unit: ' s', note: "of the program, without git's" },
    { label: 'the memory of that', value: worktree.mebibytes, unit: ' MiB', note: 'most at once' },
    { label: 'warm against cold', value: warm.seconds / cold.seconds, unit: 'x', target: 0.25 },
    { label: 'bundle, warm', value: bundle.seconds, unit: ' s', note: 'every value read, sorted and written' },
    { label: 'its memory', value: bundle.mebibytes, unit: ' MiB', note: 'most at once' },
  ]
}

const PROBE =
  "process.on('exit', () => process.stderr.write(`\\npeak ${process.resourceUsage().maxRSS} cpu ${process.cpuUsage().user + process.cpuUsage().system}\\n`))"

/** Refuses a run that did not parse what is claimed. */
function measured(place, { args, cwd, env, parsed }) {
  const probe = join(place.folder, 'peak.cjs')
  writeFileSync(probe, `if (require('node:worker_threads').isMainThread) ${PROBE}\n`)
  const started = performance.now()
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--require', probe, place.bin, ...args, '-o', 'json'],
    {
      cwd,
      env,
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    },
  )
  const seconds = (performance.now() - started) / 1000
  const answer = status === 0 ? JSON.parse(stdout) : {}
  if (status !== 0 || answer.data !== FILES || (parsed !== undefined && answer.parsed !== parsed))
    throw new Error(`${args.join(' ')} ended with ${String(status)}: ${stdout.slice(0, 1000)}\n${stderr}`)
  const [, peak, cpu] = /peak (\d+) cpu (\d+)/.exec(stderr) ?? []
  return { seconds, mebibytes: Number(peak) / 1024, cpuSeconds: Number(cpu) / 1e6 }
}

function repositoryOf({ folder, env }, format) {
  const path = join(folder, `repository-data-${format}`)
  if (existsSync(path)) return path
  mkdirSync(path)
  const git = (args, input) =>
    execFileSync('git', args, { cwd: path, env, stdio: ['pipe', 'ignore', 'inherit'], input, maxBuffer: 1 << 28 })
  git(['init', '--quiet', '--initial-branch=main'])
  const at = 1_767_225_600
  const files = [fileOf('trueup.yaml', `version: 1\ndata: { dir: data, format: ${format} }\n`), ...schemasOf(format)]
  for (let team = 0; team < TEAMS; team++) files.push(fileOf(`data/teams/t${String(team)}.yml`, teamOf(format, team)))
  for (let user = 0; user < FILES - TEAMS; user++)
    files.push(fileOf(`data/users/u${String(user % 100).padStart(2, '0')}/${String(user)}.yml`, userOf(format, user)))
  git(
    ['fast-import', '--quiet'],
    commitOf('first', at, files) +
      commitOf('second', at + 60, [fileOf('data/users/u03/3.yml', userOf(format, 3, 'edited'))]),
  )
  git(['reset', '--quiet', '--hard', 'main'])
  return path
}

/** About 1 KB, half of it structure. */
function userOf(format, user, note = 'none') {
  const roles = Array.from(
    { length: 6 },
    (_, index) =>
      `- name: role-${String(index)}\n  team: { $ref: /teams/t${String((user * 7 + index) % TEAMS)}.yml }\n  since: ${String(2000 + index)}\n`,
  )
  const keys = Array.from(
    { length: 4 },
    (_, index) => `- ssh-ed25519 ${'k'.repeat(48)}${String(index)} user-${String(user)}\n`,
  )
  const text = `---\n$schema: /user-1.yml\n\nname: user-${String(user)}\nemail: user-${String(user)}@example.com\nactive: true\nnote: ${note}\nroles:\n${roles.join('')}keys:\n${keys.join('')}`
  return `${text}# ${'x'.repeat(Math.max(0, 1020 - text.length))}\n`
}

function teamOf(format, team) {
  return `$schema: /team-1.yml\nname: team-${String(team)}\ndescription: |\n${'  A line of text about what this team does.\n'.repeat(20)}`
}

function schemasOf(format) {
  const meta = format === 'qontract' ? '/metaschema-1.json' : 'https://json-schema.org/draft/2020-12/schema'
  const draft = 'http://json-schema.org/draft-06/schema#'
  const json = (path, value) => fileOf(`schemas/${path}`, JSON.stringify(value))
  const text = { type: 'string' }
  return [
    json('metaschema-1.json', { $schema: draft, type: 'object', required: ['$schema', 'properties'] }),
    json('common-1.json', {
      $schema: draft,
      definitions: { crossref: { type: 'object', properties: { $ref: text }, required: ['$ref'] } },
    }),
    json('user-1.yml', {
      $schema: meta,
      type: 'object',
      additionalProperties: false,
      properties: {
        $schema: text,
        name: { type: 'string', pattern: '^[a-z][a-z0-9-]*$' },
        email: text,
        active: { type: 'boolean' },
        note: text,
        roles: {
          type: 'array',
          items: {
            type: 'object',
            additionalProperties: false,
            properties: {
              name: text,
              team: { $ref: '/common-1.json#/definitions/crossref', $schemaRef: '/team-1.yml' },
              since: { type: 'integer' },
            },
            required: ['name', 'team'],
          },
        },
        keys: { type: 'array', items: text },
      },
      required: ['$schema', 'name', 'roles'],
    }),
    json('team-1.yml', {
      $schema: meta,
      type: 'object',
      additionalProperties: false,
      properties: { $schema: text, name: text, description: text },
      required: ['name'],
    }),
    fileOf(
      'graphql-schemas/schema.yml',
      'confs:\n' +
        '- { name: User_v1, datafile: /user-1.yml, fields: [{ name: name, type: string, isUnique: true }, { name: roles, type: Role_v1, isList: true }] }\n' +
        '- { name: Role_v1, fields: [{ name: name, type: string, isContextUnique: true }, { name: team, type: Team_v1 }] }\n' +
        '- { name: Team_v1, datafile: /team-1.yml, fields: [{ name: name, type: string, isUnique: true }] }\n' +
        '- { name: Query, fields: [{ name: users_v1, type: User_v1, isList: true, datafileSchema: /user-1.yml }] }\n' +
        (format === 'qontract' ? '$schema: /graphql-1.yml\n' : '$schema: /graphql-1.yml\n'),
    ),
    json('graphql-1.yml', { $schema: meta, type: 'object', properties: { confs: { type: 'array' } } }),
  ]
}
