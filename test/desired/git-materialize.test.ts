// Real files of a revision in a private folder: identical everywhere, gone afterwards, also after SIGKILL.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  chmodSync,
  watch,
} from 'node:fs'
import { hostname } from 'node:os'
import { basename, join } from 'node:path'
import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { contents, GitFixture, rejection } from '../support/git-fixture.js'

const FOLDER = /^trueup-tree-\d+-[0-9a-f]{12}-[0-9a-f]{16}$/

describe('materialize', () => {
  it('writes files as they are in the commit, with modes and links, and removes them on dispose', async () => {
    await using fixture = new GitFixture()
    const repository = fixture.init('repository', {
      'bin/run': '#!/bin/sh\n',
      'data/a.yaml': 'a\n',
      'left/out.yaml': 'x',
      '.gitattributes': '*.yaml eol=crlf\n',
    })
    chmodSync(join(repository, 'bin/run'), 0o755)
    symlinkSync('../data/a.yaml', join(repository, 'bin/link'))
    fixture.commit(repository, {})
    let folder: string
    {
      await using snapshot = await (await fixture.open(repository)).head({ committed: true })
      folder = await snapshot.materialize(['bin/*', 'data/**'])
      expect(basename(folder)).toMatch(FOLDER)
      expect(basename(folder)).toContain(`-${process.pid}-`)
      expect(basename(folder)).not.toContain(hostname())
      expect(lstatSync(folder).mode & 0o777).toBe(0o700)
      expect(readdirSync(folder).sort()).toEqual(['bin', 'data'])
      expect(readFileSync(join(folder, 'data/a.yaml'), 'utf8')).toBe('a\n')
      expect(lstatSync(join(folder, 'bin/run')).mode & 0o100).toBe(0o100)
      expect(lstatSync(join(folder, 'data/a.yaml')).mode & 0o111).toBe(0)
      expect(readlinkSync(join(folder, 'bin/link'))).toBe('../data/a.yaml')
      expect(fixture.git(repository, 'worktree', 'list').split('\n')).toHaveLength(1)
    }
    expect(existsSync(folder)).toBe(false)
  })

  it('refuses a link that leaves the repository, and leaves nothing behind', async () => {
    await using fixture = new GitFixture()
    const repository = fixture.init('repository', { 'a.yaml': 'a' })
    mkdirSync(join(repository, 'links'))
    symlinkSync('../../outside', join(repository, 'links/up'))
    symlinkSync('/etc/passwd', join(repository, 'links/root'))
    fixture.commit(repository, {})
    const snapshot = await (await fixture.open(repository)).head({ committed: true })
    for (const path of ['links/up', 'links/root']) {
      const error = await rejection(snapshot.materialize(['a.yaml', path]))
      expect(error.code).toBe('desired-unreadable')
      expect(error.message).toContain(path)
    }
    expect(readdirSync(fixture.path('tmp'))).toEqual([])
  })

  it('removes folders of dead processes of this host, and no others', async () => {
    await using fixture = new GitFixture()
    const repository = fixture.init('repository', { 'a.yaml': 'a' })
    await using first = await (await fixture.open(repository)).head({ committed: true })
    const alive = basename(await first.materialize(['**']))
    const [, , , , host = ''] = /^(trueup)-(tree)-(\d+)-([0-9a-f]+)-/.exec(alive) ?? []
    const dead = 4_194_305
    const random = '0'.repeat(16)
    const names = [
      `trueup-tree-${dead}-${host}-${random}`,
      `trueup-tree-${dead}-${'0'.repeat(12)}-${random}`,
      `trueup-tree-${dead}-notes`,
    ]
    for (const name of names) mkdirSync(fixture.path('tmp', name))
    await using second = await (await fixture.open(repository)).head({ committed: true })
    const other = basename(await second.materialize(['**']))
    expect(readdirSync(fixture.path('tmp')).sort()).toEqual([alive, other, ...names.slice(1)].sort())
  })

  it('after SIGKILL midway, twenty times: the repository is as it was, and the next run works and cleans up', async () => {
    await using fixture = new GitFixture()
    const files = Object.fromEntries(
      Array.from({ length: 200 }, (_, index) => [`data/d${index % 20}/f${index}.yaml`, `content ${index}\n`]),
    )
    const repository = fixture.init('repository', files)
    fixture.call(['clone', '--quiet', '--bare', repository, fixture.path('remote.git')])
    fixture.git(repository, 'remote', 'add', 'origin', fixture.path('remote.git'))
    fixture.write(repository, { 'data/dirty.yaml': 'dirty\n' })
    await build({
      stdin: {
        resolveDir: join(import.meta.dirname, '../..'),
        contents: `
          import { openGitRepository } from './src/desired/git-repository.ts'
          import { systemClock } from './src/util/clock.ts'
          const [repository, temporaryDirectory] = process.argv.slice(2)
          const main = async () => {
            const opened = await openGitRepository(repository, { clock: systemClock, environment: process.env, temporaryDirectory })
            for (let committed = true; ; committed = !committed) {
              const snapshot = await opened.head({ committed })
              await snapshot.materialize(['**'])
              await snapshot[Symbol.asyncDispose]()
            }
          }
          // Ends with the test, should that fail.
          process.stdin.resume().once('end', () => process.exit())
          void main()`,
      },
      bundle: true,
      platform: 'node',
      format: 'cjs',
      outfile: fixture.path('child.cjs'),
      logLevel: 'silent',
    })
    const standing = (): unknown => ({
      index: readFileSync(join(repository, '.git/index')),
      files: readdirSync(join(repository, '.git'), { recursive: true }).sort(),
    })
    const asked = (): unknown =>
      ['worktree list', 'status --porcelain'].map((command) => fixture.git(repository, ...command.split(' ')))
    const answers = asked()
    const before = standing()
    for (let round = 0; round < 20; round += 1) {
      const child = spawn(process.execPath, [fixture.path('child.cjs'), repository, fixture.path('tmp')], {
        env: fixture.environment,
        stdio: ['pipe', 'ignore', 'ignore'],
      })
      const ended = new Promise((resolve) => child.once('exit', resolve))
      // Each round a little later.
      await folderAppears(fixture.path('tmp'), `trueup-tree-${child.pid ?? 0}-`, round * round * 5)
      child.kill('SIGKILL')
      await ended
      expect(standing()).toEqual(before)
    }
    expect(readdirSync(fixture.path('tmp')).length).toBeGreaterThan(0)
    expect(asked()).toEqual(answers)
    fixture.git(repository, 'fetch', '--quiet')
    await using snapshot = await fixture.worktree(repository)
    const folder = await snapshot.materialize(['**'])
    expect(readdirSync(fixture.path('tmp'))).toEqual([basename(folder)])
    expect(await contents(snapshot)).toEqual({ ...files, 'data/dirty.yaml': 'dirty\n' })
    expect(asked()).toEqual(answers)
  }, 120_000)
})

/** Resolves when a folder of that name appeared and `turns` turns of the event loop have passed since. */
async function folderAppears(parent: string, prefix: string, turns: number): Promise<void> {
  const watcher = watch(parent)
  const appeared = (): boolean => readdirSync(parent).some((name) => name.startsWith(prefix))
  while (!appeared()) await once(watcher, 'change')
  watcher.close()
  for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}
