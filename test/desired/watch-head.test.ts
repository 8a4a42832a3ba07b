// Real repositories: whatever moves HEAD is told.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { afterEach, describe, it } from 'vitest'
import { locateRepository } from '../../src/desired/git/locate.js'
import { watchHead, type HeadWatch } from '../../src/desired/git/watch-head.js'
import { systemClock } from '../../src/util/clock.js'
import { GitFixture } from '../support/git-fixture.js'

const open: HeadWatch[] = []
afterEach(() => {
  for (const one of open.splice(0)) one.close()
})

interface Watched {
  /** Does it, and waits until HEAD was told to have moved to where it then is. */
  moves(what: () => void): Promise<void>
}

function watched(fixture: GitFixture, folder: string): Watched {
  const head = (): string =>
    execFileSync('git', ['rev-parse', 'HEAD'], { cwd: folder, env: fixture.environment, encoding: 'utf8' })
  let last = head()
  let tell: (() => void) | undefined
  let failed: ((error: Error) => void) | undefined
  const watch = watchHead(locateRepository(folder), systemClock, {
    onChange: () => tell?.(),
    onTrouble: (error) => failed?.(error),
  })
  open.push(watch)
  return {
    async moves(what) {
      const told = new Promise<void>((resolve, reject) => {
        failed = reject
        tell = () => {
          const now = head()
          if (now === last) return
          last = now
          resolve()
        }
      })
      what()
      await told
    },
  }
}

describe('watching HEAD', () => {
  it('tells of commits, switches, packed refs and branches with slashes', async () => {
    await using fixture = new GitFixture()
    const folder = join(fixture.folder, 'repo')
    const git = (...args: readonly string[]): void =>
      void execFileSync('git', args, { cwd: folder, env: fixture.environment })
    const commit = (name: string): void => {
      git('commit', '--quiet', '--allow-empty', '-m', name)
    }
    execFileSync('git', ['init', '--quiet', folder], { env: fixture.environment })
    commit('first')
    const { moves } = watched(fixture, folder)
    await moves(() => {
      commit('second')
    })
    await moves(() => {
      git('switch', '--quiet', '-c', 'feature/of/one', 'HEAD~1')
    })
    await moves(() => {
      commit('third')
    })
    // Its file and its folders go, and come again.
    git('pack-refs', '--all', '--prune')
    await moves(() => {
      commit('fourth')
    })
    await moves(() => {
      git('update-ref', 'refs/heads/feature/of/one', 'main')
    })
    await moves(() => {
      git('checkout', '--quiet', '--detach', 'HEAD~1')
    })
    await moves(() => {
      commit('fifth')
    })
  })

  it('of a linked working tree, tells what is done there and what another one does to its branch', async () => {
    await using fixture = new GitFixture()
    const folder = join(fixture.folder, 'repo')
    const linked = join(fixture.folder, 'linked')
    const git = (cwd: string, ...args: readonly string[]): void =>
      void execFileSync('git', args, { cwd, env: fixture.environment })
    execFileSync('git', ['init', '--quiet', folder], { env: fixture.environment })
    for (const name of ['one', 'two']) git(folder, 'commit', '--quiet', '--allow-empty', '-m', name)
    git(folder, 'worktree', 'add', '--quiet', '-b', 'side', linked)
    const { moves } = watched(fixture, linked)
    await moves(() => {
      git(linked, 'commit', '--quiet', '--allow-empty', '-m', 'there')
    })
    await moves(() => {
      git(folder, 'update-ref', 'refs/heads/side', 'main~1')
    })
    await moves(() => {
      git(linked, 'checkout', '--quiet', '--detach', 'main')
    })
  })
})
