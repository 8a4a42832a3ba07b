// The working tree as a source: clean files from objects, changed ones from disk, one state for the life of a snapshot.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { WorktreeSnapshot } from '../../src/desired/git/worktree-snapshot.js'
import { parseStatus } from '../../src/desired/git/status.js'
import type { Snapshot } from '../../src/desired/source.js'
import { contents, GitFixture, rejection } from '../support/git-fixture.js'

/** `path` → `oid mode`, with `*` for what is not as in HEAD. */
async function listing(snapshot: Snapshot, globs: readonly string[] = ['**']): Promise<Record<string, string>> {
  const entries = await snapshot.entries(globs)
  return Object.fromEntries(entries.map(({ path, oid, mode, dirty }) => [path, `${oid} ${mode}${dirty ? ' *' : ''}`]))
}

function headListing(fixture: GitFixture, repository: string): Record<string, string> {
  const lines = fixture.git(repository, 'ls-tree', '-r', 'HEAD').split('\n')
  return Object.fromEntries(
    lines
      .map((line) => /^(\d+) \w+ (\w+)\t(.*)$/.exec(line))
      .map((found): [string, string] => [found?.[3] ?? '', `${found?.[2] ?? ''} ${found?.[1] ?? ''}`]),
  )
}

/** Counts git calls by a wrapper on the PATH that writes each one down. */
function countingGit(fixture: GitFixture): { environment: Record<string, string>; calls: () => string[] } {
  mkdirSync(fixture.path('bin'))
  const real =
    (fixture.environment['PATH'] ?? '')
      .split(':')
      .map((folder) => join(folder, 'git'))
      .find((path) => existsSync(path)) ?? ''
  writeFileSync(fixture.path('bin', 'git'), `#!/bin/sh\necho "$*" >> ${fixture.path('calls')}\nexec ${real} "$@"\n`, {
    mode: 0o755,
  })
  return {
    environment: { ...fixture.environment, PATH: `${fixture.path('bin')}:${fixture.environment['PATH'] ?? ''}` },
    calls: () => {
      if (!existsSync(fixture.path('calls'))) return []
      const names = ['cat-file', 'hash-object', 'status', 'ls-files', 'config', 'fetch']
      return readFileSync(fixture.path('calls'), 'utf8')
        .trim()
        .split('\n')
        .map((line) => names.find((name) => line.split(' ').includes(name)) ?? line)
    },
  }
}

describe('a clean working tree', () => {
  it('is listed and read as its commit, by one git process and without the index', async () => {
    await using fixture = new GitFixture()
    const repository = fixture.init('repository', { 'data/a.yaml': 'a', 'data/deep/b.yaml': 'b', 'other/c.yaml': 'c' })
    chmodSync(join(repository, 'data/a.yaml'), 0o755)
    symlinkSync('a.yaml', join(repository, 'data/link.yaml'))
    fixture.commit(repository, {})
    // A changed file elsewhere is nobody's business here.
    fixture.write(repository, { 'other/c.yaml': 'changed' })
    const { environment, calls } = countingGit(fixture)
    const opened = await fixture.open(repository, { environment })
    const base = await opened.resolve('HEAD')
    const snapshot = await opened.head({ committed: false })
    const { 'other/c.yaml': _, ...expected } = headListing(fixture, repository)
    expect(await listing(snapshot, ['data/**'])).toEqual(expected)
    expect(await contents(snapshot, ['data/**'])).toEqual({
      'data/a.yaml': 'a',
      'data/deep/b.yaml': 'b',
      'data/link.yaml': 'a.yaml',
    })
    expect(await listing(await opened.at(base.kind === 'found' ? base.id : ''), ['data/**'])).toEqual(expected)
    expect(snapshot instanceof WorktreeSnapshot && snapshot.isDirty).toBe(false)
    expect(calls()).toEqual(['cat-file'])
  })

  it('does not change the index on disk, even when its times are stale', async () => {
    await using fixture = new GitFixture()
    const repository = fixture.init('repository', { 'a.yaml': 'a' })
    utimesSync(join(repository, 'a.yaml'), 1, 1)
    const index = readFileSync(join(repository, '.git/index'))
    fixture.write(repository, { 'b.yaml': 'b' })
    expect(await contents(await fixture.worktree(repository))).toEqual({ 'a.yaml': 'a', 'b.yaml': 'b' })
    expect(readFileSync(join(repository, '.git/index'))).toEqual(index)
    expect(fixture.git(repository, 'status', '--porcelain')).toBe('?? b.yaml')
  })

  it('gives the ids and bytes of the commit in a clone that checks out with CRLF, without asking status', async () => {
    await using fixture = new GitFixture()
    const origin = fixture.init('origin', { 'data/a.yaml': 'one\ntwo\n', '.gitattributes': '*.yaml text=auto\n' })
    const clone = fixture.path('clone')
    fixture.call(['clone', '--quiet', '--config', 'core.autocrlf=true', origin, clone])
    expect(readFileSync(join(clone, 'data/a.yaml'), 'utf8')).toBe('one\r\ntwo\r\n')
    const { environment, calls } = countingGit(fixture)
    const snapshot = await fixture.worktree(clone, { environment })
    expect(await listing(snapshot)).toEqual(headListing(fixture, origin))
    expect((await contents(snapshot))['data/a.yaml']).toBe('one\ntwo\n')
    expect(calls()).toEqual(['cat-file', 'hash-object'])
  })
})

describe('a changed working tree', () => {
  it('shows every kind of change as git would commit it', async () => {
    await using fixture = new GitFixture()
    const before = [
      'kept',
      'edited',
      'staged',
      'both',
      'deleted',
      'unstaged',
      'mode',
      'typed',
      'moved',
      'uncached',
    ].map((name): [string, string] => [`d/${name}.yaml`, `${name}\n`])
    const repository = fixture.init('repository', { ...Object.fromEntries(before), '.gitignore': '*.log\n' })
    fixture.write(repository, {
      'd/edited.yaml': 'edited now\n',
      'd/staged.yaml': 'staged now\n',
      'd/both.yaml': 'staged\n',
      'd/new.yaml': 'new\n',
      'd/added.yaml': 'added\n',
      'd/intent.yaml': 'intent\n',
      'd/skip.log': 'ignored',
    })
    fixture.git(repository, 'add', 'd/staged.yaml', 'd/both.yaml', 'd/added.yaml')
    fixture.git(repository, 'add', '--intent-to-add', 'd/intent.yaml')
    fixture.write(repository, { 'd/both.yaml': 'both now\n' })
    fixture.git(repository, 'rm', '--quiet', 'd/deleted.yaml')
    fixture.git(repository, 'rm', '--quiet', '--cached', 'd/uncached.yaml')
    rmSync(join(repository, 'd/unstaged.yaml'))
    chmodSync(join(repository, 'd/mode.yaml'), 0o755)
    rmSync(join(repository, 'd/typed.yaml'))
    symlinkSync('kept.yaml', join(repository, 'd/typed.yaml'))
    renameSync(join(repository, 'd/moved.yaml'), join(repository, 'd/moved to.yaml'))
    const snapshot = await fixture.worktree(repository)
    expect(await contents(snapshot, ['d/**'])).toEqual({
      'd/kept.yaml': 'kept\n',
      'd/edited.yaml': 'edited now\n',
      'd/staged.yaml': 'staged now\n',
      'd/both.yaml': 'both now\n',
      'd/new.yaml': 'new\n',
      'd/added.yaml': 'added\n',
      'd/intent.yaml': 'intent\n',
      'd/mode.yaml': 'mode\n',
      'd/typed.yaml': 'kept.yaml',
      'd/moved to.yaml': 'moved\n',
      'd/uncached.yaml': 'uncached\n',
    })
    const entries = await snapshot.entries(['d/**'])
    expect(entries.filter(({ dirty }) => !dirty).map(({ path }) => path)).toEqual(['d/kept.yaml'])
    // The same as a commit of everything.
    fixture.commit(repository, {})
    const { '.gitignore': _, ...expected } = headListing(fixture, repository)
    expect(Object.fromEntries(entries.map(({ path, oid, mode }) => [path, `${oid} ${mode}`]))).toEqual(expected)
  })

  it('shows the same of many files, which git is asked about instead of being read one by one', async () => {
    await using fixture = new GitFixture()
    const names = Array.from({ length: 520 }, (_, index) => `data/${String(index).padStart(3, '0')}.yaml`)
    const repository = fixture.init('repository', Object.fromEntries(names.map((name) => [name, `${name}\n`])))
    const { environment, calls } = countingGit(fixture)
    const opened = await fixture.open(repository, { environment })
    const clean = await opened.head({ committed: false })
    const head = headListing(fixture, repository)
    expect(await listing(clean)).toEqual(head)
    expect(clean).toMatchObject({ isDirty: false })
    expect(calls()).toContain('status')

    // The same length and time of writing; when its inode changed tells git to look.
    const { atime, mtime } = statSync(join(repository, 'data/007.yaml'))
    fixture.write(repository, { 'data/007.yaml': 'data/00X.yaml\n', 'data/new.yaml': 'new' })
    utimesSync(join(repository, 'data/007.yaml'), atime, mtime)
    rmSync(join(repository, 'data/100.yaml'))
    chmodSync(join(repository, 'data/200.yaml'), 0o755)
    // Touched, and as it was.
    fixture.write(repository, { 'data/300.yaml': 'data/300.yaml\n' })
    const changed = await opened.head({ committed: false })
    const found = await listing(changed)
    const id = (path: string): string => fixture.git(repository, 'hash-object', path)
    const { 'data/100.yaml': _, ...kept } = head
    expect(found).toEqual({
      ...kept,
      'data/007.yaml': `${id('data/007.yaml')} 100644 *`,
      'data/200.yaml': `${id('data/200.yaml')} 100755 *`,
      'data/new.yaml': `${id('data/new.yaml')} 100644 *`,
    })
    expect(changed).toMatchObject({ isDirty: true })
    expect((await contents(changed, ['data/007.yaml']))['data/007.yaml']).toBe('data/00X.yaml\n')
  })

  it('knows that it is dirty when all that happened is a deletion', async () => {
    await using fixture = new GitFixture()
    const repository = fixture.init('repository', { 'd/a.yaml': 'a', 'd/b.yaml': 'b', 'other.yaml': 'o' })
    rmSync(join(repository, 'd/a.yaml'))
    const snapshot = await fixture.worktree(repository)
    expect(await listing(snapshot, ['other.yaml'])).not.toEqual({})
    expect(snapshot instanceof WorktreeSnapshot && snapshot.isDirty).toBe(false)
    expect(await snapshot.read('d/a.yaml')).toBeUndefined()
    expect(snapshot instanceof WorktreeSnapshot && snapshot.isDirty).toBe(true)
  })

  it('takes the disk for files in a merge conflict', async () => {
    await using fixture = new GitFixture()
    const repository = fixture.init('repository', { 'a.yaml': 'base\n', 'b.yaml': 'base\n' })
    fixture.git(repository, 'checkout', '--quiet', '-b', 'side')
    fixture.commit(repository, { 'a.yaml': 'side\n', 'b.yaml': 'side\n' })
    fixture.git(repository, 'checkout', '--quiet', 'main')
    fixture.commit(repository, { 'a.yaml': 'main\n', 'b.yaml': 'main\n' })
    expect(() => fixture.git(repository, 'merge', 'side')).toThrow()
    rmSync(join(repository, 'b.yaml'))
    const found = await contents(await fixture.worktree(repository))
    expect(Object.keys(found)).toEqual(['a.yaml'])
    expect(found['a.yaml']).toContain('<<<<<<<')
  })

  it('before the first commit holds what is there', async () => {
    await using fixture = new GitFixture()
    const repository = fixture.init('repository')
    fixture.write(repository, { 'a.yaml': 'a', 'b.yaml': 'b', 'c.log': 'c', '.gitignore': '*.log' })
    fixture.git(repository, 'add', 'a.yaml')
    const snapshot = await fixture.worktree(repository)
    expect(snapshot.revision).toEqual({ kind: 'worktree', commit: null })
    expect(await contents(snapshot, ['*.{yaml,log}'])).toEqual({ 'a.yaml': 'a', 'b.yaml': 'b' })
    expect((await snapshot.entries(['**'])).every(({ dirty }) => dirty)).toBe(true)
  })

  it('reads changed files as git would store them: line endings converted, filters applied, nothing written', async () => {
    await using fixture = new GitFixture()
    const repository = fixture.init('repository', {
      'a.yaml': 'a\n',
      '.gitattributes': '*.yaml text\n*.up filter=upper\n',
    })
    fixture.git(repository, 'config', 'filter.upper.clean', 'tr a-z A-Z')
    fixture.write(repository, {
      'a.yaml': 'one\r\ntwo\r\n',
      'new "quoted".yaml': 'x\r\n',
      'b.up': 'shout',
      'raw.bin': 'a\r\n',
    })
    const objects = fixture.git(repository, 'count-objects')
    const snapshot = await fixture.worktree(repository)
    const globs = ['*.{yaml,up,bin}']
    expect(await contents(snapshot, globs)).toEqual({
      'a.yaml': 'one\ntwo\n',
      'new "quoted".yaml': 'x\n',
      'b.up': 'SHOUT',
      'raw.bin': 'a\r\n',
    })
    const entries = await snapshot.entries(globs)
    expect(fixture.git(repository, 'count-objects')).toBe(objects)
    fixture.commit(repository, {})
    for (const { path, oid } of entries) expect(oid).toBe(fixture.git(repository, 'rev-parse', `HEAD:${path}`))
  })

  it('follows core.fileMode, core.ignoreCase and assume-unchanged', async () => {
    await using fixture = new GitFixture()
    const repository = fixture.init('repository', { 'a.yaml': 'a', 'B.yaml': 'b', 'frozen.yaml': 'f' })
    fixture.git(repository, 'config', 'core.fileMode', 'false')
    fixture.git(repository, 'config', 'core.ignoreCase', 'true')
    fixture.git(repository, 'update-index', '--assume-unchanged', 'frozen.yaml')
    chmodSync(join(repository, 'a.yaml'), 0o755)
    fixture.write(repository, { 'frozen.yaml': 'edited' })
    expect(await listing(await fixture.worktree(repository))).toEqual(headListing(fixture, repository))
  })

  it('leaves the files of repositories inside the repository alone', async () => {
    await using fixture = new GitFixture()
    const repository = fixture.init('repository', { 'data/a.yaml': 'a' })
    fixture.init('repository/data/nested', { 'x.yaml': 'x' })
    expect(await contents(await fixture.worktree(repository), ['data/**'])).toEqual({ 'data/a.yaml': 'a' })
  })

  it('does not look through a folder that became a link', async () => {
    await using fixture = new GitFixture()
    const repository = fixture.init('repository', { 'data/a.yaml': 'a', 'elsewhere/a.yaml': 'a' })
    rmSync(join(repository, 'data'), { recursive: true })
    symlinkSync('elsewhere', join(repository, 'data'))
    const snapshot = await fixture.worktree(repository)
    expect(await contents(snapshot, ['data/**', 'data'])).toEqual({ data: 'elsewhere' })
    expect(await (await fixture.worktree(repository)).read('data/a.yaml')).toBeUndefined()
  })
})

describe('one snapshot', () => {
  it('keeps what it answered: ids, presence and absence', async () => {
    await using fixture = new GitFixture()
    const repository = fixture.init('repository', { 'd/a.yaml': 'a', 'd/b.yaml': 'b', 'other/c.yaml': 'c' })
    const snapshot = await fixture.worktree(repository)
    const first = await listing(snapshot, ['d/*'])
    expect(await snapshot.read('late.yaml')).toBeUndefined()
    fixture.write(repository, {
      'd/a.yaml': 'changed',
      'd/new.yaml': 'new',
      'late.yaml': 'late',
      'other/c.yaml': 'changed before it was asked',
    })
    rmSync(join(repository, 'd/b.yaml'))
    expect(await listing(snapshot, ['d/*'])).toEqual(first)
    expect(await contents(snapshot, ['**/*.yaml'])).toEqual({
      'd/a.yaml': 'a',
      'd/b.yaml': 'b',
      'other/c.yaml': 'changed before it was asked',
    })
    expect(await snapshot.read('d/new.yaml')).toBeUndefined()
    expect(await snapshot.read('late.yaml')).toBeUndefined()
  })

  it.each([
    { what: 'plain', attributes: '' },
    { what: 'filtered', attributes: '* text\n' },
  ])('says so when a changed file changes again before it is read ($what)', async ({ attributes }) => {
    await using fixture = new GitFixture()
    const repository = fixture.init('repository', { 'a.yaml': 'a\n', '.gitattributes': attributes })
    fixture.write(repository, { 'a.yaml': 'b\r\n', 'gone.yaml': 'gone' })
    const snapshot = await fixture.worktree(repository)
    await snapshot.entries(['*.yaml'])
    expect(await snapshot.read('a.yaml')).toBeDefined()
    fixture.write(repository, { 'a.yaml': 'c\r\n' })
    rmSync(join(repository, 'gone.yaml'))
    for (const path of ['a.yaml', 'gone.yaml']) {
      const error = await rejection(snapshot.read(path))
      expect(error).toMatchObject({ code: 'desired-unreadable', retryable: true })
      expect(error.message).toContain(`${path} changed on disk`)
    }
  })

  it('says so when HEAD moves under it', async () => {
    await using fixture = new GitFixture()
    const repository = fixture.init('repository', { 'a.yaml': 'a' })
    const snapshot = await fixture.worktree(repository)
    fixture.commit(repository, { 'a.yaml': 'b' })
    expect(await rejection(snapshot.entries(['a.yaml']))).toMatchObject({ code: 'source-unavailable', retryable: true })
  })

  it('answers questions asked at once as if asked in turn', async () => {
    await using fixture = new GitFixture()
    const repository = fixture.init('repository', { 'd/a.yaml': 'a', 'd/b.yaml': 'b' })
    fixture.write(repository, { 'd/b.yaml': 'changed' })
    const snapshot = await fixture.worktree(repository)
    const [all, one, content, again] = await Promise.all([
      snapshot.entries(['d/*']),
      snapshot.entries(['d/b.yaml']),
      snapshot.read('d/b.yaml'),
      snapshot.entries(['d/*']),
    ])
    expect(again).toEqual(all)
    expect(one).toEqual(all.filter(({ path }) => path === 'd/b.yaml'))
    expect(Buffer.from(content ?? []).toString()).toBe('changed')
  })
})

describe('a sparse checkout', () => {
  it.each([
    { cone: '--cone', set: ['kept'] },
    { cone: '--no-cone', set: ['/kept/'] },
  ])('has all files, those outside from objects ($cone), on both sides', async ({ cone, set }) => {
    await using fixture = new GitFixture()
    const files = { 'kept/a.yaml': 'a', 'left/b.yaml': 'b', 'left/c.yaml': 'c' }
    const repository = fixture.init('repository', files)
    fixture.git(repository, 'sparse-checkout', 'set', cone, ...set)
    expect(existsSync(join(repository, 'left'))).toBe(false)
    const opened = await fixture.open(repository)
    const snapshot = await opened.head({ committed: false })
    expect(await contents(snapshot)).toEqual(files)
    expect(await listing(snapshot)).toEqual(headListing(fixture, repository))
    expect(await contents(await opened.head({ committed: true }))).toEqual(files)
    fixture.write(repository, { 'kept/new.yaml': 'new' })
    rmSync(join(repository, 'kept/a.yaml'))
    const folder = await (await opened.head({ committed: false })).materialize(['**'])
    expect(readFileSync(join(folder, 'left/b.yaml'), 'utf8')).toBe('b')
    expect(existsSync(join(folder, 'kept/a.yaml'))).toBe(false)
    expect(existsSync(join(folder, 'kept/new.yaml'))).toBe(true)
  })

  it('works with a sparse index', async () => {
    await using fixture = new GitFixture()
    const repository = fixture.init('repository', { 'kept/a.yaml': 'a', 'left/b.yaml': 'b' })
    fixture.git(repository, 'sparse-checkout', 'set', '--cone', '--sparse-index', 'kept')
    expect(await listing(await fixture.worktree(repository))).toEqual(headListing(fixture, repository))
  })
})

describe('parseStatus', () => {
  it('reads paths with spaces and newlines, and every kind of record', () => {
    const zero = '0'.repeat(40)
    const one = '1'.repeat(40)
    const records = [
      `# branch.oid ${one}`,
      '# branch.head main',
      `1 M. N... 100644 100644 100755 ${zero} ${one} a b`,
      `1 .D N... 100644 100644 000000 ${one} ${one} new\nline`,
      `1 D. N... 100644 000000 000000 ${one} ${zero} gone`,
      `1 .M N... 100644 100644 100755 ${one} ${one} disk`,
      `u UU N... 100644 100644 100644 100644 ${one} ${one} ${one} both sides`,
      '? un tracked',
      '? nested/',
      '',
    ]
    expect(parseStatus(records.join('\0'))).toEqual({
      commit: one,
      states: [
        { kind: 'staged', path: 'a b', oid: one, mode: '100644' },
        { kind: 'deleted', path: 'new\nline' },
        { kind: 'deleted', path: 'gone' },
        { kind: 'disk', path: 'disk', mode: '100755' },
        { kind: 'disk', path: 'both sides', mode: undefined },
        { kind: 'disk', path: 'un tracked', mode: undefined },
      ],
    })
    expect(parseStatus('# branch.oid (initial)\0').commit).toBeNull()
  })
})
