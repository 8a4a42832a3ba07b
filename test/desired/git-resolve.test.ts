// Resolving what a person typed, with the one fetch of a missing commit, against real remotes.
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { ResolvedRevision } from '../../src/desired/source.js'
import { contents, GitFixture, rejection } from '../support/git-fixture.js'

/** Everything a fetch must leave as it was. */
function standing(fixture: GitFixture, repository: string): unknown {
  const gitDirectory = fixture.git(repository, 'rev-parse', '--absolute-git-dir')
  return {
    refs: fixture.git(repository, 'for-each-ref'),
    head: readFileSync(join(gitDirectory, 'HEAD'), 'utf8'),
    fetchHead: existsSync(join(gitDirectory, 'FETCH_HEAD'))
      ? readFileSync(join(gitDirectory, 'FETCH_HEAD'), 'utf8')
      : null,
    index: readFileSync(join(gitDirectory, 'index')),
    status: fixture.git(repository, 'status', '--porcelain'),
    history: fixture.git(repository, 'rev-list', 'HEAD'),
  }
}

/** An origin of five commits, and one more that no branch holds any longer. */
function origin(fixture: GitFixture): { path: string; commits: string[]; dropped: string } {
  const path = fixture.init('origin')
  const commits = [1, 2, 3, 4, 5].map((number) => fixture.commit(path, { 'a.yaml': `${number}` }))
  fixture.git(path, 'checkout', '--quiet', '-b', 'side', commits[2] ?? '')
  const dropped = fixture.commit(path, { 'a.yaml': 'dropped' })
  fixture.git(path, 'checkout', '--quiet', 'main')
  fixture.git(path, 'branch', '--quiet', '-D', 'side')
  return { path, commits, dropped }
}

function reason(resolved: ResolvedRevision): string {
  if (resolved.kind === 'found') throw new Error(`found ${resolved.id}`)
  return resolved.reason
}

describe('resolve', () => {
  it('gives the full id of names, tags, abbreviations and ids', async () => {
    await using fixture = new GitFixture()
    const repository = fixture.init('repository')
    const first = fixture.commit(repository, { 'a.yaml': '1' })
    fixture.git(repository, 'tag', '-m', 'annotated', 'v1')
    const second = fixture.commit(repository, { 'a.yaml': '2' })
    const opened = await fixture.open(repository)
    const asked = ['HEAD', 'main', 'v1', 'HEAD~1', first.slice(0, 10), first, second.toUpperCase()]
    expect(await Promise.all(asked.map((revision) => opened.resolve(revision)))).toEqual(
      [second, second, first, first, first, first, second].map((id) => ({ kind: 'found', id, fetched: false })),
    )
  })

  it.each(['', '-', '--upload-pack=touch /tmp/x', '-h', 'a\nb', 'HEAD\0'])('refuses %j', async (revision) => {
    await using fixture = new GitFixture()
    const opened = await fixture.open(fixture.init('repository', { 'a.yaml': 'a' }))
    expect(await rejection(opened.resolve(revision))).toMatchObject({ code: 'usage' })
  })

  it('says that an abbreviation is ambiguous', async () => {
    await using fixture = new GitFixture()
    const repository = fixture.init('repository', { 'a.yaml': 'a' })
    // Two commits that begin alike: among 400 of them there are, at four digits.
    const tree = fixture.git(repository, 'rev-parse', 'HEAD^{tree}')
    const seen = new Set<string>()
    const stream = Array.from(
      { length: 1000 },
      (_, index) =>
        `commit refs/heads/x\nmark :${index + 1}\ncommitter a <a@example.com> ${index + 1} +0000\ndata 1\nx\nM 040000 ${tree} \n\n`,
    )
    fixture.call(['fast-import', '--quiet', `--export-marks=${fixture.path('marks')}`], {
      cwd: repository,
      input: stream.join(''),
    })
    const ids = readFileSync(fixture.path('marks'), 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[1] ?? '')
    const twice = ids.map((id) => id.slice(0, 4)).find((start) => seen.size === seen.add(start).size)
    expect(twice).toBeDefined()
    const opened = await fixture.open(repository)
    expect(reason(await opened.resolve(twice ?? ''))).toContain('beginning of several')
  })

  it('has a reason for what is not a commit, without a remote to ask', async () => {
    await using fixture = new GitFixture()
    const repository = fixture.init('repository', { 'a.yaml': 'a' })
    const opened = await fixture.open(repository)
    for (const revision of ['no-such-branch', 'HEAD:a.yaml', 'f'.repeat(40), 'a b', ':/nothing']) {
      expect(reason(await opened.resolve(revision))).toContain('this clone is not shallow')
    }
  })
})

describe('a commit that is not here', () => {
  it('is fetched into a shallow clone without moving anything or losing history', async () => {
    await using fixture = new GitFixture()
    const { path, commits } = origin(fixture)
    const clone = fixture.path('clone')
    fixture.call(['clone', '--quiet', '--depth=2', `file://${path}`, clone])
    fixture.git(clone, 'config', 'fetch.prune', 'true')
    const before = standing(fixture, clone)
    const opened = await fixture.open(clone)
    const first = commits[0] ?? ''
    expect(await opened.resolve(first)).toEqual({ kind: 'found', id: first, fetched: true })
    expect(standing(fixture, clone)).toEqual(before)
    expect(await contents(await opened.at(first))).toEqual({ 'a.yaml': '1' })
    expect(await opened.resolve(first)).toEqual({ kind: 'found', id: first, fetched: false })
    // Fetching on from here still works, and HEAD's history can still be completed.
    fixture.git(clone, 'fetch', '--quiet', '--unshallow')
    expect(fixture.git(clone, 'rev-list', '--count', 'HEAD')).toBe('5')
  })

  it('does not make a whole clone shallow', async () => {
    await using fixture = new GitFixture()
    const { path, dropped } = origin(fixture)
    const clone = fixture.path('clone')
    fixture.call(['clone', '--quiet', `file://${path}`, clone])
    const before = standing(fixture, clone)
    expect(await (await fixture.open(clone)).resolve(dropped)).toEqual({ kind: 'found', id: dropped, fetched: true })
    expect(standing(fixture, clone)).toEqual(before)
    expect(existsSync(join(clone, '.git/shallow'))).toBe(false)
    expect(fixture.git(clone, 'rev-list', '--count', dropped)).toBe('4')
  })

  it('is fetched in a linked worktree, from the remote of its branch', async () => {
    await using fixture = new GitFixture()
    const { path, dropped } = origin(fixture)
    const clone = fixture.path('clone')
    fixture.call(['clone', '--quiet', '--origin', 'upstream', `file://${path}`, clone])
    fixture.git(clone, 'remote', 'add', 'origin', `file://${fixture.path('gone')}`)
    fixture.git(clone, 'worktree', 'add', '--quiet', '-b', 'linked', '--track', fixture.path('linked'), 'upstream/main')
    const opened = await fixture.open(fixture.path('linked'))
    expect(await opened.resolve(dropped)).toEqual({ kind: 'found', id: dropped, fetched: true })
  })

  it('from a remote that does not give out ids, is missing with the reason and the fix', async () => {
    await using fixture = new GitFixture()
    const { path, commits } = origin(fixture)
    const clone = fixture.path('clone')
    fixture.call(['clone', '--quiet', '--depth=1', `file://${path}`, clone])
    // Version 0 of the protocol serves only what is advertised.
    fixture.git(clone, 'config', 'protocol.version', '0')
    const before = standing(fixture, clone)
    const first = commits[0] ?? ''
    const why = reason(await (await fixture.open(clone)).resolve(first))
    for (const text of ['shallow', 'unadvertised object', `git fetch origin ${first}`, 'fetch-depth: 0'])
      expect(why).toContain(text)
    expect(why).not.toContain('\n')
    expect(standing(fixture, clone)).toEqual(before)
  })

  it('is missing with the reason when the remote has never had it, or is gone', async () => {
    await using fixture = new GitFixture()
    const { path } = origin(fixture)
    const clone = fixture.path('clone')
    fixture.call(['clone', '--quiet', `file://${path}`, clone])
    const opened = await fixture.open(clone)
    expect(reason(await opened.resolve('e'.repeat(40)))).toContain('this clone is not shallow')
    fixture.git(clone, 'remote', 'set-url', 'origin', `file://${fixture.path('gone')}`)
    expect(reason(await opened.resolve('e'.repeat(40)))).toMatch(/fetching it from origin failed .*gone/)
  })

  it('is not fetched by an abbreviation or a name, which could mean another by then', async () => {
    await using fixture = new GitFixture()
    const { path, commits } = origin(fixture)
    const clone = fixture.path('clone')
    fixture.call(['clone', '--quiet', '--depth=1', `file://${path}`, clone])
    const why = reason(await (await fixture.open(clone)).resolve((commits[0] ?? '').slice(0, 12)))
    expect(why).toContain('git fetch origin')
    expect(why).not.toContain('failed')
  })

  it('is found by 16 at once in one shallow clone, while others fetch', async () => {
    await using fixture = new GitFixture()
    const { path, commits } = origin(fixture)
    const clone = fixture.path('clone')
    fixture.call(['clone', '--quiet', '--depth=1', `file://${path}`, clone])
    const older = commits.slice(0, 4)
    for (let round = 0; round < 2; round += 1) {
      const later = fixture.commit(path, { 'a.yaml': `later ${round}` })
      const wanted = Array.from({ length: 16 }, (_, index) => [...older, later][index % 5] ?? '')
      const found = await Promise.all(
        wanted.map(async (commit) => {
          const opened = await fixture.open(clone)
          const resolved = await opened.resolve(commit)
          const [base, head] = [await opened.at(commit), await opened.head({ committed: false })]
          return { resolved: resolved.kind, base: await contents(base), head: await contents(head) }
        }),
      )
      for (const [index, result] of found.entries()) {
        const number = wanted[index] === later ? `later ${round}` : `${older.indexOf(wanted[index] ?? '') + 1}`
        expect(result).toEqual({ resolved: 'found', base: { 'a.yaml': number }, head: { 'a.yaml': '5' } })
      }
    }
    expect(readdirSync(join(clone, '.git')).filter((name) => name.endsWith('.lock'))).toEqual([])
    fixture.git(clone, 'fsck')
  })
})
