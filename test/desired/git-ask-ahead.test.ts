// Asking git ahead of the questions: the answers are those that would have been given, and git is started once.
import { describe, expect, it } from 'vitest'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter } from 'node:path'
import type { GitRepositoryOptions } from '../../src/desired/git-repository.js'
import { contents, GitFixture, rejection } from '../support/git-fixture.js'

const FILES = { 'a/b/one.txt': 'one', 'a/two.txt': 'two', 'top.txt': 'top' }

/** Puts a git in front of the real one that writes down how often it was started. */
function countStarts(fixture: GitFixture): { options: Partial<GitRepositoryOptions>; starts: () => number } {
  const [log, script] = [fixture.path('starts'), fixture.path('home', 'git')]
  writeFileSync(log, '')
  const path = fixture.environment['PATH'] ?? ''
  writeFileSync(script, `#!/bin/sh\necho started >> '${log}'\nPATH='${path}' exec git "$@"\n`)
  chmodSync(script, 0o755)
  return {
    options: { environment: { ...fixture.environment, PATH: `${fixture.path('home')}${delimiter}${path}` } },
    starts: () => readFileSync(log, 'utf8').split('\n').length - 1,
  }
}

const ahead = (revisions: readonly string[], paths: readonly string[] = []): Partial<GitRepositoryOptions> => ({
  askAhead: () => ({ revisions, paths }),
})

describe('asking git ahead', () => {
  it('gives the same files of both revisions, from one git', async () => {
    await using fixture = new GitFixture()
    const root = fixture.init('repo', FILES)
    fixture.commit(root, { 'a/two.txt': 'changed' })
    const { options, starts } = countStarts(fixture)
    const repository = await fixture.open(root, {
      ...options,
      ...ahead(['HEAD', 'HEAD~1'], ['', 'a', 'a/b', 'top.txt', 'missing', 'a/two.txt/not']),
    })
    const head = await repository.head({ committed: true })
    const base = await repository.resolve('HEAD~1')
    expect(await contents(head)).toEqual({ ...FILES, 'a/two.txt': 'changed' })
    expect(await contents(await repository.at(base.kind === 'found' ? base.id : ''))).toEqual(FILES)
    expect(starts()).toBe(1)
  })

  it('gives an answer for each time a revision was named; whoever asks once more gets what it means now', async () => {
    await using fixture = new GitFixture()
    const root = fixture.init('repo', FILES)
    const first = fixture.git(root, 'rev-parse', 'HEAD')
    const repository = await fixture.open(root, ahead(['HEAD', 'HEAD'], ['']))
    expect((await repository.head({ committed: true })).revision).toEqual({ kind: 'commit', id: first })
    const second = fixture.commit(root, { 'top.txt': 'new' })
    expect((await repository.head({ committed: true })).revision).toEqual({ kind: 'commit', id: first })
    const now = await repository.head({ committed: true })
    expect(now.revision).toEqual({ kind: 'commit', id: second })
    expect(await contents(now, ['top.txt'])).toEqual({ 'top.txt': 'new' })
  })

  it('hands out bytes that the caller may change', async () => {
    await using fixture = new GitFixture()
    const root = fixture.init('repo', FILES)
    const head = await (await fixture.open(root, ahead(['HEAD'], ['top.txt']))).head({ committed: true })
    ;(await head.read('top.txt'))?.fill(0)
    expect(Buffer.from((await head.read('top.txt')) ?? []).toString()).toBe('top')
  })

  it('changes no answer where it asks for what is not there, or for nothing that git understands', async () => {
    await using fixture = new GitFixture()
    const root = fixture.init('repo', FILES)
    const repository = await fixture.open(
      root,
      ahead(['nothing', '', '-x', 'HEAD', 'a\nb', 'HEAD:top.txt'], ['a', '../x']),
    )
    expect(await repository.resolve('nothing')).toMatchObject({ kind: 'missing' })
    expect(await contents(await repository.head({ committed: true }))).toEqual(FILES)
    const empty = fixture.init('empty')
    const unborn = await fixture.open(empty, ahead(['HEAD'], ['']))
    expect((await rejection(unborn.head({ committed: true }))).message).toContain('no commit yet')
  })

  it('leaves it to the real question to tell what is wrong', async () => {
    await using fixture = new GitFixture()
    const root = fixture.init('repo', FILES)
    const options = { ...ahead(['HEAD'], ['']), environment: { ...fixture.environment, PATH: fixture.path('home') } }
    const repository = await fixture.open(root, options)
    expect((await rejection(repository.head({ committed: true }))).code).toBe('git-missing')
  })
})
