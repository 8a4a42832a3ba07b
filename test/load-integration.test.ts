import { mkdtempSync, rmSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'
import { afterAll, describe, expect, it } from 'vitest'
import { isTrueupError } from '../src/errors.js'
import { listIntegrations, loadIntegration } from '../src/load-integration.js'
import type { LoadOptions } from '../src/load-integration.js'

/** The same code as the CLI bundles it, which Node itself runs: here the test runner does not stand between it and import(). */
const bundleFolder = mkdtempSync(join(tmpdir(), 'trueup-load-bundle-'))
const bundled = bundle(bundleFolder)
afterAll(() => {
  rmSync(bundleFolder, { recursive: true })
})

function bundle(folder: string): { readonly loadIntegration: typeof loadIntegration } {
  const require = createRequire(import.meta.url)
  const jiti = require.resolve('jiti')
  const outfile = join(folder, 'load-integration.cjs')
  const entryPoints = [fileURLToPath(new URL('../src/load-integration.ts', import.meta.url))]
  buildSync({
    entryPoints,
    outfile,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    alias: { jiti },
    external: [jiti],
    logLevel: 'error',
  })
  return require(outfile) as { readonly loadIntegration: typeof loadIntegration }
}

const plain = (name: string): string => `export const name = '${name}'
export const version = '1.0.0'
export const deletePolicy = 'never'
export const desiredState = () => []
export const run = () => []
`
const defined = (name: string): string => `import { defineIntegration } from 'trueup'
export default defineIntegration({ name: '${name}', version: '1.0.0', deletePolicy: 'never', desiredState: () => [], run: () => [] })
`
const object = (fields: string): string =>
  `export default { name: 'dns', version: '1.0.0', deletePolicy: 'never', desiredState: () => [], run: () => [], ${fields} }`

interface Folder extends AsyncDisposable {
  readonly root: string
  readonly options: LoadOptions
}

/** A project folder with these files beside a trueup that cannot be reached by name. */
async function project(files: Record<string, string>, options: Partial<LoadOptions> = {}): Promise<Folder> {
  const top = await mkdtemp(join(tmpdir(), 'trueup-load-'))
  const root = join(top, 'project')
  const all = {
    'tool/package.json': '{"name":"trueup","type":"module"}',
    'tool/index.js': "export * from './define.js'",
    'tool/define.js': "export const defineIntegration = (definition) => ({ kind: 'integration', definition })",
    'tool/testing.js': 'export const testing = true',
    ...Object.fromEntries(Object.entries(files).map(([path, text]) => [join('project', path), text])),
  }
  for (const [path, text] of Object.entries(all)) {
    await mkdir(dirname(join(top, path)), { recursive: true })
    await writeFile(join(top, path), text)
  }
  await mkdir(root, { recursive: true })
  return {
    root,
    options: {
      configDirectory: root,
      workingDirectory: root,
      places: ['integrations'],
      cacheDirectory: join(top, 'cache'),
      builtins: {},
      trueupEntry: { main: join(top, 'tool/index.js'), testing: join(top, 'tool/testing.js') },
      ...options,
    },
    [Symbol.asyncDispose]: () => rm(top, { recursive: true }),
  }
}

async function failure(reference: string, options: LoadOptions): Promise<{ code: string; message: string }> {
  try {
    await bundled.loadIntegration(reference, options)
  } catch (thrown) {
    if (isTrueupError(thrown)) return { code: thrown.code, message: thrown.message }
    throw thrown
  }
  throw new Error('nothing was thrown')
}

/** What loading one file with this text says. */
async function problem(text: string, name = 'dns.mjs', files: Record<string, string> = {}): Promise<string> {
  await using folder = await project({ [`integrations/${name}`]: text, ...files })
  const { code, message } = await failure(`./integrations/${name}`, folder.options)
  expect(code).toBe('integration-invalid')
  return message
}

describe('loadIntegration', () => {
  it.each([
    ['dns.js', plain('dns')],
    ['dns.mjs', plain('dns')],
    ['dns.ts', `interface A { a: string }\n${plain('dns')}export type B = A`],
    ['dns.mts', plain('dns')],
    ['dns/index.js', plain('dns')],
    ['dns/index.mjs', defined('dns')],
    ['dns/index.ts', defined('dns')],
    ['dns/index.mts', defined('dns')],
    [
      'dns.mjs',
      object(
        "inputs: ['./data/**', '!data/old/*'], env: ['A_1'], secrets: [{ path: 'a', for: 'plan' }], limits: { maxDeletes: '10%', percentFrom: 5 }",
      ),
    ],
    ['dns.js', "module.exports = { name: 'dns', version: '1', deletePolicy: 'all', desiredState() {}, run() {} }"],
  ])('loads integrations/%s by name and by path', async (path, text) => {
    await using folder = await project({ [`integrations/${path}`]: text })
    const byName = await bundled.loadIntegration('dns', folder.options)
    expect(byName).toMatchObject({ name: 'dns', builtin: false, file: join(folder.root, 'integrations', path) })
    expect(typeof byName.definition.run).toBe('function')
    const byPath = await loadIntegration(`./integrations/${path}`, folder.options)
    expect(byPath.definition.name).toBe('dns')
    expect((await loadIntegration(join(folder.root, 'integrations', path), folder.options)).name).toBe('dns')
  })

  it('gives an integration this trueup where it can reach none by name, in helpers and while running too', async () => {
    await using folder = await project({
      'integrations/dns/index.ts':
        "import { make } from './helper.js'\nimport type { A } from './types.js'\nexport default make(async (): Promise<A> => (await import('./later.js')).later)",
      'integrations/dns/types.ts': 'export type A = boolean',
      'integrations/dns/helper.ts':
        "import { defineIntegration } from 'trueup'\nexport const make = (run: unknown) => defineIntegration({ name: 'dns', version: '1', deletePolicy: 'never', desiredState: () => [], run })",
      'integrations/dns/later.ts': "import { testing } from 'trueup/testing'\nexport const later: boolean = testing",
    })
    const { definition } = await loadIntegration('dns', folder.options)
    expect(await (definition.run as unknown as () => Promise<boolean>)()).toBe(true)
  })

  it('leaves an integration the trueup that is installed beside it', async () => {
    await using folder = await project({
      'node_modules/trueup/package.json': '{"name":"trueup","type":"module","exports":"./main.js"}',
      'node_modules/trueup/main.js':
        "export const defineIntegration = (definition) => ({ kind: 'integration', definition: { ...definition, version: 'installed' } })",
      'integrations/one.mjs': defined('one'),
      'integrations/two.ts': defined('two'),
    })
    expect((await bundled.loadIntegration('one', folder.options)).definition.version).toBe('installed')
    expect((await bundled.loadIntegration('two', folder.options)).definition.version).toBe('installed')
  })

  it('keeps what it transpiles in its own cache folder only', async () => {
    await using folder = await project({ 'integrations/dns.ts': `enum Kind { A }\n${plain('dns')}` })
    await bundled.loadIntegration('dns', folder.options)
    expect(await readdir(join(folder.options.cacheDirectory, 'jiti'))).toHaveLength(1)
    expect(await readdir(folder.root)).toEqual(['integrations'])
  })

  it('loads JavaScript that Node can load without a transpiler', async () => {
    await using folder = await project({
      'integrations/dns.mjs': `import './helper.mjs'\n${plain('dns')}`,
      'integrations/helper.mjs': '',
    })
    await loadIntegration('dns', folder.options)
    expect(await readdir(join(folder.root, '..'))).not.toContain('cache')
  })

  it('looks for a path where it was typed, then beside trueup.yaml', async () => {
    await using folder = await project({
      'deep/own.mjs': plain('own'),
      'shared.mjs': plain('shared'),
      'dir/index.mjs': plain('dir'),
    })
    const options = { ...folder.options, workingDirectory: join(folder.root, 'deep') }
    expect((await loadIntegration('./own.mjs', options)).name).toBe('own')
    expect((await loadIntegration('own.mjs', options)).name).toBe('own')
    expect((await loadIntegration('shared.mjs', options)).name).toBe('shared')
    expect((await loadIntegration('../dir', options)).name).toBe('dir')
    expect(await failure('./none.ts', options)).toEqual({
      code: 'integration-unknown',
      message: 'there is no integration at ./none.ts: no such file, and no folder with an index.ts or index.js',
    })
  })

  it('takes files and packages as places, and a package may hold several', async () => {
    await using folder = await project(
      {
        'tools/special.mjs': plain('special'),
        'node_modules/@team/pack/package.json':
          '{"name":"@team/pack","type":"module","exports":{"import":"./main.js"}}',
        'node_modules/@team/pack/main.js': `const common = { version: '1', deletePolicy: 'never', desiredState() {}, run() {} }
export default [{ name: 'one', ...common }, { kind: 'integration', definition: { name: 'two', ...common } }]`,
        'node_modules/single/package.json': '{"name":"single","main":"main.js"}',
        'node_modules/single/main.js':
          "module.exports = { name: 'alone', version: '1', deletePolicy: 'never', desiredState() {}, run() {} }",
      },
      { places: ['tools/special.mjs', '@team/pack', 'single'] },
    )
    for (const name of ['special', 'one', 'two', 'alone'])
      expect((await loadIntegration(name, folder.options)).name).toBe(name)
    expect((await listIntegrations(folder.options)).map(({ name, kind }) => `${name} ${kind}`)).toEqual([
      'alone loaded',
      'one loaded',
      'special loaded',
      'two loaded',
    ])
  })

  it('loads built-in ones, which a project may replace', async () => {
    const builtin = { name: 'files', version: 'built-in', deletePolicy: 'owned', desiredState: () => [], run: () => [] }
    await using folder = await project(
      { 'integrations/dns.mjs': plain('dns') },
      { builtins: { files: () => Promise.resolve({ default: { kind: 'integration', definition: builtin } }) } },
    )
    expect(await loadIntegration('files', folder.options)).toMatchObject({ name: 'files', file: null, builtin: true })
    await writeFile(join(folder.root, 'integrations/files.mjs'), plain('files'))
    expect(await loadIntegration('files', folder.options)).toMatchObject({ builtin: false })
    expect((await listIntegrations(folder.options)).map(({ name }) => name)).toEqual(['dns', 'files'])
  })

  it('suggests a name, counts what there is, and says which places are missing', async () => {
    await using folder = await project(
      { 'integrations/dns-records.mjs': plain('dns-records') },
      { places: ['integrations', 'elsewhere'], builtins: { files: () => Promise.resolve({ default: {} }) } },
    )
    expect(await failure('dns-record', folder.options)).toEqual({
      code: 'integration-unknown',
      message:
        'no integration is called "dns-record". Did you mean "dns-records"? `trueup list` shows all 2. "elsewhere" (integrations: of trueup.yaml) is no directory, file or installed package.',
    })
    expect((await failure('constructor', folder.options)).message).toBe(
      'no integration is called "constructor". `trueup list` shows all 2. "elsewhere" (integrations: of trueup.yaml) is no directory, file or installed package.',
    )
  })

  it('names both files of one name', async () => {
    await using folder = await project({
      'integrations/dns.mjs': plain('dns'),
      'integrations/dns/index.mjs': plain('dns'),
    })
    expect(await failure('dns', folder.options)).toEqual({
      code: 'integration-invalid',
      message: 'integrations/dns.mjs and integrations/dns/index.mjs are both called "dns": rename one',
    })
    expect((await listIntegrations(folder.options)).map(({ kind }) => kind)).toEqual(['broken', 'broken'])
  })
})

describe('a bad module is told exactly what is wrong', () => {
  it('all of it at once, with the path first', async () => {
    expect(
      await problem(
        "export const name = 'Dns'\nexport const run = 5\nexport const desiredStat = () => []\nexport const helper = 1",
      ),
    ).toBe(
      [
        'integrations/dns.mjs: 7 mistakes:',
        '  - name must be lower-case letters, digits and dashes, starting with a letter, not "Dns"',
        "  - version is missing: any text, such as '1.0.0'",
        '  - deletePolicy is missing: say "never" (nothing is ever deleted), "owned" (only what this target is proven to own) or "all" (every listed object that is not desired); there is no default',
        '  - desiredState is missing: a function that returns what should be',
        '  - run must be a function, not 5',
        '  - desiredStat is not a field of an integration. Did you mean "desiredState"?',
        '  - name is "Dns", but its file or folder is called "dns": make them the same',
      ].join('\n'),
    )
  })

  it.each([
    ["name: 'other'", 'name is "other", but its file or folder is called "dns": make them the same'],
    ['version: 1', "version must be a text such as '1.0.0', not 1"],
    [
      "deletePolicy: 'some'",
      'deletePolicy must be "never" (nothing is ever deleted), "owned" (only what this target is proven to own) or "all" (every listed object that is not desired); there is no default; it is "some"',
    ],
    ['params: { a: 1 }', 'params must be a Standard Schema, such as z.object({ … }), not a plain object'],
    ["inputs: 'data/*'", 'inputs must be a list of globs or a function, not "data/*"'],
    ["inputs: ['/etc/*']", 'inputs[0] "/etc/*" is absolute: globs start at the repository root'],
    [
      "inputs: ['a', 'b/../../c']",
      'inputs[1] "b/../../c" contains "..": globs start at the repository root and cannot leave it',
    ],
    ["inputs: ['a/**', '!/a/b']", 'inputs[1] "!/a/b" is absolute: globs start at the repository root'],
    ['inputs: [5]', 'inputs[0] must be a glob, not 5'],
    ["env: ['A B']", 'env[0] must be the name of a variable, not "A B"'],
    ["env: ['TRUEUP_SECRET_X']", 'env[0] "TRUEUP_SECRET_X" is reserved: declare the secret in secrets'],
    ["secrets: ['a']", 'secrets[0] must be { path, field?, version?, for? }, not "a"'],
    ["secrets: [{ field: 'a' }]", 'secrets[0] has no path'],
    ["secrets: [{ path: 'a', for: 'dry' }]", 'secrets[0].for must be "plan" or "apply", not "dry"'],
    ["secrets: [{ path: 'a', feild: 'b' }]", 'secrets[0].feild is unknown. Did you mean "field"?'],
    ['destination: 5', 'destination must be a function, not 5'],
    ['shards: {}', 'shards must be a function, not a plain object'],
    ['external: 1', 'external must be true or false, not 1'],
    ["limits: { maxDeletes: 'few' }", 'limits.maxDeletes must be a count or a percentage such as \'10%\', not "few"'],
    ['limits: { maxDelete: 1 }', 'limits.maxDelete is unknown. Did you mean "maxDeletes"?'],
    ['limits: { invariants: [1] }', 'limits.invariants[0] must be a function, not 1'],
    ['descripton: 1', 'descripton is not a field of an integration. Did you mean "description"?'],
    ['unrelated: 1', 'unrelated is not a field of an integration.'],
  ])('%s', async (fields, expected) => {
    expect(await problem(object(fields))).toBe(`integrations/dns.mjs: ${expected}`)
  })

  it.each([
    ['', 'is no integration: it exports nothing.'],
    ['export const helper = 1', 'is no integration: it exports only helper.'],
    ['export default () => {}', 'is no integration: its default export is a function.'],
    [
      'export default Promise.resolve({})',
      'is no integration: its default export is a promise (put `await` before it).',
    ],
    ["export default { kind: 'integration' }", 'defineIntegration() was given nothing: give it an object'],
  ])('%j is no integration', async (text, expected) => {
    expect(await problem(text)).toContain(`integrations/dns.mjs: ${expected}`)
  })

  it.each([
    [
      'dns.mjs',
      "\n\n  throw new Error('no such zone')",
      'integrations/dns.mjs:3:9: threw while being loaded: no such zone',
    ],
    [
      'dns.ts',
      "interface A {\n  a: string\n}\nconst a: A = { a: 'x' }\nthrow new TypeError(a.a)",
      /^integrations\/dns\.ts:5:\d+: threw while being loaded: TypeError: x$/,
    ],
    [
      'dns.mjs',
      "throw 'text'",
      'integrations/dns.mjs: threw while being loaded: something that is not an Error was thrown: text',
    ],
    [
      'dns.mjs',
      'const a = 1\n  const b = = 2',
      /^integrations\/dns\.mjs:2:1\d: cannot be parsed: Unexpected token '='$/,
    ],
    ['dns.ts', 'const a: number = 1\n  const b = = 2', /^integrations\/dns\.ts:2:1\d: cannot be parsed: \w+ \w+$/],
    [
      'dns.mjs',
      "const a = 1\nimport { zone } from 'no-such-package/deep'",
      'integrations/dns.mjs:2: imports the package no-such-package, which is not installed: npm install no-such-package',
    ],
    [
      'dns.ts',
      "const a = 1\nimport { zone } from '@no/such'\nexport const b: string = zone",
      'integrations/dns.ts:2: imports the package @no/such, which is not installed: npm install @no/such',
    ],
    ['dns.mjs', "import './gone.mjs'", /^integrations\/dns\.mjs:1: imports .*gone\.mjs, which does not exist$/],
    [
      'dns.ts',
      "import { a } from './gone.js'\nexport const b: string = a",
      /^integrations\/dns\.ts:1: imports .*gone\.js, which does not exist$/,
    ],
  ])('%s with %j is told with file and line', async (name, text, expected) => {
    const message = await problem(text, name)
    if (typeof expected === 'string') expect(message).toBe(expected)
    else expect(message).toMatch(expected)
  })

  it('names the helper in which it is', async () => {
    const files = {
      'integrations/dns/helper.mjs': 'export const a = 1\nthrow new Error("broken")',
      'integrations/dns/syntax.mjs': '\nconst = 1',
    }
    expect(await problem("import './helper.mjs'", 'dns/index.mjs', files)).toBe(
      'integrations/dns/index.mjs: integrations/dns/helper.mjs:2:7: threw while being loaded: broken',
    )
    expect(await problem("import './syntax.mjs'", 'dns/index.mjs', files)).toMatch(
      /^integrations\/dns\/index\.mjs: integrations\/dns\/syntax\.mjs:2:\d+: cannot be parsed: /,
    )
    expect(
      await problem("\nimport { b } from './good.mjs'", 'dns/index.mjs', { 'integrations/dns/good.mjs': '' }),
    ).toMatch(/^integrations\/dns\/index\.mjs:2: cannot be parsed: .*does not provide an export named 'b'$/)
  })
})

describe('listIntegrations', () => {
  it('lists every one, the broken with what loading them says', async () => {
    await using folder = await project(
      {
        'integrations/good.mjs': plain('good'),
        'integrations/typed/index.ts': defined('typed'),
        'integrations/bad.mjs': 'throw new Error("on fire")',
        'integrations/bad.test.mjs': 'throw new Error("not looked at")',
        'integrations/_helper.mjs': '',
        'integrations/data/x.yaml': '',
        'integrations/README.md': '',
      },
      { places: ['integrations', 'gone'], builtins: { files: () => Promise.reject(new Error('not built')) } },
    )
    const listed = await listIntegrations(folder.options)
    expect(
      listed.map((each) => [each.name, each.builtin, each.kind === 'broken' ? each.problem : each.definition.version]),
    ).toEqual([
      ['bad', false, 'integrations/bad.mjs:1:7: threw while being loaded: on fire'],
      ['files', true, 'not built'],
      ['gone', false, '"gone" (integrations: of trueup.yaml) is no directory, file or installed package'],
      ['good', false, '1.0.0'],
      ['typed', false, '1.0.0'],
    ])
  })
})
