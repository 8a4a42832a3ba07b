// scripts/bundle-cli.mjs on a small project: what the built command line relies on and no other test would name.
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { bundleCli } from '../scripts/bundle-cli.mjs'

const PROJECT = {
  'src/index.ts': `export { Word, registry } from './word.js'`,
  'src/word.ts': `export class Word extends Error {}\nexport const registry = new WeakMap<object, string>()`,
  'src/only-lazy.ts': `export const counter = { value: 0 }`,
  'src/first.ts': `import { Word, registry } from './word.js'
    import { counter } from './only-lazy.js'
    export function first(key: object): void { counter.value++; registry.set(key, 'from first'); throw new Word('first failed') }`,
  'src/second.ts': `import { counter } from './only-lazy.js'\ncounter.value++\nexport default counter`,
  'src/outside.ts': `export const from = async () => (await import('jiti')).from`,
  'integrations/demo/index.ts': `import { Word } from 'trueup'\nexport default { Word }`,
  'node_modules/old/package.json': { name: 'old', version: '1.2.3', license: 'MIT', main: 'index.js' },
  'node_modules/old/LICENSE': 'Do as you like with old.',
  'node_modules/old/index.js': `module.exports = function old() { return 'called' }\nmodule.exports.member = 'member'`,
  'node_modules/jiti/package.json': { name: 'jiti', main: 'index.js' },
  'node_modules/jiti/index.js': `exports.from = __filename`,
  'user.mjs': `export const answer = await Promise.resolve('an ES module')`,
  'src/cli/main.ts': `import { pathToFileURL } from 'node:url'
    import { Word, registry } from '../word.js'
    async function main(): Promise<void> {
      const out: Record<string, unknown> = {}
      const key = {}
      try { (await import('../first.js')).first(key) } catch (error) {
        out['one class'] = error instanceof Word
        out['stack'] = (error as Error).stack
      }
      out['one registry'] = registry.get(key)
      out['one counter'] = (await import('../second.js')).default.value
      out['integration'] = (await import('../../integrations/demo/index.js')).default.Word === Word
      const old = await import('old')
      out['CommonJS package'] = [old.member, old.default(), old.default.name]
      out['outside package'] = await (await import('../outside.js')).from()
      out['file of the user'] = (await import(pathToFileURL(process.argv[2] ?? '').href)).answer
      out['import.meta.url'] = import.meta.url
      console.log(JSON.stringify(out))
    }
    void main()`,
}

async function project(files: Readonly<Record<string, string | object>>): Promise<AsyncDisposable & { root: string }> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'trueup-bundle-')))
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), typeof content === 'string' ? content : JSON.stringify(content))
  }
  return { root, [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }) }
}

const bundle = (root: string): ReturnType<typeof bundleCli> =>
  bundleCli({ root, entry: join(root, 'src/cli/main.ts'), outdir: join(root, 'dist/cli') })

describe('the bundle of the command line', () => {
  it('holds each module once, however it is reached, and loads what lies outside as Node would', async () => {
    await using made = await project(PROJECT)
    const outdir = join(made.root, 'dist/cli')
    const files = await bundle(made.root)
    await mkdir(outdir, { recursive: true })
    for (const { name, text } of files) await writeFile(join(outdir, name), text)
    const args = ['--enable-source-maps', join(outdir, 'trueup.cjs'), join(made.root, 'user.mjs')]
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args)
    const { stack, ...rest } = JSON.parse(stdout) as Record<string, unknown>
    expect(rest).toEqual({
      'one class': true,
      'one registry': 'from first',
      'one counter': 2,
      integration: true,
      'CommonJS package': ['member', 'called', 'old'],
      'outside package': join(made.root, 'node_modules/jiti/index.js'),
      'file of the user': 'an ES module',
      'import.meta.url': `file://${outdir}/trueup.cjs`,
    })
    expect(stack).toContain(join(made.root, 'src/first.ts'))
    expect(stderr).toBe('')
    expect(files.find(({ name }) => name === 'THIRD-PARTY-LICENCES.txt')?.text).toContain(
      'old 1.2.3 (MIT)\n\nDo as you like with old.',
    )
  })

  it('gives the same files for the same sources, wherever they lie', async () => {
    await using one = await project(PROJECT)
    await using other = await project(PROJECT)
    expect(await bundle(one.root)).toEqual(await bundle(other.root))
  })

  it('refuses to load at start-up what must stay outside', async () => {
    await using made = await project({
      ...PROJECT,
      'src/cli/main.ts': `import { from } from 'jiti'\nconsole.log(from)`,
    })
    await expect(bundle(made.root)).rejects.toThrow('jiti must be imported by import()')
  })

  it('takes a warning for a failure', async () => {
    await using made = await project({
      ...PROJECT,
      'src/cli/main.ts': `console.log(import.meta.resolve('x'), { a: 1, a: 2 })`,
    })
    await expect(bundle(made.root)).rejects.toThrow('esbuild warned')
  })
})
