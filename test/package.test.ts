// The package as npm would publish it: packed, installed into an empty project, run and imported there. Needs `npm run build` and, for the
// package's own dependencies, npm's registry or its cache.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const MiB = 1024 * 1024

interface Manifest {
  readonly version: string
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>
  readonly bin: Readonly<Record<string, string>>
  readonly dependencies: Readonly<Record<string, string>>
}
interface Packed {
  readonly filename: string
  readonly size: number
  readonly unpackedSize: number
  readonly files: readonly { readonly path: string }[]
}

const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as Manifest
let folder = ''
let packed: Packed
let installed = ''

/** What npm sets for its own children would make the inner npm work on this checkout. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(npm_(?!config_)|npm_config_local_prefix$|INIT_CWD$|NODE_ENV$|TRUEUP_)/i.test(name),
  ),
)

async function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  const { stdout } = await promisify(execFile)(command, args, { cwd, env, maxBuffer: 64 * MiB })
  return stdout
}

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'trueup-package-')))
  const answer = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root)
  packed = (JSON.parse(answer) as [Packed])[0]
  await writeFile(join(folder, 'package.json'), '{ "name": "consumer", "private": true, "type": "module" }\n')
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', join(folder, packed.filename)], folder)
  installed = join(folder, 'node_modules', 'trueup')
}, 240_000)

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

describe('the package', () => {
  it('runs', async () => {
    expect(await run('npx', ['--no-install', 'trueup', '--version'], folder)).toContain(manifest.version)
  })

  it('opens both doors', async () => {
    const program = `
      const [main, testing] = [await import('trueup'), await import('trueup/testing')]
      console.log(JSON.stringify({ main: Object.keys(main), testing: Object.keys(testing) }))`
    const doors = JSON.parse(await run(process.execPath, ['--input-type=module', '--eval', program], folder)) as Record<
      string,
      string[]
    >
    expect(doors['main']).toEqual(expect.arrayContaining(['defineIntegration', 'diff', 'groupBy', 'TrueupError']))
    expect(doors['testing']).toEqual(expect.arrayContaining(['recordRun', 'assertConverges', 'assertDryRunIsPure']))
  })

  it('has types for both doors, without help from skipLibCheck', async () => {
    const compilerOptions = {
      module: 'NodeNext',
      target: 'ES2023',
      lib: ['ES2023', 'ESNext.Disposable'],
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      types: ['node'],
      typeRoots: [join(root, 'node_modules', '@types')],
    }
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['consumer.ts'] }))
    await writeFile(
      join(folder, 'consumer.ts'),
      `import { defineIntegration, TrueupError } from 'trueup'
       import { assertConverges } from 'trueup/testing'
       export const answer: string = new TrueupError('usage', 'x').code
       export const doors: readonly unknown[] = [defineIntegration, assertConverges]
       // @ts-expect-error: there is no such export, so the types are not simply any
       import { nothingOfTheKind } from 'trueup'
       export { nothingOfTheKind }
      `,
    )
    const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
    const output = await run(process.execPath, [tsc, '-p', folder], folder).catch(
      (error: unknown) => (error as { stdout: string }).stdout,
    )
    expect(output).toBe('')
  })

  it('holds every file that package.json names', () => {
    const conditions = Object.values(manifest.exports).flatMap((entry) =>
      typeof entry === 'string' ? [entry] : Object.values(entry),
    )
    const named = [...conditions, ...Object.values(manifest.bin), 'LICENSE', 'README.md', 'CHANGELOG.md']
    expect(named.filter((path) => !existsSync(join(installed, path)))).toEqual([])
  })

  it('holds no tests, no sources and nothing of this machine, and stays small', async () => {
    const paths = packed.files.map(({ path }) => path)
    expect(
      paths.filter((path) => /(^|\/)(test|bench|scripts|\.ci|\.github)\/|\.test(-d)?\.|(?<!\.d)\.ts$/.test(path)),
    ).toEqual([])
    // Half of it is what is loaded only when used, with the maps to its sources: the client of S3, GraphQL and the code generator.
    expect(packed.size).toBeLessThan(4 * MiB)
    expect(packed.unpackedSize).toBeLessThan(16 * MiB)

    const entries = await readdir(installed, { recursive: true, withFileTypes: true })
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
    const texts = await Promise.all(files.map(async (file) => [file, await readFile(file, 'utf8')] as const))
    expect(texts.filter(([, text]) => text.includes(root)).map(([file]) => file)).toEqual([])
    const absolute = texts.filter(([file, text]) => file.endsWith('.map') && hasAbsoluteSource(text))
    expect(absolute.map(([file]) => file)).toEqual([])
  })

  it('is pinned by a lockfile without download addresses', async () => {
    expect(await readFile(join(root, 'package-lock.json'), 'utf8')).not.toMatch(/"resolved":|https?:\/\/registry/)
    expect(Object.values(manifest.dependencies).filter((range) => !/^[~^]?\d/.test(range))).toEqual([])
  })
})

function hasAbsoluteSource(map: string): boolean {
  const { sources, sourceRoot } = JSON.parse(map) as { sources: string[]; sourceRoot?: string }
  return [sourceRoot ?? '', ...sources].some((path) => /^(\/|file:|[A-Za-z]:[\\/])/.test(path))
}
