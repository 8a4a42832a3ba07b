// managed-files through the real engine, on real folders: what it makes of a folder, what it refuses, what it never touches.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openRoot } from '../../integrations/managed-files/client.js'
import integration from '../../integrations/managed-files/index.js'
import { rootId } from '../../integrations/managed-files/root-id.js'
import type { LimitSettings } from '../../src/integration.js'
import {
  assertConverges,
  assertDryRunIsPure,
  createFakeClock,
  createMemoryStore,
  recordRun,
  type RecordedRun,
} from '../../src/testing.js'

interface DesiredFile {
  readonly path: string
  readonly content: string
  readonly mode?: string | number
}

interface Place extends AsyncDisposable {
  /** The temporary folder; `root` lies in it and does not exist yet. */
  readonly folder: string
  readonly root: string
  at(path: string): string
  put(path: string, content: string | Uint8Array, mode?: number): Promise<void>
  text(path: string): Promise<string>
  /** Four octal digits. */
  mode(path: string): Promise<string>
  plan(files: readonly DesiredFile[] | Readonly<Record<string, string>>): Promise<RecordedRun>
  apply(files: readonly DesiredFile[], limits?: LimitSettings): Promise<RecordedRun>
  converge(files: readonly DesiredFile[]): Promise<void>
}

async function createPlace(): Promise<Place> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'trueup-files-')))
  const root = join(folder, 'root')
  const clock = createFakeClock()
  const store = createMemoryStore({ clock })
  const shared = { store, clock, params: { root } }
  const at = (path: string): string => join(root, path)
  return {
    folder,
    root,
    at,
    async put(path, content, mode = 0o644) {
      await mkdir(dirname(at(path)), { recursive: true })
      await writeFile(at(path), content)
      await chmod(at(path), mode)
    },
    text: (path) => readFile(at(path), 'utf8'),
    mode: async (path) => ((await stat(at(path))).mode & 0o7777).toString(8).padStart(4, '0'),
    plan: (files) =>
      recordRun(integration, {
        ...shared,
        data: Array.isArray(files) ? dataOf(files) : (files as Record<string, string>),
      }),
    apply: (files, limits = { allowEmpty: true, maxDeletes: '100%' }) =>
      recordRun(integration, { ...shared, data: dataOf(files), mode: 'apply', limits }),
    converge: async (files) => {
      await assertConverges(integration, { ...shared, data: dataOf(files), limits: { allowEmpty: true } })
    },
    async [Symbol.asyncDispose]() {
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** JSON is YAML too, and keeps numbers numbers. */
function dataOf(files: readonly DesiredFile[]): Record<string, string> {
  return { 'data/managed-files/all.yaml': JSON.stringify({ files }) }
}

function actions({ plan }: RecordedRun): readonly string[] {
  return (plan?.changes ?? []).map(({ action, key }) => `${action} ${key}`)
}

function trouble({ record }: RecordedRun): string {
  return [
    record.error?.message,
    ...record.limits.map(({ message }) => message),
    ...record.outcomes.map(({ error }) => error),
  ]
    .filter((text) => typeof text === 'string')
    .join('\n')
}

const A = { path: 'a.txt', content: 'one\n' }

describe('managed-files', () => {
  it('creates the root, the folders and the files, with their modes, and then has nothing to do', async () => {
    await using place = await createPlace()
    await place.converge([
      A,
      { path: 'bin/deep/run', content: '#!/bin/sh\n', mode: '755' },
      { path: 'empty', content: '', mode: '0600' },
    ])
    expect(await place.text('a.txt')).toBe('one\n')
    expect(await place.mode('a.txt')).toBe('0644')
    expect(await place.mode('bin/deep/run')).toBe('0755')
    expect(await place.text('empty')).toBe('')
    expect((await readdir(place.root)).sort()).toEqual(['.trueup-root', 'a.txt', 'bin', 'empty'])
  })

  it('plans without writing anything, not even the root', async () => {
    await using place = await createPlace()
    const { plan, record } = await assertDryRunIsPure(integration, {
      params: { root: place.root },
      data: dataOf([A]),
      world: () => readdir(place.folder, { recursive: true }),
    })
    expect(plan?.summary.create).toBe(1)
    expect(record.run.destination).toBeNull()
    expect(existsSync(place.root)).toBe(false)
  })

  it('updates a file that was changed by hand, and shows what differs', async () => {
    await using place = await createPlace()
    await place.converge([{ path: 'a.txt', content: 'one\ntwo\n' }])
    await place.put('a.txt', 'one\n2\n')
    const planned = await place.plan([{ path: 'a.txt', content: 'one\ntwo\n' }])
    expect(planned.plan?.changes).toMatchObject([
      { action: 'update', key: 'a.txt', fields: [{ path: 'content', before: 'one\n2\n', after: 'one\ntwo\n' }] },
    ])
    await place.converge([{ path: 'a.txt', content: 'one\ntwo\n' }])
    expect(await place.text('a.txt')).toBe('one\ntwo\n')
  })

  it('changes a mode in place, without writing the file anew', async () => {
    await using place = await createPlace()
    await place.converge([A])
    const { ino } = await stat(place.at('a.txt'))
    await place.converge([{ ...A, mode: '0600' }])
    expect(await place.mode('a.txt')).toBe('0600')
    expect((await stat(place.at('a.txt'))).ino).toBe(ino)
  })

  it('adopts an identical file, and owns it from then on', async () => {
    await using place = await createPlace()
    await place.put('a.txt', 'one\n')
    const applied = await place.apply([A])
    expect(actions(applied)).toEqual(['adopt a.txt'])
    expect(actions(await place.apply([]))).toEqual(['delete a.txt'])
    expect(existsSync(place.at('a.txt'))).toBe(false)
  })

  it('never overwrites a different file that it does not own', async () => {
    await using place = await createPlace()
    await place.put('a.txt', 'somebody else\n')
    const applied = await place.apply([A])
    expect(applied.record).toMatchObject({ exitCode: 3, outcomes: [] })
    expect(applied.record.limits).toMatchObject([{ rule: 'not-owned', blocked: true, keys: ['a.txt'] }])
    expect(await place.text('a.txt')).toBe('somebody else\n')
  })

  it('deletes what it owns and nothing else', async () => {
    await using place = await createPlace()
    await place.converge([A, { path: 'sub/b.txt', content: 'b' }])
    await place.put('sub/foreign.txt', 'mine')
    expect(actions(await place.apply([A]))).toEqual(['delete sub/b.txt'])
    expect(await readdir(place.root)).toEqual(expect.arrayContaining(['a.txt', 'sub']))
    expect(await readdir(place.at('sub'))).toEqual(['foreign.txt'])
  })

  it('lets another target on the same root neither change nor delete what this one owns', async () => {
    await using place = await createPlace()
    const clock = createFakeClock()
    const store = createMemoryStore({ clock })
    const shared = { store, clock, params: { root: place.root }, limits: { allowEmpty: true } }
    await assertConverges(integration, { ...shared, target: 'one', data: dataOf([A]) })
    const other = await recordRun(integration, {
      ...shared,
      target: 'two',
      mode: 'apply',
      data: dataOf([{ ...A, content: 'two' }]),
    })
    expect(other.record.exitCode).toBe(3)
    const empty = await recordRun(integration, { ...shared, target: 'two', mode: 'apply', data: dataOf([]) })
    expect(actions(empty)).toEqual([])
    expect(await place.text('a.txt')).toBe('one\n')
  })

  it('gives the root an id with the first apply, and keeps it', async () => {
    await using place = await createPlace()
    expect(await rootId(place.root, { create: false })).toBeUndefined()
    const applied = await place.apply([A])
    const id = await rootId(place.root, { create: true })
    expect(applied.record.run.destination).toBe(id)
    expect((await place.apply([A])).record.run.destination).toBe(id)
  })

  it('gives a root one id, however many ask for it at once', async () => {
    await using place = await createPlace()
    for (let round = 0; round < 20; round += 1) {
      const root = join(place.folder, String(round))
      // Each in its own time, so that some are done before others begin.
      const ids = await Promise.all(
        Array.from({ length: 8 }, async (_, turns) => {
          for (let turn = 0; turn < turns; turn += 1) await stat(place.folder)
          return rootId(root, { create: true })
        }),
      )
      expect(new Set(ids).size).toBe(1)
      expect(await readdir(root)).toEqual(['.trueup-root'])
    }
  })

  it('holds two roots in one store apart', async () => {
    await using place = await createPlace()
    const clock = createFakeClock()
    const store = createMemoryStore({ clock })
    for (const root of ['left', 'right']) {
      await assertConverges(integration, {
        store,
        clock,
        target: 'files',
        params: { root: join(place.folder, root) },
        data: dataOf([A]),
      })
    }
    await recordRun(integration, {
      store,
      clock,
      target: 'files',
      mode: 'apply',
      params: { root: join(place.folder, 'left') },
      data: dataOf([]),
      limits: { allowEmpty: true },
    })
    expect(existsSync(join(place.folder, 'left/a.txt'))).toBe(false)
    expect(existsSync(join(place.folder, 'right/a.txt'))).toBe(true)
  })
})

describe('paths', () => {
  const refused = [
    ['../a', 'leaves the root'],
    ['a/../../b', 'leaves the root'],
    ['/etc/passwd', 'is absolute'],
    ['a//b', 'shortest form'],
    ['./a', 'shortest form'],
    ['a/', 'shortest form'],
    ['a\\b', 'backslash'],
    ['a\0b', 'NUL'],
    ['', 'is empty'],
    ['.trueup-root', 'keeps for itself'],
    ['sub/.trueup-0123456789abcdef', 'keeps for itself'],
  ] as const
  it.each(refused)('refuses %j: %s', async (path, why) => {
    await using place = await createPlace()
    const run = await place.apply([{ path, content: 'x' }])
    expect(run.record).toMatchObject({ exitCode: 1, error: { code: 'desired-invalid' } })
    expect(trouble(run)).toContain('data/managed-files/all.yaml:1:')
    expect(trouble(run)).toContain(why)
    expect(existsSync(place.root)).toBe(false)
  })

  it('refuses one path twice, naming the files that have it', async () => {
    await using place = await createPlace()
    expect(trouble(await place.plan([A, A]))).toContain('data/managed-files/all.yaml: the path "a.txt" is there twice')
    const one = JSON.stringify({ files: [A] })
    expect(trouble(await place.plan({ 'data/managed-files/x.yaml': one, 'data/managed-files/y.yaml': one }))).toContain(
      'the path "a.txt" is in data/managed-files/x.yaml and in data/managed-files/y.yaml',
    )
  })

  it('refuses a file that would be the folder of another', async () => {
    await using place = await createPlace()
    const run = await place.plan([
      { path: 'a/b/c', content: '' },
      { path: 'a/b', content: '' },
    ])
    expect(trouble(run)).toContain('"a/b" (data/managed-files/all.yaml) cannot be a file and the folder of "a/b/c"')
  })

  it('says what is wrong with a mode, and where', async () => {
    await using place = await createPlace()
    const yaml = 'files:\n  - path: a.txt\n    content: one\n    mode: 0644\n'
    const number = await place.plan({ 'data/managed-files/hello.yaml': yaml })
    expect(trouble(number)).toContain('data/managed-files/hello.yaml:4:11')
    expect(trouble(number)).toContain("must be octal digits in quotes, such as '0644'")
    expect(trouble(await place.plan([{ ...A, mode: '0888' }]))).toContain(
      "files[0].mode: must be octal digits such as '0644'",
    )
  })

  it('refuses a relative root', async () => {
    const run = await recordRun(integration, { data: dataOf([A]), params: { root: 'files' } })
    expect(run.record.error).toMatchObject({ code: 'params-invalid' })
    expect(trouble(run)).toMatch(/root.*must be an absolute path/)
  })
})

describe('what stands in the way', () => {
  it('does not leave the root through a folder that is a link', async () => {
    await using place = await createPlace()
    await mkdir(join(place.folder, 'outside'))
    await mkdir(place.root)
    await symlink(join(place.folder, 'outside'), place.at('sub'))
    const planned = await place.plan([{ path: 'sub/a.txt', content: 'x' }])
    expect(planned).toMatchObject({ plan: null, record: { error: { code: 'current-unreadable' } } })
    const run = await place.apply([{ path: 'sub/a.txt', content: 'x' }])
    expect(run.record.exitCode).toBe(1)
    expect(trouble(run)).toContain('sub is a symbolic link')
    expect(await readdir(join(place.folder, 'outside'))).toEqual([])
  })

  it('replaces an owned file that became a link, and leaves what the link points to', async () => {
    await using place = await createPlace()
    const outside = join(place.folder, 'outside.txt')
    await writeFile(outside, 'one\n')
    await place.converge([A])
    await rm(place.at('a.txt'))
    await symlink(outside, place.at('a.txt'))
    // The link's target has the very content that is wanted: still it is no such file.
    expect(actions(await place.apply([{ ...A, mode: '0600' }]))).toEqual(['update a.txt'])
    expect((await lstat(place.at('a.txt'))).isFile()).toBe(true)
    expect(await readFile(outside, 'utf8')).toBe('one\n')
  })

  it('is blocked by a link, a folder or a pipe that it does not own', async () => {
    await using place = await createPlace()
    await mkdir(place.root)
    await symlink('nowhere', place.at('link'))
    await mkdir(place.at('folder'))
    expect(spawnSync('mkfifo', [place.at('pipe')]).status).toBe(0)
    const keys = ['folder', 'link', 'pipe']
    const run = await place.apply(keys.map((path) => ({ path, content: 'x' })))
    expect(run.record.exitCode).toBe(3)
    expect(run.record.limits.flatMap((check) => check.keys)).toEqual(keys)
  })

  it('takes no bytes for the text that describes them, and replaces an owned file that became binary', async () => {
    await using place = await createPlace()
    await place.converge([A])
    await place.put('a.txt', new Uint8Array([0xff, 0xfe, 0]))
    const planned = await place.plan([A])
    const before = planned.plan?.changes[0]?.fields.find(({ path }) => path === 'content')?.before
    expect(before).toMatch(/^\(3 bytes that are no text, sha256 [0-9a-f]{64}\)$/)
    expect(actions(await place.plan([{ ...A, content: before as string }]))).toEqual(['update a.txt'])
    await place.converge([A])
  })

  it('keeps a byte order mark and line ends as they are', async () => {
    await using place = await createPlace()
    await place.converge([{ path: 'a.txt', content: '\uFEFFa\r\nb' }])
    expect([...(await readFile(place.at('a.txt')))].slice(0, 3)).toEqual([0xef, 0xbb, 0xbf])
  })

  it('does not remove a folder that took the place of an owned file', async () => {
    await using place = await createPlace()
    await place.converge([A, { path: 'b.txt', content: 'b' }])
    await rm(place.at('a.txt'))
    await place.put('a.txt/kept', 'x')
    for (const run of [
      await place.apply([{ path: 'b.txt', content: 'b' }]),
      await place.apply([A, { path: 'b.txt', content: 'b' }]),
    ]) {
      expect(run.record.outcomes).toMatchObject([{ key: 'a.txt', result: 'failed' }])
      expect(trouble(run)).toContain('a.txt is a folder by now; folders are never removed')
    }
    expect(await place.text('a.txt/kept')).toBe('x')
  })

  it('says so when the root is a file, or its id is not ours', async () => {
    await using place = await createPlace()
    await writeFile(place.root, 'a file')
    expect(trouble(await place.apply([A]))).toContain(`the root ${place.root} cannot be made a root`)
    await rm(place.root)
    await place.put('.trueup-root', 'hello')
    expect(trouble(await place.plan([A]))).toContain('does not hold the id of a root')
  })
})

describe('writes', () => {
  const after = { path: 'a.txt', content: 'mine', mode: '0644' }
  const open = (root: string, now = 0) =>
    openRoot(root, { now: () => now, map: (items, fn) => Promise.all([...items].map(fn)) })

  it('refuse what changed since it was read', async () => {
    await using place = await createPlace()
    const root = open(place.root)
    await place.put('a.txt', 'one')
    await place.put('b.txt', 'one')
    const before = (await root.list(['a.txt', 'b.txt'])).items
    await place.put('a.txt', 'changed')
    await chmod(place.at('b.txt'), 0o600)
    for (const file of before) {
      await expect(root.replace(file, { ...after, path: file.path })).rejects.toThrow('was changed by somebody else')
      await expect(root.remove(file)).rejects.toThrow('was changed by somebody else')
    }
    await expect(root.create(after)).rejects.toThrow('was changed by somebody else')
    expect(await place.text('a.txt')).toBe('changed')
    expect((await readdir(place.root)).sort()).toEqual(['a.txt', 'b.txt'])
  })

  it('never show half a file to a reader', async () => {
    await using place = await createPlace()
    const root = open(place.root)
    const contents = ['a', 'b'].map((letter) => letter.repeat(300_000))
    await root.create({ ...after, content: contents[0] ?? '' })
    let done = false
    const isDone = (): boolean => done
    const seen = new Set<string>()
    const reader = (async () => {
      while (!isDone()) seen.add(await place.text('a.txt'))
    })()
    for (let round = 0; round < 20; round += 1) {
      const [before] = (await root.list(['a.txt'])).items
      if (before === undefined) throw new Error('the file is gone')
      await root.replace(before, { ...after, content: contents[(round + 1) % 2] ?? '' })
    }
    done = true
    await reader
    expect([...seen].filter((content) => !contents.includes(content)).map((content) => content.length)).toEqual([])
  })

  it('leave no draft behind, and remove those of killed runs after an hour', async () => {
    await using place = await createPlace()
    const [old, young] = ['.trueup-00000000000000aa', '.trueup-00000000000000bb']
    await place.put(old, 'half')
    await place.put(young, 'half')
    await place.put('.trueup-notes', 'not a draft')
    const now = Date.UTC(2026, 0, 2)
    await utimes(place.at(old), new Date(now - 3_700_000), new Date(now - 3_700_000))
    await utimes(place.at(young), new Date(now - 60_000), new Date(now - 60_000))
    await open(place.root, now).create(after)
    expect((await readdir(place.root)).sort()).toEqual([young, '.trueup-notes', 'a.txt'])
  })
})
