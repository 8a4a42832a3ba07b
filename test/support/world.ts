// A project whose integration keeps text files in a folder beside the repository, and does what a test says in its handlers: fail, wait,
// or end its own process before, in or after an effect. In: objects and limits. Out: files for a rig, and the folder to look into.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createRig, type Environment, type Files, type Rig } from './rig.js'

/** Key → text. With shards, a key is `shard/name`. */
export type Objects = Readonly<Record<string, string>>

export interface WorldOptions {
  readonly objects?: Objects
  /** Statements put at the beginning of `run()`; `ctx` and `desired` are there. */
  readonly planning?: string
  /** Statements put at the beginning of `desiredState()`. */
  readonly desiring?: string
  /** Statements put at the beginning of every handler; `ctx`, `action` and `key` are there. */
  readonly handling?: string
  /** Further fields of the definition, e.g. `limits: { maxDeletes: 1 },`. */
  readonly fields?: string
  /** Statements at the top of the module. */
  readonly top?: string
  /** Further files of the repository. */
  readonly files?: Files
  readonly env?: Environment
}

/** What a handler does at a point: `kill` is SIGKILL of its own process; `wait` until {@link World.go}; `fail`; `hang` for ever. */
export type Deed = 'kill' | 'wait' | 'fail' | 'hang'
export type Point = 'before' | 'in' | 'after'

export interface World extends AsyncDisposable {
  readonly rig: Rig
  /** What the outside holds. */
  objects(): Promise<Record<string, string>>
  /** Changes the outside behind the tool's back; null removes. */
  drift(objects: Readonly<Record<string, string | null>>): Promise<void>
  /** Changes what is desired, without a commit. */
  desire(objects: Objects): Promise<void>
  arrange(deed: Deed, point: Point, action: string, key: string): Promise<void>
  /** Takes back everything that was arranged. */
  relent(): Promise<void>
  /** Lets waiting handlers go on. */
  go(): Promise<void>
  /** Every handler that was ever called, in order: `create a`. */
  calls(): Promise<readonly string[]>
}

const escaped = `const fileOf = (key) => key.replaceAll('/', '%')`

function moduleText(options: WorldOptions): string {
  return `import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineIntegration, diff, listing } from 'trueup'
${options.top ?? ''}
const at = (...path) => join(import.meta.dirname, '..', '..', 'outside', ...path)
${escaped}

async function point(where, action, key) {
  const file = at('deeds/' + where + '-' + action + '-' + fileOf(key))
  if (!existsSync(file)) return
  const deed = readFileSync(file, 'utf8')
  if (deed === 'fail') throw new Error(action + ' ' + key + ' was refused by the outside')
  if (deed === 'kill') {
    process.kill(process.pid, 'SIGKILL')
    await new Promise(() => setInterval(() => undefined, 1000))
  }
  if (deed === 'hang') {
    process.stderr.write('reached ' + where + ' ' + action + ' ' + key + '\\n')
    await new Promise(() => setInterval(() => undefined, 1000))
  }
  if (deed === 'wait') {
    process.stderr.write('reached ' + where + ' ' + action + ' ' + key + '\\n')
    while (!existsSync(at('go'))) await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

const handle = (action, ctx, effect) => async (change) => {
  const { key } = change
  appendFileSync(at('calls'), action + ' ' + key + '\\n')
  ${options.handling ?? ''}
  await point('before', action, key)
  await point('in', action, key)
  effect(change)
  await point('after', action, key)
}
const put = ({ key, after }) => writeFileSync(at('objects', fileOf(key)), after.text)

export default defineIntegration({
  name: 'world',
  version: '1.0.0',
  inputs: ['data/*.json'],
  deletePolicy: 'owned',
  async desiredState(ctx) {
    ${options.desiring ?? ''}
    return (await ctx.source.loadAll('data/*.json')).flatMap((file) => Object.entries(file).map(([key, text]) => ({ key, text })))
  },
  async run(ctx, desired) {
    ${options.planning ?? ''}
    const names = readdirSync(at('objects')).map((name) => name.replaceAll('%', '/'))
    const items = names
      .filter((key) => ctx.shard === '' || key.startsWith(ctx.shard + '/'))
      .map((key) => ({ key, text: readFileSync(at('objects', fileOf(key)), 'utf8') }))
    const incomplete = existsSync(at('incomplete'))
    const current = await listing.fromPages((page) => {
      if (page !== undefined) throw new Error('page 2 answered 403')
      return incomplete ? { items, next: 'page 2' } : { items }
    }, incomplete ? { partial: true } : {})
    return ctx.plan(diff({ desired, current, key: (object) => object.key }), {
      create: handle('create', ctx, put),
      update: handle('update', ctx, put),
      delete: handle('delete', ctx, ({ key }) => rmSync(at('objects', fileOf(key)))),
    })
  },
  ${options.fields ?? ''}
})
`
}

export async function createWorld(options: WorldOptions = {}): Promise<World> {
  const rig = await createRig({ ...(options.env === undefined ? {} : { env: options.env }) })
  await rig.write({
    'integrations/world.mjs': moduleText(options),
    'trueup.yaml': 'version: 1\nintegrations: [integrations]\n',
    '.gitignore': '.trueup/\n',
    'data/objects.json': options.objects ?? {},
    ...options.files,
  })
  await rig.commit('first')
  const at = (...path: string[]): string => join(rig.root, 'outside', ...path)
  const fileOf = (key: string): string => key.replaceAll('/', '%')
  for (const folder of ['objects', 'deeds']) await mkdir(at(folder), { recursive: true })
  return {
    rig,
    async objects() {
      const names = await readdir(at('objects'))
      const pairs = names
        .sort()
        .map(async (name) => [name.replaceAll('%', '/'), await readFile(at('objects', name), 'utf8')] as const)
      return Object.fromEntries(await Promise.all(pairs))
    },
    async drift(objects) {
      for (const [key, text] of Object.entries(objects)) {
        if (text === null) await rm(at('objects', fileOf(key)), { force: true })
        else await writeFile(at('objects', fileOf(key)), text)
      }
    },
    desire: (objects) => rig.write({ 'data/objects.json': objects }),
    arrange: (deed, point, action, key) => writeFile(at('deeds', `${point}-${action}-${fileOf(key)}`), deed),
    async relent() {
      await rm(at('deeds'), { recursive: true })
      await mkdir(at('deeds'))
    },
    go: () => writeFile(at('go'), ''),
    async calls() {
      const text = await readFile(at('calls'), 'utf8').catch(() => '')
      return text.split('\n').filter((line) => line !== '')
    },
    [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose](),
  }
}
