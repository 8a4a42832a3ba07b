// What the built command line loads for its quick answers, and how it starts with kept compiled code in whatever state: needs `npm run build`.
import { chmod, chown, mkdir, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { bin, createRig, type Rig } from '../support/rig.js'

const CLI = join(dirname(bin), '..', 'dist', 'cli')

/** Each costs milliseconds or tens of them; none is needed to say that nothing is to be done. */
const HEAVY = [
  'yaml',
  'js-yaml',
  'ajv',
  'zod',
  'oxc-parser',
  'jiti',
  'simple-git',
  'pino',
  'pg',
  'graphile-worker',
  'commander',
  '@aws-sdk',
  '@smithy',
  'graphql',
  'graphql-request',
  '@graphql-codegen',
]

const INTEGRATION = `if (process.env.REFUSE_TO_LOAD) throw new Error('loaded')
export default {
  name: 'plain',
  version: '1.0.0',
  inputs: ['data/*.json'],
  deletePolicy: 'never',
  async desiredState(ctx) {
    return await ctx.source.loadAll('data/*.json')
  },
  run() {
    throw new Error('this must not run')
  },
}
`

/** Writes down which modules and programs a process asks for. */
const SPY = `
const { appendFileSync } = require('node:fs')
const Module = require('node:module')
const { ChildProcess } = require('node:child_process')
const note = (kind, text) => appendFileSync(process.env.SPY_FILE, kind + ' ' + text + '\\n')
const load = Module._load
Module._load = function (request, parent, ...rest) {
  if (!Module.isBuiltin(request)) note('load', Module._resolveFilename(request, parent))
  return load.call(this, request, parent, ...rest)
}
const spawn = ChildProcess.prototype.spawn
ChildProcess.prototype.spawn = function (options) {
  note('start', options.args.join(' '))
  return spawn.call(this, options)
}
`

interface Watched {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** Absolute; without Node's own modules and bin/trueup.js itself. */
  readonly loaded: readonly string[]
  readonly started: readonly string[]
}

async function watch(rig: Rig, args: readonly string[]): Promise<Watched> {
  const [spy, file] = [join(rig.root, 'spy.cjs'), join(rig.root, 'seen.txt')]
  await writeFile(spy, SPY)
  await writeFile(file, '')
  const { code, stdout, stderr } = await rig.run(args, {
    env: { NODE_OPTIONS: `--require=${spy}`, SPY_FILE: file },
  })
  const lines = (await readFile(file, 'utf8')).split('\n')
  const of = (kind: string): string[] =>
    lines.filter((line) => line.startsWith(`${kind} `)).map((line) => line.slice(kind.length + 1))
  return { code, stdout, stderr, loaded: of('load').filter((file) => file !== bin), started: of('start') }
}

async function project(): Promise<Rig> {
  const rig = await createRig({
    files: {
      'trueup.yaml': 'version: 1\ntargets:\n  plain:\n    integration: ./integrations/plain.mjs\n',
      'integrations/plain.mjs': INTEGRATION,
      '.gitignore': '.trueup/\n',
      'data/one.json': { name: 'one' },
      'README.md': 'one\n',
    },
  })
  await rig.write({ 'README.md': 'two\n' })
  await rig.commit()
  return rig
}

/** Of the packages that are heavy, those whose code is in these files: what a bundled file was made from is in its source map. */
async function heavyIn(files: readonly string[]): Promise<string[]> {
  const found = new Set<string>()
  for (const file of files) {
    const bundled = /(?:^|\/)([\w-]+\.cjs)$/.exec(file)?.[1]
    const map = bundled === undefined ? '' : await readFile(join(CLI, `${bundled}.map`), 'utf8').catch(() => '')
    const sources = map === '' ? [file] : (JSON.parse(map) as { sources: string[] }).sources
    for (const source of sources)
      for (const name of HEAVY) if (source.includes(`node_modules/${name}/`)) found.add(name)
  }
  return [...found].sort()
}

describe('what is loaded', () => {
  it('by --version: nothing at all', async () => {
    await using rig = await project()
    const { version } = JSON.parse(await readFile(join(dirname(bin), '..', 'package.json'), 'utf8')) as {
      version: string
    }
    const seen = await watch(rig, ['--version'])
    expect(seen).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '', loaded: [], started: [] })
    // Anything beside it, and it is the program that answers, alike.
    expect((await watch(rig, ['--version', '--no-color'])).stdout).toBe(seen.stdout)
  })

  it('by the file that every command starts from: no heavy package', async () => {
    expect(await heavyIn(['trueup.cjs'])).toEqual([])
  })

  it('by --help: of the heavy packages commander alone, and no program', async () => {
    await using rig = await project()
    const { code, loaded, started } = await watch(rig, ['--help'])
    expect({ code, started, heavy: await heavyIn(loaded) }).toEqual({ code: 0, started: [], heavy: ['commander'] })
  })

  it('by list: no parser of code, no git library, no log library', async () => {
    await using rig = await project()
    const { code, loaded } = await watch(rig, ['list'])
    expect(code).toBe(0)
    const heavy = await heavyIn(loaded)
    for (const name of [
      'commander',
      'jiti',
      'oxc-parser',
      'pg',
      'pino',
      'simple-git',
      'graphql',
      'graphql-request',
      'ajv',
    ])
      expect(heavy).not.toContain(name)
  })

  it.each([
    ['with --committed', ['--committed']],
    ['of the working tree', []],
  ])('by a skip %s that git alone answers: not one more file, and one program', async (_, flags) => {
    await using rig = await project()
    const args = ['plan', 'plain', '--base', 'HEAD~1', ...flags]
    const cold = await watch(rig, args)
    expect(cold).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Skipped: /) as string })
    // That the spy sees anything.
    expect(await heavyIn(cold.loaded)).toContain('yaml')
    const warm = await watch(rig, args)
    expect(warm).toMatchObject({ code: 0, stdout: cold.stdout, stderr: cold.stderr, loaded: [] })
    expect(warm.started).toHaveLength(1)
    expect(warm.started[0]).toMatch(/ cat-file --batch$/)
  })

  it('by a skip: neither the integration', async () => {
    await using rig = await project()
    const args = ['plan', 'plain', '--base', 'HEAD~1', '--committed']
    const refused = { REFUSE_TO_LOAD: '1' }
    expect(await rig.run(args, { env: refused })).toMatchObject({ code: 1 })
    const cold = await rig.run(args)
    expect(await rig.run(args, { env: refused })).toMatchObject({ code: 0, stdout: cold.stdout, stderr: cold.stderr })
  })
})

describe('kept compiled code', () => {
  const args = ['plan', 'plain', '--base', 'HEAD~1', '--committed']

  /** Runs until nothing new is kept; gives the folder and what the last run answered. */
  async function warmedUp(rig: Rig): Promise<{ folder: string; answer: Answer }> {
    for (let run = 0; run < 4; run++) await rig.run(args)
    const { code, stdout, stderr } = await rig.run(args)
    const cache = join(rig.home, '.cache', 'trueup')
    const name = (await readdir(cache)).find((entry) => entry.startsWith('code-')) ?? 'none'
    return { folder: join(cache, name), answer: { code, stdout, stderr } }
  }
  type Answer = { readonly code: number | null; readonly stdout: string; readonly stderr: string }

  it('is kept a few times and then left alone, each kind of command on its own, for its user alone', async () => {
    await using rig = await project()
    const { folder } = await warmedUp(rig)
    expect((await readdir(folder)).sort()).toEqual(['run-1.bin', 'run-2.bin', 'run-3.bin'])
    const before = await stat(join(folder, 'run-3.bin'))
    await rig.run(args)
    expect(await stat(join(folder, 'run-3.bin'))).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs })
    expect(before.mode & 0o777).toBe(0o600)
    await rig.run(['list'])
    expect((await readdir(folder)).sort()).toEqual(['other-1.bin', 'run-1.bin', 'run-2.bin', 'run-3.bin'])
  })

  it.each<[string, (file: string) => Promise<void>]>([
    ['garbage', (file) => writeFile(file, Buffer.alloc(200_000, 'no code at all '))],
    ['empty', (file) => writeFile(file, '')],
    ['cut off', async (file) => truncate(file, Math.floor((await stat(file)).size / 2))],
    [
      'damaged in its middle',
      async (file) => {
        const bytes = await readFile(file)
        await writeFile(file, bytes.fill(0, Math.floor(bytes.length / 2), Math.floor(bytes.length / 2) + 4096))
      },
    ],
    ['a folder', (file) => rm(file).then(() => mkdir(file))],
    ['not readable', (file) => rm(file).then(() => symlink(file, file))],
  ])('that is %s changes no answer', async (_, damage) => {
    await using rig = await project()
    const { folder, answer } = await warmedUp(rig)
    for (const name of await readdir(folder)) await damage(join(folder, name))
    expect(await rig.run(args)).toMatchObject(answer)
    expect(await rig.run(args)).toMatchObject(answer)
  })

  it('that is damaged is replaced', async () => {
    await using rig = await project()
    const { folder } = await warmedUp(rig)
    for (const name of await readdir(folder)) await writeFile(join(folder, name), 'garbage')
    await rig.run(args)
    expect((await readFile(join(folder, 'run-1.bin'))).length).toBeGreaterThan(10_000)
  })

  it("that is somebody else's is not used", async () => {
    await using rig = await project()
    const { folder, answer } = await warmedUp(rig)
    const file = join(folder, 'run-3.bin')
    // Only root can give files away; others at least see that a whole one of their own is read.
    const isRoot = process.getuid?.() === 0
    if (isRoot) for (const name of await readdir(folder)) await chown(join(folder, name), 65_534, 65_534)
    const before = await stat(file)
    expect(await rig.run(args)).toMatchObject(answer)
    expect((await stat(join(folder, 'run-1.bin'))).uid).toBe(isRoot ? 0 : before.uid)
  })

  it('has nowhere to be: the command does its work all the same', async () => {
    await using rig = await project()
    const { answer } = await warmedUp(rig)
    await writeFile(join(rig.root, 'file'), '')
    const places = [join(rig.root, 'file'), join(rig.root, 'file', 'below'), '/proc', 'relative', '']
    for (const XDG_CACHE_HOME of places) {
      expect(await rig.run(args, { env: { XDG_CACHE_HOME, HOME: undefined } })).toMatchObject(answer)
    }
    const closed = join(rig.root, 'closed')
    await mkdir(closed)
    await chmod(closed, 0o500)
    expect(await rig.run(args, { env: { XDG_CACHE_HOME: closed } })).toMatchObject(answer)
  })
})
