// A repository with two small integrations whose outside world is one JSON file, for tests of decisions on the built CLI.
// In: a rig. Out: runs whose decision was found exactly once on stderr, equal to the one of `-o json`.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { Decision, PlanData, RunError } from '../../src/event.js'
import { decisionLine } from '../../src/report/decision-line.js'
import { createRig, type Environment, type Files, type Rig, type RunOptions, type RunResult } from './rig.js'

/** What acts: a JSON object of name → value in the file that WORLD names. */
const WORLD = `import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'

export function note(variable, text) {
  const file = process.env[variable]
  if (file !== undefined) appendFileSync(file, text + '\\n')
}
export function readWorld() {
  const file = process.env.WORLD
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
}
export async function change(name, value) {
  const file = process.env.WORLD
  while (existsSync(file + '.wait')) await new Promise((done) => setTimeout(done, 20))
  if (existsSync(file + '.fail') && readFileSync(file + '.fail', 'utf8').split('\\n').includes(name)) throw new Error(name + ' was refused')
  const world = readWorld()
  if (value === undefined) delete world[name]
  else world[name] = value
  writeFileSync(file, JSON.stringify(world))
}
`

const PARAMS = `{
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (given) => typeof given.greeting === 'number' ? { issues: [{ message: 'must be a text', path: ['greeting'] }] } : { value: { greeting: 'hello', ...given } },
      jsonSchema: {
        input: () => ({ type: 'object', properties: { greeting: { type: 'string', default: 'hello' } } }),
        output: () => ({ type: 'object', properties: { greeting: { type: 'string' } } }),
      },
    },
  }`

export interface IntegrationText {
  readonly name: string
  /** Lines beside the others of the definition. */
  readonly more?: string
  /** Lines before it, e.g. imports. */
  readonly head?: string
}

/** Text of an integration: things of data/<name>.yaml, as `{ name, value }`. */
export function integration({ name, more = '', head = '' }: IntegrationText): string {
  return `import { diff, groupBy, listing } from 'trueup'
import { change, note, readWorld } from '../lib/world.mjs'
${head}
note('NOTE_LOADED', '${name}')

export default {
  name: '${name}',
  version: '1',
  deletePolicy: 'owned',
  inputs: ['data/${name}/*.yaml'],
  params: ${PARAMS},
  async desiredState(ctx) {
    note('NOTE_EVALUATED', '${name}')
    const files = await ctx.source.loadAll('data/${name}/*.yaml')
    return files.flatMap((file) => file.things.map(({ name, value }) => ({ name, value: ctx.params.greeting + ' ' + value })))
  },
  async run(ctx, desired) {
    note('NOTE_PLANNED', 'shard ' + ctx.shard)
    const world = readWorld()
    const names = ctx.shard === '' ? Object.keys(world) : Object.keys(world).filter((name) => name.startsWith(ctx.shard))
    const current = await listing.fromPages(async () => ({ items: names.map((name) => ({ name, value: world[name] })) }))
    return ctx.plan(diff({ desired, current, key: (thing) => thing.name }), {
      create: ({ after }) => change(after.name, after.value),
      update: ({ after }) => change(after.name, after.value),
      delete: ({ before }) => change(before.name, undefined),
    })
  },
  ${more}
}
`
}

/** Things by name, as a data file. */
export function things(values: Readonly<Record<string, string | number>>, comment = ''): string {
  const lines = Object.entries(values).map(([name, value]) => `  - { name: ${name}, value: ${String(value)} }\n`)
  return `${comment === '' ? '' : `# ${comment}\n`}things:${lines.length === 0 ? ' []\n' : `\n${lines.join('')}`}`
}

export const FILES = {
  'trueup.yaml': `version: 1
targets:
  things: { params: { greeting: hello } }
  parts: { params: { greeting: hello } }
`,
  '.gitignore': 'node_modules\n.trueup\n',
  'README.md': 'About this.\n',
  'lib/world.mjs': WORLD,
  'integrations/things.mjs': integration({ name: 'things' }),
  'integrations/parts.mjs': integration({
    name: 'parts',
    more: 'shards: (desired) => groupBy(desired, (thing) => thing.name[0]),',
  }),
  'data/things/all.yaml': things({ a: 1, b: 2 }),
  'data/parts/all.yaml': things({ a1: 1, a2: 2, b1: 1 }),
} as const satisfies Files

export interface RunJson {
  readonly run: { readonly id: string; readonly target: string; readonly destination: string | null }
  readonly decision: Decision
  readonly plan: PlanData | null
  readonly limits: readonly { readonly rule: string; readonly limit: string; readonly blocked: boolean }[]
  readonly outcomes: readonly { readonly key: string; readonly result: string }[]
  readonly error: RunError | null
  readonly exitCode: number
}

export interface Decided extends RunResult {
  readonly decision: Decision
  readonly record: RunJson
}

export interface Things extends Rig {
  /** The JSON file that is acted on. */
  readonly world: string
  readWorld(): Promise<unknown>
  /** Names whose changes fail from now on. */
  refuse(...names: readonly string[]): Promise<void>
  /** One run with `-o json`: exactly one decision line, which says what the document says. */
  decide(args: readonly string[], options?: RunOptions): Promise<Decided>
  /** What was noted in a file that a variable names, line by line; empty when nothing was. */
  notes(name: string): Promise<readonly string[]>
  /** Variables that make an integration note what it does into fresh files. */
  noting(name: string): Environment
}

/** {@link FILES} with `files` over them as the first commit; null leaves one out. */
export async function createThings(
  options: { readonly files?: Files; readonly env?: Environment } = {},
): Promise<Things> {
  const rig = await createRig({
    files: { ...FILES, ...options.files },
    ...(options.env === undefined ? {} : { env: options.env }),
  })
  const world = join(rig.root, 'world.json')
  rig.env['WORLD'] = world
  rig.env['XDG_CACHE_HOME'] = join(rig.home, '.cache')
  const noteFile = (name: string, what: string): string => join(rig.root, `${name}.${what}`)
  const read = async (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '')
  return Object.assign(rig, {
    world,
    readWorld: async () => JSON.parse((await read(world)) || '{}') as unknown,
    refuse: (...names: readonly string[]) => writeFile(`${world}.fail`, names.join('\n')),
    decide: async (args: readonly string[], run: RunOptions = {}) =>
      decided(await rig.run([...args, '-o', 'json'], run)),
    noting: (name: string) => ({
      NOTE_LOADED: noteFile(name, 'loaded'),
      NOTE_EVALUATED: noteFile(name, 'evaluated'),
      NOTE_PLANNED: noteFile(name, 'planned'),
    }),
    notes: async (name: string) => (await read(join(rig.root, name))).split('\n').filter((line) => line !== ''),
  })
}

/** A finished run as its JSON document and its decision line tell it; both must tell the same. */
export function decided(result: RunResult): Decided {
  const document = result.json() as { readonly exitCode: number; readonly runs: readonly RunJson[] }
  const [record] = document.runs
  if (record === undefined) throw new Error(`no run was made:\n${result.stdout}${result.stderr}`)
  const lines = result.stderr.split('\n').filter((line) => line.includes('decision='))
  expect(lines, result.stderr).toEqual([decisionLine(record.run.target, record.decision)])
  expect(result.code, result.stderr).toBe(document.exitCode)
  return { ...result, decision: record.decision, record }
}

/** `same` of each component, by name. */
export function sameness(decision: Decision): Readonly<Record<string, boolean | null>> {
  return Object.fromEntries(Object.entries(decision.components).map(([name, { same }]) => [name, same]))
}
