import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Snapshot, SourceEntry } from '../../src/desired/source.js'
import { createSource, type TrackedSource } from '../../src/desired/source-context.js'
import { memorySnapshot } from '../support/memory-snapshot.js'

interface Case {
  readonly files: Readonly<Record<string, string>>
  readonly links?: readonly string[]
  readonly inputs?: readonly string[]
  readonly freeze?: boolean
}

function source({ files, links = [], inputs = ['data/*.yaml'], freeze = true }: Case): TrackedSource {
  return createSource({ snapshot: memorySnapshot(files, { links }), inputs, integration: 'demo', freeze })
}

/** The same snapshot with other bytes or modes for some paths. */
function changed(snapshot: Snapshot, paths: Readonly<Record<string, { bytes?: Uint8Array; mode?: string }>>): Snapshot {
  return {
    ...snapshot,
    entries: async (globs) =>
      (await snapshot.entries(globs)).map((entry): SourceEntry => ({
        ...entry,
        mode: paths[entry.path]?.mode ?? entry.mode,
      })),
    read: async (path) => paths[path]?.bytes ?? (await snapshot.read(path)),
  }
}

const files = {
  'data/b.yaml': 'n: 2\n',
  'data/a.yaml': 'n: 1\n',
  'data/deep/c.yaml': 'n: 3\n',
  'other/d.yaml': 'n: 4\n',
}

describe('createSource', () => {
  it('lists, reads and loads what is declared, sorted and frozen', async () => {
    const ctx = source({ files })
    expect(await ctx.files('data/*.yaml')).toEqual(['data/a.yaml', 'data/b.yaml'])
    expect(await ctx.files(['data/b.yaml', './data/a.yaml'])).toEqual(['data/a.yaml', 'data/b.yaml'])
    expect(await ctx.files('data/*.json')).toEqual([])
    expect(await ctx.read('data/a.yaml')).toBe('n: 1\n')
    expect(await ctx.load('data/a.yaml', z.object({ n: z.number() }))).toEqual({ n: 1 })
    const all = await ctx.loadAll('data/*.yaml')
    expect(all).toEqual([{ n: 1 }, { n: 2 }])
    expect(Object.isFrozen(all[0])).toBe(true)
    expect(Object.isFrozen(await source({ files, freeze: false }).load('data/a.yaml'))).toBe(false)
  })

  it('remembers what was read', async () => {
    const ctx = source({ files })
    expect(ctx.readPaths()).toEqual([])
    await ctx.read('data/b.yaml')
    await ctx.files('data/a.*')
    expect(ctx.readPaths()).toEqual(['data/a.yaml', 'data/b.yaml'])
  })

  it.each([
    ['read', 'other/d.yaml'],
    ['read', 'other/missing.yaml'],
    ['load', 'data/deep/c.yaml'],
    ['read', '/data/a.yaml'],
    ['read', 'data/../data/a.yaml'],
    ['read', './data/a.yaml'],
    ['read', 'data//a.yaml'],
    ['files', 'other/missing.yaml'],
    ['files', 'other/*'],
    ['files', '**/*.yaml'],
    ['loadAll', 'data/**'],
    ['directory', 'data/**'],
  ] as const)('refuses %s(%j) with the integration and what it declares', async (method, path) => {
    const asked = source({ files })[method](path)
    await expect(asked).rejects.toMatchObject({
      code: 'undeclared-input',
      message: expect.stringContaining('demo') as string,
    })
  })

  it('says how to declare what was read', async () => {
    await expect(source({ files }).read('other/d.yaml')).rejects.toThrow(
      "Declare it: inputs: ['data/*.yaml', 'other/d.yaml']",
    )
    await expect(source({ files }).files('**/*.yaml')).rejects.toThrow('**/*.yaml matches data/deep/c.yaml and 1 more')
    await expect(source({ files, inputs: [] }).read('data/a.yaml')).rejects.toThrow('(none)')
  })

  it('allows a glob wider than the inputs as long as it matches nothing else', async () => {
    expect(await source({ files: { 'data/a.yaml': '' } }).files('**/*.yaml')).toEqual(['data/a.yaml'])
  })

  it('says which file is missing', async () => {
    await expect(source({ files }).read('data/none.yaml')).rejects.toMatchObject({
      code: 'desired-unreadable',
      details: { file: 'data/none.yaml' },
    })
  })

  it('tells all errors of all files at once', async () => {
    const ctx = source({
      files: {
        'data/a.yaml': 'n: x\n',
        'data/b.yaml': 'n: 1\nn: 2\n',
        'data/c.yaml': 'n: 1\n',
        'data/d.yaml': 'm: 1\nn: y\n',
      },
    })
    await expect(ctx.loadAll('data/*.yaml', z.object({ n: z.number() }))).rejects.toMatchObject({
      code: 'desired-invalid',
      message: expect.stringMatching(
        /^data\/a\.yaml:1:4: n: .*\ndata\/b\.yaml:2:1: .*twice.*\ndata\/d\.yaml:2:4: n: .*$/,
      ) as string,
      details: {
        file: 'data/a.yaml',
        line: 1,
        errors: [{ path: 'n' }, { file: 'data/b.yaml', line: 2, column: 1 }, { file: 'data/d.yaml', line: 2 }],
      },
    })
  })

  it('refuses what is not UTF-8, a Git LFS pointer and a submodule, naming the file', async () => {
    const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n'
    const inner = memorySnapshot({ 'data/a.yaml': 'n: 1\n', 'data/lfs.yaml': pointer, 'data/sub.yaml': '' })
    const snapshot = changed(inner, {
      'data/a.yaml': { bytes: new Uint8Array([0x6e, 0xff]) },
      'data/sub.yaml': { mode: '160000' },
    })
    const ctx = createSource({ snapshot, inputs: ['data/*'], integration: 'demo' })
    await expect(ctx.read('data/a.yaml')).rejects.toMatchObject({
      code: 'desired-invalid',
      message: expect.stringContaining('data/a.yaml: this file is not UTF-8') as string,
    })
    await expect(ctx.load('data/lfs.yaml')).rejects.toMatchObject({
      code: 'desired-unreadable',
      message: expect.stringContaining('Git LFS') as string,
    })
    await expect(ctx.read('data/sub.yaml')).rejects.toMatchObject({
      code: 'desired-unreadable',
      message: expect.stringContaining('submodule') as string,
    })
    await expect(ctx.directory('data/*')).rejects.toMatchObject({ code: 'desired-unreadable' })
    await expect(ctx.loadAll('data/*')).rejects.toThrow(/LFS[^]*submodule/)
  })
})

describe('createSource and symbolic links', () => {
  const linked = {
    'data/a.yaml': 'real.yaml',
    'data/real.yaml': 'n: 1\n',
    'data/out.yaml': '../other/d.yaml',
    'data/chain.yaml': '../other/link.yaml',
    'other/link.yaml': '../data/real.yaml',
    'other/d.yaml': 'n: 4\n',
    'data/loop.yaml': 'loop.yaml',
    'data/away.yaml': '../../etc/passwd',
  }
  const links = [
    'data/a.yaml',
    'data/out.yaml',
    'data/chain.yaml',
    'other/link.yaml',
    'data/loop.yaml',
    'data/away.yaml',
  ]

  it('follows a link to what is declared too', async () => {
    const ctx = source({ files: linked, links })
    expect(await ctx.load('data/a.yaml')).toEqual({ n: 1 })
    expect(ctx.readPaths()).toEqual(['data/a.yaml', 'data/real.yaml'])
    expect(await ctx.loadAll('data/{a,real}.yaml')).toEqual([{ n: 1 }, { n: 1 }])
  })

  it('refuses one that leads to what is not, or over it, or nowhere', async () => {
    const ctx = source({ files: linked, links })
    await expect(ctx.read('data/out.yaml')).rejects.toMatchObject({
      code: 'undeclared-input',
      message: expect.stringContaining('data/out.yaml leads over a symbolic link to other/d.yaml') as string,
    })
    await expect(ctx.read('data/chain.yaml')).rejects.toMatchObject({
      code: 'undeclared-input',
      details: { path: 'other/link.yaml' },
    })
    await expect(ctx.read('data/loop.yaml')).rejects.toMatchObject({ code: 'desired-unreadable' })
    await expect(ctx.read('data/away.yaml')).rejects.toMatchObject({ code: 'desired-unreadable' })
    await expect(ctx.directory('data/*.yaml')).rejects.toBeInstanceOf(Error)
  })
})
