// Rows of `trueup affected` over 50 targets of a large repository, and of comparing 10,000 shards: against evaluating everything, in one run.
import { spawnSync, execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { interleaved, timeChild, timed } from './measure.mjs'
import { commitOf, fileOf } from './repositories.mjs'

const TARGETS = 50
const FILES = 50_000
const SHARDS = 10_000
const SHARDED_BYTES = 50 * 1024 * 1024

/** @type {readonly import('./command.mjs').Bench[]} */
export const affectedBenches = [
  {
    name: 'affected-none',
    measure: (place) => affectedRow(place, { label: 'nothing touched', touched: 0, limitMs: 1000 }),
  },
  {
    name: 'affected-none-cold',
    measure: (place) => affectedRow(place, { label: 'nothing touched, no cache', touched: 0, cold: true }),
  },
  { name: 'affected-one', measure: (place) => affectedRow(place, { label: 'one file touched', touched: 1 }) },
  { name: 'affected-shards', measure: shardRows },
]

/** Against the same question with a base that shares no input, so that every target is evaluated on both sides. */
async function affectedRow(place, { label, touched, cold = false, limitMs }) {
  const repository = repositoryOf(place)
  const options = { cwd: repository, env: place.env }
  const ask = (base) => ['affected', '--base', base, '--committed']
  refuseOther(place, repository, ask(`main~${String(touched + 1)}`), touched)
  refuseOther(place, repository, ask('first'), TARGETS)
  const empty = () => {
    rmSync(place.env.XDG_CACHE_HOME, { recursive: true, force: true })
    mkdirSync(place.env.XDG_CACHE_HOME)
  }
  const { own, whole } = await interleaved(
    {
      own: {
        run: () => timeChild(process.execPath, [place.bin, ...ask(`main~${String(touched + 1)}`)], options),
        ...(cold ? { before: empty } : {}),
      },
      whole: {
        run: () => timeChild(process.execPath, [place.bin, ...ask('first')], options),
        ...(cold ? { before: empty } : {}),
      },
    },
    { rounds: Math.min(place.rounds, 7) },
  )
  const note = `${own.ms.toFixed(0)} ms against ${whole.ms.toFixed(0)} ms of evaluating all ${String(TARGETS)} twice`
  return [
    {
      label: `${label}, 50 targets, 50,000 files`,
      value: own.ms / whole.ms,
      unit: 'x',
      target: cold ? 0.9 : 0.5,
      note,
    },
    ...(limitMs === undefined
      ? []
      : [
          {
            label: `${label}, in seconds`,
            value: own.ms / 1000,
            unit: ' s',
            target: limitMs / 1000,
            note: 'on an idle machine',
          },
        ]),
  ]
}

/** What is timed must be what is claimed. */
function refuseOther(place, cwd, args, affected) {
  const { stdout, stderr } = spawnSync(process.execPath, [place.bin, ...args, '-o', 'json'], {
    cwd,
    env: place.env,
    encoding: 'utf8',
  })
  const found = stdout.startsWith('{') ? JSON.parse(stdout).targets.filter((one) => one.affected).length : -1
  if (found !== affected)
    throw new Error(`${String(found)} targets are affected, not ${String(affected)}:\n${stdout}\n${stderr}`)
}

/** Commits, oldest first: `first` (other inputs), the data, three that touch nothing that a target reads, one that touches one file. */
function repositoryOf({ folder, env }) {
  const path = join(folder, 'repository-affected')
  if (existsSync(path)) return path
  mkdirSync(path)
  const git = (args, input) =>
    execFileSync('git', args, { cwd: path, env, stdio: ['pipe', 'ignore', 'inherit'], input })
  git(['init', '--quiet', '--initial-branch=main'])
  git(['fast-import', '--quiet'], history())
  git(['reset', '--quiet', '--hard', 'main'])
  git(['tag', 'first', 'main~3'])
  return path
}

function history() {
  const name = (index) => `t${String(index).padStart(2, '0')}`
  const targets = Array.from({ length: TARGETS }, (_, index) => name(index))
  const perTarget = 200
  const at = 1_767_225_600
  const first = [
    fileOf('.gitignore', '.trueup/\n'),
    fileOf(
      'trueup.yaml',
      `version: 1\ntargets:\n${targets.map((one) => `  ${one}: { integration: plain, params: { folder: ${one} } }\n`).join('')}`,
    ),
    fileOf('integrations/plain.mjs', INTEGRATION),
    ...targets.flatMap((one) => Array.from({ length: perTarget }, (_, index) => dataOf(one, index, 'old'))),
  ]
  for (let index = 0; index < FILES - TARGETS * perTarget - 3; index++)
    first.push(
      fileOf(
        `services/s${String(index % 200)}/f${String(Math.floor(index / 200))}.yaml`,
        `name: service-${String(index)}\n`,
      ),
    )
  return [
    commitOf('first', at, first),
    commitOf(
      'data',
      at + 60,
      targets.map((one) => dataOf(one, 0, 'new')),
    ),
    commitOf('one file', at + 120, [dataOf('t07', 3, 'newer')]),
    commitOf('none', at + 180, [fileOf('services/s1/f1.yaml', 'name: renamed\n')]),
  ].join('')
}

function dataOf(target, index, value) {
  return fileOf(
    `data/${target}/${String(index)}.json`,
    `${JSON.stringify({ name: `${target}-${String(index)}`, value: value.repeat(50) })}\n`,
  )
}

const INTEGRATION = `const params = {
  '~standard': {
    version: 1,
    vendor: 'bench',
    validate: (value) => ({ value }),
    jsonSchema: {
      input: () => ({ type: 'object', properties: { folder: { type: 'string' } } }),
      output: () => ({ type: 'object', properties: { folder: { type: 'string' } } }),
    },
  },
}

export default {
  name: 'plain',
  version: '1.0.0',
  params,
  inputs: ({ folder }) => ['data/' + folder + '/*.json'],
  deletePolicy: 'owned',
  desiredState: (ctx) => ctx.source.loadAll('data/' + ctx.params.folder + '/*.json'),
  run() {
    throw new Error('nothing is planned here')
  },
}
`

/** Cutting, proving and digesting 10,000 shards of 50 MiB, and comparing them with another 10,000; against one digest of the whole. */
async function shardRows(place) {
  const at = (file) => import(pathToFileURL(join(place.built, file)).href)
  const [{ evaluateDesired, shardChanges }, { groupBy }, { createMemoryRepository }, { digestOf }] = await Promise.all([
    at('desired/evaluate.js'),
    at('desired/shards.js'),
    at('desired/memory-repository.js'),
    at('util/digest.js'),
  ])
  const build = (edited) => {
    const perShard = 10
    const text = 'x'.repeat(Math.floor(SHARDED_BYTES / SHARDS / perShard) - 60)
    return Array.from({ length: SHARDS * perShard }, (_, index) => ({
      shard: `zone-${String(index % SHARDS)}`,
      name: `item-${String(index)}`,
      value: index === edited ? 'edited' : text,
    }))
  }
  const snapshot = await createMemoryRepository({}).head({ committed: true })
  const evaluate = (items) =>
    evaluateDesired({
      definition: {
        name: 'bench',
        version: '1',
        deletePolicy: 'owned',
        desiredState: () => items,
        shards: (all) => groupBy(all, (one) => one.shard),
        run: () => [],
      },
      target: 'bench',
      params: {},
      inputs: [],
      snapshot,
      env: () => undefined,
      log: { debug() {}, info() {}, warn() {}, error() {} },
      map: (all, fn) => Promise.all([...all].map(fn)),
      signal: new AbortController().signal,
      http: undefined,
    })
  const base = await evaluate(build(-1))
  const head = await evaluate(build(4711))
  const changes = shardChanges(base, head)
  if (changes.length !== 1 || changes[0].shard !== 'zone-4711')
    throw new Error(`not one shard differs: ${JSON.stringify(changes)}`)
  let fresh
  const { compared, evaluated, digest } = await interleaved(
    {
      compared: { run: () => timed(() => shardChanges(base, head)) },
      evaluated: { before: () => void (fresh = build(1)), run: () => timed(() => evaluate(fresh)) },
      digest: { run: () => timed(() => digestOf(base.value)) },
    },
    { rounds: Math.min(place.rounds, 5) },
  )
  const both = 2 * evaluated.ms + compared.ms
  return [
    {
      label: 'comparing 10,000 shards of 50 MiB',
      value: compared.ms / 1000,
      unit: ' s',
      target: 2,
      note: `${compared.ms.toFixed(1)} ms; both sides cut, proven and digested as well: ${(both / 1000).toFixed(2)} s`,
    },
    {
      label: 'cutting, proving, digesting against one digest',
      value: evaluated.ms / digest.ms,
      unit: 'x',
      target: 6,
      note: `${evaluated.ms.toFixed(0)} ms against ${digest.ms.toFixed(0)} ms`,
    },
    {
      label: 'memory of both sides',
      value: process.memoryUsage().rss / 1024 / 1024,
      unit: ' MiB',
      target: 700,
      note: 'of the measuring process',
    },
  ]
}
