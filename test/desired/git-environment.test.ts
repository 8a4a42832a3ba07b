// How git is started: clean environment, no hooks, ownership, missing git, time limits.
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { cleanEnvironment } from '../../src/desired/git/environment.js'
import { locateRepository } from '../../src/desired/git/locate.js'
import { Git } from '../../src/desired/git.js'
import { systemClock, type Clock } from '../../src/util/clock.js'
import { contents, GitFixture, rejection } from '../support/git-fixture.js'

describe('the environment of git children', () => {
  it('holds none of the variables that the installed git calls local to a repository', async () => {
    await using fixture = new GitFixture()
    const names = fixture.git(fixture.folder, 'rev-parse', '--local-env-vars').split('\n')
    expect(names).toContain('GIT_DIR')
    const leaked = Object.fromEntries(
      [...names, 'GIT_CONFIG_KEY_0', 'GIT_CONFIG_VALUE_12', 'GIT_NAMESPACE'].map((name) => [name, 'leaked']),
    )
    const clean = cleanEnvironment({ ...leaked, PATH: '/bin', UNSET: undefined, GIT_CONFIG_GLOBAL: '/kept' })
    expect(Object.values(clean)).not.toContain('leaked')
    expect(clean).toMatchObject({
      PATH: '/bin',
      GIT_CONFIG_GLOBAL: '/kept',
      GIT_TERMINAL_PROMPT: '0',
      GIT_OPTIONAL_LOCKS: '0',
      LC_ALL: 'C',
    })
  })

  it('reads the asked repository although GIT_DIR, GIT_WORK_TREE and GIT_INDEX_FILE name another', async () => {
    await using fixture = new GitFixture()
    const mine = fixture.init('mine', { 'data/a.yaml': 'mine' })
    const other = fixture.init('other', { 'data/a.yaml': 'other', 'data/b.yaml': 'other' })
    fixture.write(mine, { 'data/new.yaml': 'untracked' })
    const environment = {
      ...fixture.environment,
      GIT_DIR: join(other, '.git'),
      GIT_WORK_TREE: other,
      GIT_INDEX_FILE: join(other, '.git', 'index'),
      GIT_OBJECT_DIRECTORY: join(other, '.git', 'objects'),
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'core.bare',
      GIT_CONFIG_VALUE_0: 'true',
      GIT_ICASE_PATHSPECS: '1',
    }
    const opened = await fixture.open(join(mine, 'data'), { environment })
    expect(await contents(await opened.head({ committed: true }))).toEqual({ 'data/a.yaml': 'mine' })
    const snapshot = await opened.head({ committed: false })
    expect((await snapshot.entries(['data/**'])).map(({ path, dirty }) => [path, dirty])).toEqual([
      ['data/a.yaml', false],
      ['data/new.yaml', true],
    ])
    expect(await contents(snapshot, ['data/**'])).toEqual({ 'data/a.yaml': 'mine', 'data/new.yaml': 'untracked' })
  })

  it('reads the right tree from inside a pre-push hook of a linked worktree, and leaves the index alone', async () => {
    await using fixture = new GitFixture()
    const main = fixture.init('main', { 'data/a.yaml': 'main' })
    fixture.call(['init', '--quiet', '--bare', fixture.path('remote.git')])
    fixture.git(main, 'remote', 'add', 'origin', fixture.path('remote.git'))
    fixture.git(main, 'worktree', 'add', '--quiet', '-b', 'side', fixture.path('linked'))
    fixture.commit(fixture.path('linked'), { 'data/a.yaml': 'linked' })
    // The hook writes down what git gives it; the variables are then used as the process's own.
    writeFileSync(
      join(main, '.git', 'hooks', 'pre-push'),
      `#!/bin/sh\nenv > ${fixture.path('seen')}\npwd >> ${fixture.path('seen')}\n`,
    )
    chmodSync(join(main, '.git', 'hooks', 'pre-push'), 0o755)
    fixture.git(fixture.path('linked'), 'push', '--quiet', 'origin', 'side')
    const seen = readFileSync(fixture.path('seen'), 'utf8')
    expect(seen).toContain('GIT_DIR=')
    const leaked: Record<string, string> = Object.fromEntries(
      [...seen.matchAll(/^(\w+)=(.*)$/gm)].map(([, name = '', value = '']): [string, string] => [name, value]),
    )
    const index = readFileSync(join(main, '.git', 'index'))
    const linkedIndex = readFileSync(join(main, '.git', 'worktrees', 'linked', 'index'))
    const environment = { ...leaked, GIT_INDEX_FILE: join(main, '.git', 'worktrees', 'linked', 'index') }
    fixture.write(main, { 'data/b.yaml': 'dirty' })
    expect(await contents(await fixture.worktree(main, { environment }))).toEqual({
      'data/a.yaml': 'main',
      'data/b.yaml': 'dirty',
    })
    expect(await contents(await fixture.worktree(fixture.path('linked'), { environment }))).toEqual({
      'data/a.yaml': 'linked',
    })
    expect(readFileSync(join(main, '.git', 'index'))).toEqual(index)
    expect(readFileSync(join(main, '.git', 'worktrees', 'linked', 'index'))).toEqual(linkedIndex)
  })

  it('runs no hook, no file system monitor and no pager', async () => {
    await using fixture = new GitFixture()
    const repository = fixture.init('repository', { 'a.yaml': 'a' })
    mkdirSync(fixture.path('hooks'))
    for (const name of ['post-checkout', 'post-index-change', 'reference-transaction', 'fsmonitor', 'pager']) {
      writeFileSync(fixture.path('hooks', name), `#!/bin/sh\ntouch ${fixture.path(`ran-${name}`)}\n`, { mode: 0o755 })
    }
    fixture.git(repository, 'config', 'core.hooksPath', fixture.path('hooks'))
    fixture.git(repository, 'config', 'core.fsmonitor', fixture.path('hooks', 'fsmonitor'))
    fixture.git(repository, 'config', 'core.pager', fixture.path('hooks', 'pager'))
    fixture.write(repository, { 'b.yaml': 'b' })
    const opened = await fixture.open(repository)
    await using snapshot = await opened.head({ committed: false })
    await snapshot.materialize(['**'])
    await opened.isTracked('a.yaml')
    const git = new Git({
      place: locateRepository(repository),
      clock: systemClock,
      environment: fixture.environment,
    })
    // A command that would run two of these hooks, had we any that does: it is the setting that keeps them out.
    await git.run(['update-index', '--force-write-index'])
    await git.run(['update-ref', 'refs/heads/other', 'HEAD'])
    expect(readdirSync(fixture.folder).filter((name) => name.startsWith('ran-'))).toEqual([])
  })
})

describe('opening', () => {
  it('finds the top from below, through `.git` files of linked worktrees, without starting git', async () => {
    await using fixture = new GitFixture()
    const main = fixture.init('main', { 'deep/er/a.yaml': 'a' })
    fixture.git(main, 'worktree', 'add', '--quiet', fixture.path('linked'))
    const environment = { PATH: fixture.path('nothing') }
    expect((await fixture.open(join(main, 'deep/er'), { environment })).root).toBe(main)
    expect((await fixture.open(join(fixture.path('linked'), 'deep'), { environment })).root).toBe(
      fixture.path('linked'),
    )
    expect(locateRepository(fixture.path('linked'))).toEqual({
      root: fixture.path('linked'),
      gitDirectory: join(main, '.git', 'worktrees', 'linked'),
      commonDirectory: join(main, '.git'),
    })
  })

  it('says what to do where there is no repository, no folder, no working tree or a broken link to one', async () => {
    await using fixture = new GitFixture()
    mkdirSync(fixture.path('plain'))
    fixture.call(['init', '--quiet', '--bare', fixture.path('bare.git')])
    fixture.write(fixture.path('broken'), { '.git': 'gitdir: ../gone' })
    const cases = [
      ['plain', 'git init'],
      ['absent', 'no folder'],
      ['bare.git', 'git clone'],
      ['broken', 'git worktree repair'],
    ] as const
    for (const [name, advice] of cases) {
      const error = await rejection(fixture.open(fixture.path(name)))
      expect(error.code).toBe('source-unavailable')
      expect(error.message).toContain(advice)
    }
  })

  it('says so when git is not installed', async () => {
    await using fixture = new GitFixture()
    const repository = fixture.init('repository', { 'a.yaml': 'a' })
    const opened = await fixture.open(repository, { environment: { PATH: fixture.path('nothing') } })
    expect((await rejection(opened.resolve('HEAD'))).code).toBe('git-missing')
    expect((await rejection(opened.isTracked('a.yaml'))).code).toBe('git-missing')
  })
})

describe('a repository of another user', () => {
  /** As root the owner is really another; otherwise git is told to assume so. */
  function estrange(fixture: GitFixture, repository: string): Record<string, string> {
    if (process.getuid?.() !== 0) return { ...fixture.environment, GIT_TEST_ASSUME_DIFFERENT_OWNER: '1' }
    for (const name of ['', '.git']) chownSync(join(repository, name), 12_345, 12_345)
    return { ...fixture.environment }
  }

  it('is refused with both paths and both ways out', async () => {
    await using fixture = new GitFixture()
    const repository = fixture.init('repository', { 'a.yaml': 'a' })
    const environment = estrange(fixture, repository)
    const error = await rejection((await fixture.open(repository, { environment })).head({ committed: false }))
    expect(error.code).toBe('git-failed')
    for (const text of [
      repository,
      join(repository, '.git'),
      '--trust-repo',
      `git config --global --add safe.directory ${repository}`,
    ]) {
      expect(error.message).toContain(text)
    }
  })

  it('is read when trusted, for this repository only and without writing a configuration', async () => {
    await using fixture = new GitFixture()
    const repository = fixture.init('repository', { 'a.yaml': 'a' })
    fixture.git(repository, 'worktree', 'add', '--quiet', fixture.path('linked'))
    const other = fixture.init('other', { 'a.yaml': 'a' })
    const environment = { ...estrange(fixture, repository), ...estrange(fixture, other) }
    if (process.getuid?.() === 0) {
      for (const path of [
        fixture.path('linked'),
        fixture.path('linked', '.git'),
        join(repository, '.git/worktrees/linked'),
      ])
        chownSync(path, 12_345, 12_345)
    }
    const before = readFileSync(fixture.path('home', '.gitconfig'), 'utf8')
    for (const path of [repository, fixture.path('linked')]) {
      fixture.write(path, { 'b.yaml': 'b' })
      const snapshot = await fixture.worktree(path, { environment, trustRepository: true })
      expect(await contents(snapshot)).toEqual({ 'a.yaml': 'a', 'b.yaml': 'b' })
    }
    expect(readFileSync(fixture.path('home', '.gitconfig'), 'utf8')).toBe(before)
    const git = new Git({ place: locateRepository(repository), clock: systemClock, environment, trustRepository: true })
    const error = await rejection(git.run(['rev-parse', 'HEAD'], { directory: other }))
    expect(error.message).toContain('belongs to another user')
  })
})

describe('a git that does not answer', () => {
  /** A stand-in for git that starts a child of its own and never ends. */
  function hangingGit(fixture: GitFixture): Record<string, string> {
    mkdirSync(fixture.path('bin'))
    const script = `#!/bin/sh\nsh -c 'echo $$ > ${fixture.path('child')}; mv ${fixture.path('child')} ${fixture.path('child-pid')}; exec sleep 1000'\n`
    writeFileSync(fixture.path('bin', 'git'), script, { mode: 0o755 })
    return { ...fixture.environment, PATH: `${fixture.path('bin')}:${fixture.environment['PATH'] ?? ''}` }
  }

  async function childPid(fixture: GitFixture): Promise<number> {
    while (!existsSync(fixture.path('child-pid'))) await new Promise((resolve) => setImmediate(resolve))
    return Number(readFileSync(fixture.path('child-pid'), 'utf8'))
  }

  /** A dead process may stay as a zombie where nobody collects it. */
  async function untilDead(pid: number): Promise<void> {
    for (;;) {
      try {
        if (/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) return
        process.kill(pid, 0)
      } catch {
        return
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  it.each(['isTracked', 'resolve'] as const)(
    'is ended with its children after the time limit (%s)',
    async (question) => {
      await using fixture = new GitFixture()
      const repository = fixture.init('repository', { 'a.yaml': 'a' })
      let elapse: () => void = () => undefined
      let now = 0
      const clock: Clock = {
        now: () => 0,
        monotonic: () => now,
        sleep: (ms, signal) =>
          new Promise((resolve, reject) => {
            elapse = () => {
              now += ms
              resolve()
            }
            signal?.addEventListener('abort', () => {
              reject(signal.reason as Error)
            })
          }),
      }
      const opened = await fixture.open(repository, { environment: hangingGit(fixture), clock })
      const failed = rejection(question === 'resolve' ? opened.resolve('HEAD') : opened.isTracked('a.yaml'))
      const pid = await childPid(fixture)
      elapse()
      expect(await failed).toMatchObject({ code: 'timeout', retryable: true })
      await untilDead(pid)
    },
  )

  it.each(['isTracked', 'resolve'] as const)(
    'is ended with its children when the run is interrupted (%s)',
    async (question) => {
      await using fixture = new GitFixture()
      const repository = fixture.init('repository', { 'a.yaml': 'a' })
      const controller = new AbortController()
      const opened = await fixture.open(repository, { environment: hangingGit(fixture), signal: controller.signal })
      const failed = rejection(question === 'resolve' ? opened.resolve('HEAD') : opened.isTracked('a.yaml'))
      const pid = await childPid(fixture)
      controller.abort()
      expect((await failed).code).toBe('interrupted')
      await untilDead(pid)
      expect((await rejection(opened.isTracked('a.yaml'))).code).toBe('interrupted')
    },
  )
})
