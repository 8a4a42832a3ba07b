// The files of one commit, and resolving what a person typed.
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync, chmodSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { resolveLink } from '../../src/desired/resolve-link.js'
import type { Snapshot } from '../../src/desired/source.js'
import { contents, GitFixture, rejection } from '../support/git-fixture.js'

async function committed(fixture: GitFixture, path: string): Promise<Snapshot> {
  return (await fixture.open(path)).head({ committed: true })
}

const ODD_NAMES = [
  'with space.yaml',
  '-dash.yaml',
  ':(glob)**',
  '"quoted".yaml',
  'new\nline.yaml',
  'ünï – 文.yaml',
  "it's.yaml",
  'tab\t.yaml',
  'back\\slash.yaml',
  '*.yaml',
]

describe('the snapshot of a commit', () => {
  it('lists matching entries with id and mode, sorted by path, and reads them', async () => {
    await using fixture = new GitFixture()
    const repository = fixture.init('repository', {
      'data/b.yaml': 'b',
      'data/a/x.yaml': 'x',
      'data/a.yaml': 'a',
      'README.md': 'no',
    })
    chmodSync(join(repository, 'data/b.yaml'), 0o755)
    symlinkSync('b.yaml', join(repository, 'data/link.yaml'))
    const id = fixture.commit(repository, {})
    const snapshot = await committed(fixture, repository)
    expect(snapshot.revision).toEqual({ kind: 'commit', id })
    const listed = fixture.git(repository, 'ls-tree', '-r', 'HEAD', 'data').split('\n')
    const expected = listed
      .map((line) => /^(\d+) blob (\w+)\t(.*)$/.exec(line)?.slice(1) ?? [])
      .sort(([, , a = ''], [, , b = '']) => (a < b ? -1 : 1))
    const entries = await snapshot.entries(['data/**'])
    expect(entries.map(({ mode, oid, path }) => [mode, oid, path])).toEqual(expected)
    expect(entries.every(({ dirty }) => !dirty)).toBe(true)
    expect(await contents(snapshot, ['data/**'])).toEqual({
      'data/a.yaml': 'a',
      'data/a/x.yaml': 'x',
      'data/b.yaml': 'b',
      'data/link.yaml': 'b.yaml',
    })
    expect(Buffer.from((await snapshot.read('README.md')) ?? [])).toEqual(Buffer.from('no'))
    expect(await snapshot.read('data/none.yaml')).toBeUndefined()
    expect(await snapshot.read('data/a')).toBeUndefined()
  })

  it('is binary safe, with empty and large files, in the order asked', async () => {
    await using fixture = new GitFixture()
    const large = Buffer.alloc(20_000_000, 'abc\n\0')
    const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
    const repository = fixture.init('repository', { empty: '', all, large, tail: 'missing\nx blob 3\n' })
    const snapshot = await committed(fixture, repository)
    const order = ['tail', 'large', 'empty', 'all', 'tail', 'none', 'large']
    const seen: [string, number][] = []
    for await (const { path, content } of snapshot.readMany(order)) {
      const expected = readFileSync(join(repository, path))
      expect(expected.equals(content)).toBe(true)
      seen.push([path, content.length])
    }
    expect(seen.map(([path]) => path)).toEqual(order.filter((path) => path !== 'none'))
  })

  it('goes on after a reader stopped early', async () => {
    await using fixture = new GitFixture()
    const files = Object.fromEntries(Array.from({ length: 1200 }, (_, index) => [`f${index}`, `content ${index}`]))
    const snapshot = await committed(fixture, fixture.init('repository', files))
    for await (const { path } of snapshot.readMany(Object.keys(files))) if (path === 'f10') break
    expect(await contents(snapshot)).toEqual(files)
  })

  it('handles names that look like options, patterns, quotes and lines', async () => {
    await using fixture = new GitFixture()
    const files = Object.fromEntries(ODD_NAMES.map((name) => [`data/${name}`, `in ${name}`]))
    const repository = fixture.init('repository', files)
    const opened = await fixture.open(repository)
    for (const isCommitted of [true, false]) {
      const snapshot = await opened.head({ committed: isCommitted })
      expect(await contents(snapshot, ['data/**'])).toEqual(files)
      for (const [path, content] of Object.entries(files))
        expect(Buffer.from((await snapshot.read(path)) ?? []).toString()).toBe(content)
    }
    for (const name of ODD_NAMES) expect(await opened.isTracked(`data/${name}`)).toBe(true)
  })

  it('is the same whatever export attributes, line-ending settings or replacements say', async () => {
    await using fixture = new GitFixture()
    const files = {
      '.gitattributes': 'secret.yaml export-ignore\nid.yaml export-subst\n*.yaml text\n',
      'secret.yaml': 'kept\n',
      'id.yaml': '$Format:%H$\n',
    }
    const repository = fixture.init('repository', files)
    fixture.git(repository, 'config', 'core.autocrlf', 'true')
    const snapshot = await committed(fixture, repository)
    expect(await contents(snapshot)).toEqual(files)
    const folder = await snapshot.materialize(['**'])
    expect(readFileSync(join(folder, 'id.yaml'), 'utf8')).toBe('$Format:%H$\n')
    expect(readFileSync(join(folder, 'secret.yaml'), 'utf8')).toBe('kept\n')
    await snapshot[Symbol.asyncDispose]()

    const blob = fixture.git(repository, 'rev-parse', 'HEAD:secret.yaml')
    const forged = fixture.call(['hash-object', '-w', '--stdin'], { cwd: repository, input: 'forged' })
    fixture.git(repository, 'replace', blob, forged)
    expect(await contents(await committed(fixture, repository), ['secret.yaml'])).toEqual({ 'secret.yaml': 'kept\n' })
  })

  it('works in a repository of SHA-256 ids', async () => {
    await using fixture = new GitFixture()
    const repository = fixture.init('repository', { 'data/a.yaml': 'a' }, '--object-format=sha256')
    fixture.write(repository, { 'data/b.yaml': 'b' })
    const snapshot = await fixture.worktree(repository)
    const ids = (await snapshot.entries(['data/**'])).map(({ oid }) => oid)
    expect(ids).toEqual([
      fixture.git(repository, 'rev-parse', 'HEAD:data/a.yaml'),
      fixture.git(repository, 'hash-object', 'data/b.yaml'),
    ])
    expect(await contents(snapshot)).toEqual({ 'data/a.yaml': 'a', 'data/b.yaml': 'b' })
  })

  it('gives equal entries for one commit at two paths, and for an unchanged tree in two commits', async () => {
    await using fixture = new GitFixture()
    const one = fixture.init('one', { 'data/a.yaml': 'a', 'other.txt': '1' })
    fixture.call(['clone', '--quiet', one, fixture.path('elsewhere', 'two')])
    const [first, second] = [await committed(fixture, one), await fixture.worktree(fixture.path('elsewhere', 'two'))]
    expect(await second.entries(['**'])).toEqual(await first.entries(['**']))
    const later = fixture.commit(one, { 'other.txt': '2' })
    expect(await (await (await fixture.open(one)).at(later)).entries(['data/**'])).toEqual(
      await first.entries(['data/**']),
    )
  })

  it('stays at its commit while HEAD moves on', async () => {
    await using fixture = new GitFixture()
    const repository = fixture.init('repository', { 'a.yaml': '1' })
    const opened = await fixture.open(repository)
    const before = await opened.head({ committed: true })
    fixture.commit(repository, { 'a.yaml': '2' })
    fixture.git(repository, 'gc', '--quiet')
    expect(await contents(before)).toEqual({ 'a.yaml': '1' })
    expect(await contents(await opened.head({ committed: true }))).toEqual({ 'a.yaml': '2' })
  })

  it('needs a commit, and says so', async () => {
    await using fixture = new GitFixture()
    const opened = await fixture.open(fixture.init('empty'))
    expect(await rejection(opened.head({ committed: true }))).toMatchObject({ code: 'source-unavailable' })
    expect(await rejection(opened.at('0'.repeat(40)))).toMatchObject({ code: 'source-unavailable' })
    expect(await rejection(opened.at('HEAD'))).toMatchObject({ code: 'source-unavailable' })
  })

  it('fails after close, and closes twice', async () => {
    await using fixture = new GitFixture()
    const opened = await fixture.open(fixture.init('repository', { 'a.yaml': 'a' }))
    const snapshot = await opened.head({ committed: true })
    await opened.close()
    await opened.close()
    expect((await rejection(snapshot.read('a.yaml'))).message).toContain('is closed')
  })

  it('refuses a tree whose names would leave a folder', async () => {
    await using fixture = new GitFixture()
    const repository = fixture.init('repository', { 'a.yaml': 'a' })
    const blob = Buffer.from(fixture.git(repository, 'rev-parse', 'HEAD:a.yaml'), 'hex')
    for (const name of ['..', '.GIT']) {
      const input = Buffer.concat([Buffer.from(`100644 ${name}\0`), blob])
      const tree = fixture.call(['hash-object', '-w', '-t', 'tree', '--literally', '--stdin'], {
        cwd: repository,
        input,
      })
      const commit = fixture.git(repository, 'commit-tree', tree, '-m', 'odd')
      const error = await rejection((await (await fixture.open(repository)).at(commit)).entries(['**']))
      expect(error.message).toContain('unsafe name')
    }
  })

  it('names the object when the repository is damaged', async () => {
    await using fixture = new GitFixture()
    const repository = fixture.init('repository', { 'a.yaml': 'a' })
    const oid = fixture.git(repository, 'rev-parse', 'HEAD:a.yaml')
    rmSync(join(repository, '.git/objects', oid.slice(0, 2)), { recursive: true })
    const error = await rejection((await committed(fixture, repository)).read('a.yaml'))
    expect(error).toMatchObject({ code: 'git-failed' })
    expect(error.message).toContain(oid)
  })
})

describe('what only points to data elsewhere', () => {
  it('a submodule is listed, and reading it or below it is an error that names it', async () => {
    await using fixture = new GitFixture()
    const inner = fixture.init('inner', { 'x.yaml': 'x' })
    const repository = fixture.init('repository', { 'a.yaml': 'a' })
    fixture.git(repository, 'submodule', '--quiet', 'add', inner, 'vendor/inner')
    fixture.commit(repository, {})
    const warnings: string[] = []
    const opened = await fixture.open(repository, { warn: (message) => warnings.push(message) })
    for (const isCommitted of [true, false]) {
      const snapshot = await opened.head({ committed: isCommitted })
      expect((await snapshot.entries(['vendor/*'])).map(({ path, mode, dirty }) => ({ path, mode, dirty }))).toEqual([
        { path: 'vendor/inner', mode: '160000', dirty: false },
      ])
      for (const attempt of [
        () => snapshot.read('vendor/inner'),
        () => snapshot.read('vendor/inner/x.yaml'),
        () => snapshot.entries(['vendor/inner/**/*.yaml']),
        () => snapshot.materialize(['vendor/*']),
      ]) {
        const error = await rejection(attempt())
        expect(error.code).toBe('desired-unreadable')
        expect(error.message).toContain('vendor/inner')
      }
      expect(await contents(snapshot, ['**/*.yaml'])).toEqual({ 'a.yaml': 'a' })
    }
    expect(warnings).toEqual(['files in the submodule vendor/inner are not part of this repository and are not read'])
    // The submodule as a repository of its own, through its `.git` file; then with another commit checked out.
    expect(await contents(await fixture.worktree(join(repository, 'vendor/inner')))).toEqual({ 'x.yaml': 'x' })
    const moved = fixture.commit(join(repository, 'vendor/inner'), { 'x.yaml': 'y' })
    const entries = await (await fixture.worktree(repository)).entries(['vendor/*'])
    expect(entries).toEqual([{ path: 'vendor/inner', oid: moved, mode: '160000', dirty: true }])
  })

  it('a Git LFS pointer is an error that names the file, read in any way', async () => {
    await using fixture = new GitFixture()
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 12345\n`
    const repository = fixture.init('repository', { 'data/big.yaml': pointer, 'data/a.yaml': 'a' })
    const opened = await fixture.open(repository)
    for (const isCommitted of [true, false]) {
      const snapshot = await opened.head({ committed: isCommitted })
      expect(await snapshot.entries(['data/**'])).toHaveLength(2)
      expect(await contents(snapshot, ['data/a.yaml'])).toEqual({ 'data/a.yaml': 'a' })
      for (const attempt of [
        () => snapshot.read('data/big.yaml'),
        () => contents(snapshot),
        () => snapshot.materialize(['data/*']),
      ]) {
        const error = await rejection(attempt())
        expect(error.code).toBe('desired-unreadable')
        expect(error.message).toContain('data/big.yaml is a Git LFS pointer')
      }
    }
  })

  it('in a partial clone objects are fetched when read; with the remote gone that is an error with git’s words', async () => {
    await using fixture = new GitFixture()
    const origin = fixture.init('origin', { 'data/a.yaml': 'first', 'b.yaml': 'b' })
    fixture.git(origin, 'config', 'uploadpack.allowFilter', 'true')
    const first = fixture.git(origin, 'rev-parse', 'HEAD')
    fixture.commit(origin, { 'data/a.yaml': 'second' })
    const clone = fixture.path('clone')
    fixture.call(['clone', '--quiet', '--filter=blob:none', `file://${origin}`, clone])
    const lazy = await (await fixture.open(clone)).at(first)
    expect(await contents(lazy)).toEqual({ 'data/a.yaml': 'first', 'b.yaml': 'b' })

    const orphan = fixture.path('orphan')
    fixture.call(['clone', '--quiet', '--filter=blob:none', `file://${origin}`, orphan])
    rmSync(origin, { recursive: true })
    const opened = await fixture.open(orphan)
    const base = await opened.at(first)
    expect(await base.entries(['data/**'])).toHaveLength(1)
    const error = await rejection(base.read('data/a.yaml'))
    expect(error.code).toBe('git-failed')
    expect(error.message).toContain('promisor remote')
    // The head does not suffer: its objects are here, and another process answers for it.
    expect(await contents(await opened.head({ committed: false }))).toEqual({ 'data/a.yaml': 'second', 'b.yaml': 'b' })
  })
})

describe('resolveLink', () => {
  it('follows links in files and folders inside the tree, and refuses to leave it or to go in circles', async () => {
    await using fixture = new GitFixture()
    const repository = fixture.init('repository', { 'shared/zone.yaml': 'zone', 'data/a.yaml': 'a' })
    const links = {
      'data/link.yaml': '../shared/zone.yaml',
      'data/folder': '../shared/',
      'data/chain': 'link.yaml',
      'data/out': '../../etc',
      'data/root': '/etc/passwd',
      'data/loop': 'loop',
      'data/dangling': 'none',
    }
    for (const [path, target] of Object.entries(links)) symlinkSync(target, join(repository, path))
    fixture.commit(repository, {})
    const snapshot = await committed(fixture, repository)
    const resolved = [
      'data/a.yaml',
      'data/link.yaml',
      'data/folder/zone.yaml',
      'data/chain',
      'data/dangling',
      'data',
      'none.yaml',
    ]
    expect(await Promise.all(resolved.map((path) => resolveLink(snapshot, path)))).toEqual([
      'data/a.yaml',
      'shared/zone.yaml',
      'shared/zone.yaml',
      'shared/zone.yaml',
      undefined,
      undefined,
      undefined,
    ])
    for (const path of ['data/out/passwd', 'data/root', 'data/loop']) {
      expect((await rejection(resolveLink(snapshot, path))).code).toBe('desired-unreadable')
    }
  })
})

describe('isTracked', () => {
  it('knows the index, folders above tracked files, and nothing outside', async () => {
    await using fixture = new GitFixture()
    const repository = fixture.init('repository', { 'store/a/b': 'x', '.gitignore': 'ignored\n' })
    mkdirSync(join(repository, 'ignored'))
    writeFileSync(join(repository, 'ignored/x'), 'x')
    fixture.write(repository, { staged: 's', untracked: 'u' })
    fixture.git(repository, 'add', 'staged')
    const opened = await fixture.open(repository)
    const asked = [
      'store',
      'store/a/b',
      join(repository, 'store'),
      'staged',
      'untracked',
      'ignored',
      'sto',
      '../repository2',
      '/etc',
      '*',
    ]
    expect(await Promise.all(asked.map((path) => opened.isTracked(path)))).toEqual([
      true,
      true,
      true,
      true,
      false,
      false,
      false,
      false,
      false,
      false,
    ])
  })
})
