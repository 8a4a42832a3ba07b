import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { codeManifest, dirtyFiles } from '../../src/early-exit/code-manifest.js'
import type { CodeManifest, KnownCode } from '../../src/early-exit/code-manifest.js'
import { GitFixture } from '../support/git-fixture.js'
import { memorySnapshot } from '../support/memory-snapshot.js'

type Files = Record<string, string>

const tool = { version: '1.0.0', build: 'b1' }
const entry = 'integrations/dns/index.ts'

function lock(packages: Record<string, unknown>): string {
  return JSON.stringify({ lockfileVersion: 3, packages: { '': {}, ...packages } })
}

const base: Files = {
  'package.json': '{"name":"infra"}',
  'package-lock.json': lock({
    'node_modules/trueup': { version: '1.0.0', integrity: 'sha512-t', dependencies: { pino: '^10' } },
    'node_modules/pino': { version: '10.0.0', integrity: 'sha512-p' },
    'node_modules/ky': {
      version: '1.2.0',
      integrity: 'sha512-ky',
      dependencies: { ms: '^2' },
      peerDependencies: { absent: '*' },
    },
    'node_modules/ms': { version: '2.0.0', integrity: 'sha512-ms' },
    'node_modules/ky/node_modules/ms': { version: '2.1.0', integrity: 'sha512-kms' },
    'node_modules/left': { version: '3.0.0', integrity: 'sha512-left' },
  }),
  'integrations/dns/index.ts':
    "import { defineIntegration } from 'trueup'\nimport type { Dns } from './types.js'\nimport { a } from './helper.js'\nexport default defineIntegration({})\nconst run = () => import('./client.js')",
  'integrations/dns/types.ts': 'export interface Dns {}',
  'integrations/dns/helper.ts': "export { b } from '../shared/index.js'\nimport 'node:fs'",
  'integrations/dns/client.ts': "import ky from 'ky/sub'\nimport table from './table.json' with { type: 'json' }",
  'integrations/dns/table.json': '{}',
  'integrations/dns/README.md': '# dns',
  'integrations/shared/index.ts': 'export const b = 1',
}

async function of(
  files: Files,
  options: { entry?: string | null; root?: string; links?: string[] } = {},
): Promise<CodeManifest> {
  const installed = options.root === undefined ? {} : { installed: { root: options.root } }
  const links = options.links ?? []
  return codeManifest({
    snapshot: memorySnapshot(files, { links }),
    entry: options.entry === undefined ? entry : options.entry,
    tool,
    ...installed,
  })
}

async function known(files: Files, options: { entry?: string | null; links?: string[] } = {}): Promise<KnownCode> {
  const manifest = await of(files, options)
  if (manifest.kind === 'unknown') throw new Error(manifest.reason)
  return manifest
}

async function reason(files: Files): Promise<string> {
  const manifest = await of(files)
  return manifest.kind === 'unknown' ? manifest.reason : 'known'
}

function relock(change: (packages: Record<string, Record<string, unknown>>) => void): Files {
  const value = JSON.parse(base['package-lock.json'] ?? '') as { packages: Record<string, Record<string, unknown>> }
  change(value.packages)
  return { ...base, 'package-lock.json': JSON.stringify(value) }
}

describe('codeManifest', () => {
  it('names every file and package that the entry reaches, and nothing else', async () => {
    const manifest = await known(base)
    expect(Object.keys(manifest.files)).toEqual([
      'integrations/dns/client.ts',
      'integrations/dns/helper.ts',
      'integrations/dns/index.ts',
      'integrations/dns/table.json',
      'integrations/shared/index.ts',
      'package.json',
    ])
    expect(manifest.packages).toEqual({
      'node_modules/ky': '1.2.0 sha512-ky',
      'node_modules/ky/node_modules/ms': '2.1.0 sha512-kms',
      trueup: '1.0.0 sha512-t',
    })
    expect(manifest.digest).toMatch(/^[0-9a-f]{64}$/)
  })

  it('does not depend on the order or presence of other files', async () => {
    const shuffled = Object.fromEntries(Object.entries({ ...base, 'docs/x.ts': 'import(y)' }).reverse())
    expect((await known(shuffled)).digest).toBe((await known(base)).digest)
  })

  it.each([
    ['the entry', { [entry]: `${base[entry] ?? ''}\n` }],
    ['an imported helper', { 'integrations/dns/helper.ts': "export { b } from '../shared/index.js'" }],
    ['a helper of a helper', { 'integrations/shared/index.ts': 'export const b = 2' }],
    [
      'a module that is imported only while running',
      { 'integrations/dns/client.ts': "import ky from 'ky'\nimport './table.json'" },
    ],
    ['imported JSON', { 'integrations/dns/table.json': '{"a":1}' }],
    ['package.json', { 'package.json': '{"name":"infra","type":"module"}' }],
    ['a new nearer package.json', { 'integrations/package.json': '{}' }],
    ['a new tsconfig.json', { 'integrations/dns/tsconfig.json': '{}' }],
  ])('changes with %s', async (_what, change) => {
    expect((await known({ ...base, ...change })).digest).not.toBe((await known(base)).digest)
  })

  it.each([
    ['a file that is not imported', { 'integrations/dns/README.md': 'x', 'integrations/dns/other.ts': 'export {}' }],
    ['a module that is imported for its types only', { 'integrations/dns/types.ts': 'export interface Dns { a: 1 }' }],
  ])('does not change with %s', async (_what, change) => {
    expect((await known({ ...base, ...change })).digest).toBe((await known(base)).digest)
  })

  it.each([
    ['an imported package', 'node_modules/ky', true],
    ['a package that an imported one brings', 'node_modules/ky/node_modules/ms', true],
    ['trueup', 'node_modules/trueup', true],
    ['a package that is not imported', 'node_modules/left', false],
    ['a package of the same name elsewhere in the lockfile', 'node_modules/ms', false],
  ])('locked version of %s (%s): changes %s', async (_what, path, changes) => {
    const files = relock((packages) => {
      packages[path] = { ...packages[path], version: '9.9.9' }
    })
    expect((await known(files)).digest !== (await known(base)).digest).toBe(changes)
  })

  it('changes when a locked package keeps its version but not its content', async () => {
    const files = relock((packages) => {
      packages['node_modules/ky'] = { ...packages['node_modules/ky'], integrity: 'sha512-other' }
    })
    expect((await known(files)).digest).not.toBe((await known(base)).digest)
  })

  it('follows the extends chain of tsconfig.json inside the repository', async () => {
    const files = {
      ...base,
      'tsconfig.json': '{ // comment with "quotes"\n "extends": ["./config/base", "@tsconfig/node20"], }',
      'config/base.json': '{ "extends": "./root.json" }',
      'config/root.json': '{}',
    }
    const manifest = await known(files)
    expect(Object.keys(manifest.files)).toEqual(
      expect.arrayContaining(['tsconfig.json', 'config/base.json', 'config/root.json']),
    )
    expect((await known({ ...files, 'config/root.json': '{"a":1}' })).digest).not.toBe(manifest.digest)
  })

  it.each([
    [
      'a computed import',
      "const n = 'x'\nawait import(n)",
      'integrations/dns/index.ts:2: import() with a computed name',
    ],
    [
      'an ignored or generated file',
      "import './generated.js'",
      'integrations/dns/index.ts:1: imports "./generated.js", which is not in this revision: ignored, generated or outside the repository',
    ],
    [
      'a file outside the repository',
      "\nimport '../../../other.js'",
      'integrations/dns/index.ts:2: imports "../../../other.js", which is not in this revision: ignored, generated or outside the repository',
    ],
    [
      'an absolute path',
      "import '/etc/x.js'",
      'integrations/dns/index.ts:1: imports "/etc/x.js", which is not in this revision: ignored, generated or outside the repository',
    ],
    [
      'a package that is not locked',
      "import 'nowhere'",
      'integrations/dns/index.ts:1: imports the package nowhere, which no lockfile locks: add it to package.json and commit the lockfile',
    ],
    ['a broken file', 'import = 1', 'integrations/dns/index.ts:1: cannot be parsed'],
  ])('is unknown with %s', async (_what, text, expected) => {
    expect(await reason({ ...base, [entry]: text })).toContain(expected)
  })

  it('is unknown when the entry is not in the revision, and still names the files it found', async () => {
    const { [entry]: _entry, ...without } = base
    expect(await reason(without)).toBe(
      'integrations/dns/index.ts is not in this revision (new, ignored or not committed)',
    )
    const manifest = await of({ ...base, [entry]: "import './helper.js'\nimport(x)" })
    expect(Object.keys(manifest.files)).toContain('integrations/shared/index.ts')
  })

  it('ignores what looks like an import in comments, strings and templates', async () => {
    const text = `${base[entry] ?? ''}\n// import('./no1.js')\nconst s = "require('./no2')" + \`import('./no3')\``
    expect((await known({ ...base, [entry]: text })).kind).toBe('known')
  })

  it('counts files named by URL, a folder as a whole', async () => {
    const files = {
      ...base,
      [entry]:
        "export const a = new URL('./zone%20file.txt', import.meta.url)\nexport const b = new URL('./templates/', import.meta.url)\nnew URL('https://x.example')",
      'integrations/dns/zone file.txt': 'x',
      'integrations/dns/templates/a.txt': 'x',
    }
    const manifest = await known(files)
    expect(Object.keys(manifest.files)).toEqual([
      'integrations/dns/index.ts',
      'integrations/dns/templates/a.txt',
      'integrations/dns/zone file.txt',
      'package.json',
    ])
    expect((await known({ ...files, 'integrations/dns/templates/b.txt': 'x' })).digest).not.toBe(manifest.digest)
  })

  it('resolves as loaders do: other extensions, folders, links, names with glob characters', async () => {
    const files = {
      'package.json': '{}',
      'a.mjs':
        "import './b'\nimport './dir'\nimport './c.mjs'\nimport './link.js'\nrequire('./legacy')\nimport './[id] (1).js'",
      'b.ts': '',
      'b.js': '',
      'dir/index.ts': '',
      'c.mts': '',
      'link.js': 'real/x.js',
      'real/x.js': "import './y.js'",
      'real/y.js': '',
      'legacy/package.json': '{"main":"lib/main.js"}',
      'legacy/lib/main.js': '',
      '[id] (1).js': '',
      'i.js': '',
    }
    const manifest = await known(files, { entry: 'a.mjs', links: ['link.js'] })
    expect(Object.keys(manifest.files)).toEqual(
      Object.keys(files)
        .filter((path) => path !== 'i.js')
        .sort(),
    )
  })

  it('follows #imports of the nearest package.json', async () => {
    const files = {
      ...base,
      'package.json': '{"imports":{"#lib/*":{"types":"./types/*.d.ts","default":"./lib/*.js"},"#http":"ky"}}',
      [entry]: "import '#lib/deep/a'\nimport '#http'",
      'lib/deep/a.js': '',
    }
    const manifest = await known(files)
    expect(Object.keys(manifest.files)).toContain('lib/deep/a.js')
    expect(Object.keys(manifest.packages)).toContain('node_modules/ky')
    expect(await reason({ ...files, [entry]: "import '#nothing'" })).toContain('imports "#nothing"')
  })

  describe('workspace packages', () => {
    const workspace: Files = {
      ...base,
      'package-lock.json': lock({
        'node_modules/@infra/net': { resolved: 'packages/net', link: true },
        'packages/net': { name: '@infra/net', version: '0.0.0', dependencies: { ms: '^2' } },
        'node_modules/ms': { version: '2.0.0', integrity: 'sha512-ms' },
        'packages/net/node_modules/ms': { version: '1.0.0', integrity: 'sha512-old' },
      }),
      [entry]: "import '@infra/net'\nimport '@infra/net/extra'",
      'packages/net/package.json':
        '{"name":"@infra/net","exports":{".":{"types":"./no.d.ts","import":"./src/index.ts"},"./*":"./src/*.ts"}}',
      'packages/net/tsconfig.json': '{}',
      'packages/net/src/index.ts': "import './inner.js'\nimport 'ms'",
      'packages/net/src/inner.ts': '',
      'packages/net/src/extra.ts': '',
      'packages/net/src/unused.ts': '',
    }

    it('count by their files, with their own configuration and packages', async () => {
      const manifest = await known(workspace)
      expect(Object.keys(manifest.files)).toEqual([
        entry,
        'package.json',
        'packages/net/package.json',
        'packages/net/src/extra.ts',
        'packages/net/src/index.ts',
        'packages/net/src/inner.ts',
        'packages/net/tsconfig.json',
      ])
      expect(manifest.packages).toEqual({
        'packages/net/node_modules/ms': '1.0.0 sha512-old',
        trueup: 'running 1.0.0 b1',
      })
    })

    it('are unknown where what they export is built', async () => {
      const files = { ...workspace, 'packages/net/package.json': '{"name":"@infra/net","exports":"./dist/index.js"}' }
      expect(await reason(files)).toContain(
        'integrations/dns/index.ts:1: imports "@infra/net", which is not in this revision: ignored, generated or outside the repository (looked for packages/net/dist/index.js)',
      )
    })

    it('are found by name where another package manager locks', async () => {
      const { 'package-lock.json': _lock, ...others } = workspace
      const files = { ...others, 'pnpm-lock.yaml': 'a' }
      const manifest = await known(files)
      expect(Object.keys(manifest.files)).toContain('packages/net/src/inner.ts')
      expect(Object.keys(manifest.packages)).toEqual(['pnpm-lock.yaml', 'trueup'])
    })

    it('count whole where a locked package leads back to them', async () => {
      const files = {
        ...workspace,
        [entry]: "import 'plugin'",
        'package-lock.json': lock({
          'node_modules/plugin': { version: '1.0.0', dependencies: { '@infra/net': '*' } },
          'node_modules/@infra/net': { resolved: 'packages/net', link: true },
          'packages/net': { name: '@infra/net', dependencies: { ms: '^2' } },
          'node_modules/ms': { version: '2.0.0' },
        }),
      }
      const manifest = await known(files)
      expect(Object.keys(manifest.files)).toContain('packages/net/src/unused.ts')
      expect(Object.keys(manifest.packages)).toEqual(['node_modules/ms', 'node_modules/plugin', 'trueup'])
    })
  })

  it.each(['pnpm-lock.yaml', 'yarn.lock', 'bun.lock'])('counts %s whole, once a package is imported', async (name) => {
    const { 'package-lock.json': _lock, ...others } = base
    const one = await known({ ...others, [name]: 'a' })
    expect(Object.keys(one.packages)).toEqual([name, 'trueup'].sort())
    expect((await known({ ...others, [name]: 'b' })).digest).not.toBe(one.digest)
    const without = { ...others, 'integrations/dns/client.ts': '' }
    expect((await known({ ...without, [name]: 'a' })).digest).toBe((await known({ ...without, [name]: 'b' })).digest)
  })

  it('counts an npm lockfile of the first version whole', async () => {
    const manifest = await known({ ...base, 'package-lock.json': '{"lockfileVersion":1,"dependencies":{}}' })
    expect(Object.keys(manifest.packages)).toEqual(['package-lock.json', 'trueup'])
  })

  it('uses the nearest lockfile', async () => {
    const files = { ...base, 'integrations/package-lock.json': lock({ 'node_modules/ky': { version: '5.0.0' } }) }
    expect((await known(files)).packages).toEqual({
      'integrations/node_modules/ky': '5.0.0',
      trueup: 'running 1.0.0 b1',
    })
  })

  it('answers for a package that an integration comes from by its lock', async () => {
    const manifest = await known(base, { entry: 'node_modules/ky/dist/index.js' })
    expect(manifest.files).toEqual({})
    expect(Object.keys(manifest.packages)).toEqual(['node_modules/ky', 'node_modules/ky/node_modules/ms', 'trueup'])
  })

  it('answers for a built-in integration by the version of trueup', async () => {
    expect(await known(base, { entry: null })).toMatchObject({ files: {}, packages: { trueup: '1.0.0 sha512-t' } })
    expect(await known({}, { entry: null })).toMatchObject({ files: {}, packages: { trueup: 'running 1.0.0 b1' } })
  })

  it('says every path that it looked for, also in vain, unless whole folders count', async () => {
    const manifest = await known(base)
    expect(manifest.probed).toMatchObject({
      'integrations/dns/helper.js': '',
      'integrations/dns/helper.ts': manifest.files['integrations/dns/helper.ts'],
      'integrations/dns/tsconfig.json': '',
      'integrations/package-lock.json': '',
    })
    expect(manifest.probed?.['package-lock.json']).toMatch(/^[0-9a-f]{40}$/)
    expect(manifest.installed).toEqual({ 'node_modules/ky': '1.2.0', 'node_modules/ky/node_modules/ms': '2.1.0' })
    const folder = { ...base, [entry]: "new URL('../shared/', import.meta.url)" }
    expect((await known(folder)).probed).toBeNull()
  })

  it('asks in few questions, however many files there are', async () => {
    const many: Files = {
      'package.json': '{}',
      'a.ts': Array.from({ length: 200 }, (_, i) => `import './m${i}.js'`).join('\n'),
    }
    for (let i = 0; i < 200; i += 1) many[`m${i}.ts`] = 'export {}'
    const snapshot = memorySnapshot(many)
    const manifest = await codeManifest({ snapshot, entry: 'a.ts', tool })
    expect(Object.keys(manifest.files)).toHaveLength(202)
    expect(snapshot.questions).toBeLessThanOrEqual(6)
  })

  describe('what is installed', () => {
    async function install(versions: Record<string, string>): Promise<{ root: string } & AsyncDisposable> {
      const root = await mkdtemp(join(tmpdir(), 'trueup-code-'))
      for (const [path, version] of Object.entries(versions)) {
        const file = join(root, path, 'package.json')
        await mkdir(dirname(file), { recursive: true })
        await writeFile(file, JSON.stringify({ version }))
      }
      return { root, [Symbol.asyncDispose]: () => rm(root, { recursive: true }) }
    }
    const asLocked = { 'node_modules/ky': '1.2.0', 'node_modules/ky/node_modules/ms': '2.1.0' }

    it('gives the same digest at every path when it is as locked', async () => {
      await using one = await install(asLocked)
      await using two = await install(asLocked)
      const first = await of(base, { root: one.root })
      expect(first).toEqual(await known(base))
      expect(await of(base, { root: two.root })).toEqual(first)
    })

    it.each([
      [
        { ...asLocked, 'node_modules/ky/node_modules/ms': '2.2.0' },
        'node_modules/ky/node_modules/ms is installed at 2.2.0 but locked at 2.1.0: run npm ci',
      ],
      [
        { 'node_modules/ky': '1.2.0' },
        'node_modules/ky/node_modules/ms is locked at 2.1.0 but not installed: run npm ci',
      ],
    ])('is unknown when a reached package differs', async (versions, expected) => {
      await using place = await install(versions)
      expect(await of(base, { root: place.root })).toMatchObject({ kind: 'unknown', reason: expected })
    })

    it('is unknown when another trueup runs than the locked one', async () => {
      await using place = await install(asLocked)
      const files = relock((packages) => {
        packages['node_modules/trueup'] = { version: '1.1.0' }
      })
      expect(await of(files, { root: place.root })).toMatchObject({
        kind: 'unknown',
        reason: expect.stringContaining('trueup 1.0.0 is running, but the lockfile says 1.1.0') as string,
      })
      expect((await known(files)).kind).toBe('known')
    })
  })
})

describe('codeManifest of a real repository', () => {
  const odd = 'integrations/dns/[a] (b)$@c.js'

  it('is the same for a commit, a clean working tree and a clone elsewhere, and sees what is dirty', async () => {
    await using git = new GitFixture()
    const path = git.init('one', {
      ...base,
      [odd]: 'export {}',
      [entry]: `${base[entry] ?? ''}\nimport ${JSON.stringify('./[a] (b)$@c.js')}`,
    })
    git.call(['clone', '--quiet', path, git.path('two')])
    const [one, two] = [await git.open(path), await git.open(git.path('two'))]
    const committed = await codeManifest({ snapshot: await one.head({ committed: true }), entry, tool })
    expect(committed).toMatchObject({ kind: 'known' })
    expect(Object.keys(committed.files)).toContain(odd)
    expect(await codeManifest({ snapshot: await one.head({ committed: false }), entry, tool })).toEqual(committed)
    expect(await codeManifest({ snapshot: await two.head({ committed: false }), entry, tool })).toEqual(committed)

    git.write(path, { 'integrations/dns/helper.ts': 'export const a = 2', 'integrations/dns/README.md': 'changed' })
    const changed = await git.worktree(path)
    expect(await codeManifest({ snapshot: changed, entry, tool })).not.toEqual(committed)
    expect(await dirtyFiles(committed, await one.head({ committed: true }), await git.worktree(path))).toEqual([
      'integrations/dns/helper.ts',
    ])
  })

  it('is unknown when an ignored file is imported, though it lies on disk', async () => {
    await using git = new GitFixture()
    const path = git.init('one', {
      ...base,
      '.gitignore': 'generated.ts',
      'integrations/dns/client.ts': "import './generated.js'",
    })
    git.write(path, { 'integrations/dns/generated.ts': 'export {}' })
    expect(await codeManifest({ snapshot: await git.worktree(path), entry, tool })).toMatchObject({
      kind: 'unknown',
      reason:
        'integrations/dns/client.ts:1: imports "./generated.js", which is not in this revision: ignored, generated or outside the repository',
    })
  })
})

describe('dirtyFiles', () => {
  it('names loaded files whose content is not the committed one', async () => {
    const manifest = await known(base)
    const helper = 'integrations/dns/helper.ts'
    expect(await dirtyFiles(manifest, memorySnapshot(base), memorySnapshot(base))).toEqual([])
    expect(
      await dirtyFiles(
        manifest,
        memorySnapshot(base),
        memorySnapshot({ ...base, 'integrations/dns/README.md': 'y' }, { dirty: ['integrations/dns/README.md'] }),
      ),
    ).toEqual([])
    expect(await dirtyFiles(manifest, memorySnapshot(base), memorySnapshot(base, { dirty: [helper] }))).toEqual([
      helper,
    ])
    expect(await dirtyFiles(manifest, memorySnapshot(base), memorySnapshot({ ...base, [helper]: 'changed' }))).toEqual([
      helper,
    ])
    const { [helper]: _helper, ...missing } = base
    expect(await dirtyFiles(manifest, memorySnapshot(missing), memorySnapshot(base))).toEqual([helper])
    expect(await dirtyFiles(manifest, memorySnapshot(base), memorySnapshot(missing))).toEqual([helper])
  })
})
