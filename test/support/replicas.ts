// Real `serve` processes that share targets on a real PostgreSQL, and the log of what their runs did. Kill some, restart the server, send events; then
// ask whether each event led to a run that began after it, and whether any target ever ran twice at once.
import { watch, writeFileSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { PACE } from '../../src/schedule/postgres-replica.js'
import { jobName } from '../../src/schedule/postgres-schema.js'
import type { TestPostgres } from './postgres.js'
import { createRig, type Rig, type RunningChild } from './rig.js'

/** Says when it begins and ends. A target that runs while another run of it lives is told of in the log. */
const BEAT = `import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { defineIntegration, diff, listing } from 'trueup'

const properties = { name: { type: 'string' }, folder: { type: 'string' } }
const jsonSchema = { input: () => ({ type: 'object', properties }), output: () => ({ type: 'object', properties }) }
const anything = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }), jsonSchema } }
const lives = (pid) => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
const holder = (file) => {
  try {
    return Number(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

export default defineIntegration({
  name: 'beat',
  version: '1.0.0',
  deletePolicy: 'never',
  params: anything,
  inputs: ['data/**'],
  destination: (params) => \`beat/\${params.name}\`,
  desiredState: (ctx) => ctx.source.loadAll('data/*.json'),
  async run(ctx) {
    const { name, folder } = ctx.params
    const say = (what) => appendFileSync(\`\${folder}/log\`, \`\${what} \${name} \${Date.now()} \${process.pid}\\n\`)
    const lock = \`\${folder}/\${name}.lock\`
    const other = holder(lock)
    if (other !== undefined && lives(other)) say('twice')
    writeFileSync(lock, String(process.pid))
    say('begin')
    await setTimeout(100)
    say('end')
    rmSync(lock, { force: true })
    return ctx.plan(diff({ desired: [], current: listing.whole([]), owned: () => true, key: (one) => one.key }), {})
  },
})
`

interface Line {
  readonly what: string
  readonly name: string
  /** UTC ms. */
  readonly at: number
}

export interface Replica {
  readonly child: RunningChild
  readonly url: string
}

export interface ReplicaWorld extends AsyncDisposable {
  readonly rig: Rig
  readonly names: readonly string[]
  /** Those that are alive, as far as this knows. */
  readonly replicas: readonly Replica[]
  /** One more; resolves when it serves. */
  start(...args: readonly string[]): Promise<Replica>
  kill(at: number, signal: NodeJS.Signals): Promise<void>
  /** Asks for a run of a target of the one that is picked. @returns whether it was taken */
  send(name: string, pick: number): Promise<boolean>
  /** Events that were taken and have no run yet that began after them. */
  unanswered(): Promise<readonly string[]>
  untilAnswered(): Promise<void>
  /** Nothing runs or is due, those that were killed are given up, and who lives has seen that. */
  untilSettled(): Promise<void>
  /** Runs that began while another of the same target lived. */
  twice(): Promise<readonly string[]>
  log(): Promise<readonly Line[]>
  /** What is held or locked in the database: of targets, jobs and replicas. */
  locked(): Promise<{ readonly targets: number; readonly jobs: number; readonly replicas: number }>
}

export async function createReplicas(server: TestPostgres, targets: number): Promise<ReplicaWorld> {
  const rig = await createRig()
  const folder = join(rig.root, 'beats')
  await mkdir(folder)
  const names = Array.from({ length: targets }, (_, index) => `t${String(index)}`)
  const rows = names.map(
    (name) =>
      `  ${name}: { integration: beat, apply: true, params: { name: ${name}, folder: ${JSON.stringify(folder)} } }\n`,
  )
  await rig.write({
    'trueup.yaml': `version: 1\ntargets:\n${rows.join('')}`,
    'integrations/beat.mjs': BEAT,
    'data/a.json': '{}\n',
    '.gitignore': '.trueup/\nnode_modules\n',
  })
  await rig.commit()
  const origin = join(rig.root, 'origin.git')
  await rig.git('init', '--quiet', '--bare', '--initial-branch=main', origin)
  await rig.git('remote', 'add', 'origin', origin)
  await rig.git('push', '--quiet', 'origin', 'main')
  const file = join(folder, 'log')
  writeFileSync(file, '')
  const replicas: Replica[] = []
  const events: { readonly name: string; readonly at: number }[] = []
  const ARGS = [
    'serve',
    '--apply',
    '--ref',
    'main',
    '--poll',
    '1',
    '--listen',
    '127.0.0.1:0',
    '--store',
    `file:${join(rig.root, 'store')}`,
  ]

  async function log(): Promise<readonly Line[]> {
    const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '')
    return lines.map((line) => {
      const [what = '', name = '', at = ''] = line.split(' ')
      return { what, name, at: Number(at) }
    })
  }

  async function unanswered(): Promise<readonly string[]> {
    const last = new Map<string, number>()
    for (const { what, name, at } of await log())
      if (what === 'begin') last.set(name, Math.max(last.get(name) ?? 0, at))
    return events.filter(({ name, at }) => (last.get(name) ?? 0) < at).map(({ name, at }) => `${name} at ${String(at)}`)
  }

  return {
    rig,
    names,
    replicas,
    async start(...args) {
      const child = rig.start([...ARGS, ...args], { env: { TRUEUP_QUEUE: server.uri(), TRUEUP_TOKEN: 'token' } })
      const [, url = ''] = await child.until(/status +(http:\S+) [^]*to end it: SIGTERM/)
      const replica = { child, url }
      replicas.push(replica)
      return replica
    },
    async kill(at, signal) {
      const [replica] = replicas.splice(at, 1)
      replica?.child.kill(signal)
      await replica?.child.result
    },
    async send(name, pick) {
      const replica = replicas[pick % Math.max(1, replicas.length)]
      if (replica === undefined) return false
      const at = Date.now()
      const response = await fetch(`${replica.url}/api/v1/targets/${name}/run`, {
        method: 'POST',
        headers: { authorization: 'Bearer token' },
      }).catch(() => undefined)
      if (response?.status !== 202) return false
      events.push({ name, at })
      return true
    },
    unanswered,
    untilAnswered: () =>
      new Promise((resolve, reject) => {
        const watching = watch(file)
        const look = (): void => {
          unanswered().then((left) => {
            if (left.length > 0) return
            watching.close()
            resolve()
          }, reject)
        }
        watching.on('change', look)
        look()
      }),
    async untilSettled() {
      await using listener = await listenTo(server)
      let since: number | undefined
      for (;;) {
        const [row] = await server.sql<{ open: number; replicas: number; now: number; seen: number | null }>(
          `SELECT (SELECT count(*)::int FROM trueup.targets WHERE claimed_by IS NOT NULL OR due_at <= now()) AS open,
                  (SELECT count(*)::int FROM trueup.replicas) AS replicas,
                  extract(epoch FROM now())::float8 * 1000 AS now,
                  (SELECT extract(epoch FROM min(seen_at))::float8 * 1000 FROM trueup.replicas) AS seen`,
        )
        const isQuiet = row?.open === 0 && row.replicas === replicas.length
        since = isQuiet ? (since ?? row.now) : undefined
        // Each has said that it lives once more since then, so it was answered.
        if (isQuiet && since !== undefined && row.seen !== null && row.seen > since + PACE.beatMs) return
        await listener.next()
      }
    },
    twice: async () =>
      (await log()).filter(({ what }) => what === 'twice').map(({ name, at }) => `${name} ${String(at)}`),
    log,
    async locked() {
      const [row] = await server.sql<{ targets: number; jobs: number; replicas: number }>(
        `SELECT (SELECT count(*)::int FROM trueup.targets WHERE claimed_by IS NOT NULL) AS targets,
                (SELECT count(*)::int FROM trueup_worker.jobs WHERE locked_at IS NOT NULL AND task_identifier LIKE '${jobName('')}%') AS jobs,
                (SELECT count(*)::int FROM trueup.replicas) AS replicas`,
      )
      return row ?? { targets: -1, jobs: -1, replicas: -1 }
    },
    [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose](),
  }
}

/** Tells of whatever is written of targets and replicas. */
async function listenTo(server: TestPostgres): Promise<AsyncDisposable & { next(): Promise<void> }> {
  await server.sql(`CREATE OR REPLACE FUNCTION trueup.tell() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN PERFORM pg_notify('written', ''); RETURN NULL; END$$`)
  for (const table of ['targets', 'replicas'])
    await server.sql(`CREATE OR REPLACE TRIGGER tell AFTER INSERT OR UPDATE OR DELETE ON trueup.${table}
      FOR EACH STATEMENT EXECUTE FUNCTION trueup.tell()`)
  const client = new pg.Client({ connectionString: server.uri() })
  await client.connect()
  let isTold = false
  let tell: () => void = () => undefined
  client.on('notification', () => {
    isTold = true
    tell()
  })
  await client.query('LISTEN written')
  return {
    async next() {
      if (!isTold) await new Promise<void>((resolve) => (tell = resolve))
      isTold = false
    },
    [Symbol.asyncDispose]: () => client.end(),
  }
}
