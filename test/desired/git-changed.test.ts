// In which paths two revisions differ: asked once, without listing what is equal; and what the memory repository says of the same files.
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMemoryRepository, type MemoryFiles } from '../../src/desired/memory-repository.js'
import type { Repository, Snapshot } from '../../src/desired/source.js'
import { GitFixture } from '../support/git-fixture.js'

/** By listing both sides whole. */
async function listedDifference(base: Snapshot, head: Snapshot, globs: readonly string[]): Promise<readonly string[]> {
  const [before, after] = await Promise.all(
    [base, head].map(
      async (side) => new Map((await side.entries(globs)).map(({ path, mode, oid }) => [path, `${mode} ${oid}`])),
    ),
  )
  const paths = new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])])
  return [...paths].filter((path) => before?.get(path) !== after?.get(path)).sort()
}

async function ask(repository: Repository, base: string, globs: readonly string[], committed: boolean) {
  await using head = await repository.head({ committed })
  await using before = await repository.at(base)
  const found = await repository.changedPaths({ base, head: head.revision, globs })
  expect(await listedDifference(before, head, globs)).toEqual(found)
  return found
}

const FILES = {
  'data/a.yaml': 'a',
  'data/deep/er/b.yaml': 'b',
  'data/deep/c.yaml': 'c',
  'data/mode.sh': 'x',
  'data/becomes-folder': 'f',
  'data/becomes-file/x.yaml': 'x',
  'other/d.yaml': 'd',
  '.gitignore': 'ignored.yaml\n',
}

describe('the paths that changed', () => {
  it('between commits: edits, modes, links, moves, files that became folders', async () => {
    await using fixture = new GitFixture()
    const path = fixture.init('repository', FILES)
    const base = fixture.commit(path, {})
    const at = (file: string): string => join(path, file)
    writeFileSync(at('data/deep/er/b.yaml'), 'b2')
    writeFileSync(at('other/d.yaml'), 'd2')
    chmodSync(at('data/mode.sh'), 0o755)
    rmSync(at('data/becomes-folder'))
    mkdirSync(at('data/becomes-folder'))
    writeFileSync(at('data/becomes-folder/y.yaml'), 'y')
    rmSync(at('data/becomes-file'), { recursive: true })
    writeFileSync(at('data/becomes-file'), 'now a file')
    renameSync(at('data/deep/c.yaml'), at('data/moved.yaml'))
    symlinkSync('a.yaml', at('data/link.yaml'))
    fixture.commit(path, {})
    const repository = await fixture.open(path)
    expect(await ask(repository, base, ['data/**'], true)).toEqual([
      'data/becomes-file',
      'data/becomes-file/x.yaml',
      'data/becomes-folder',
      'data/becomes-folder/y.yaml',
      'data/deep/c.yaml',
      'data/deep/er/b.yaml',
      'data/link.yaml',
      'data/mode.sh',
      'data/moved.yaml',
    ])
    expect(await ask(repository, base, ['data/*.yaml', 'other/*'], true)).toEqual([
      'data/link.yaml',
      'data/moved.yaml',
      'other/d.yaml',
    ])
    expect(await ask(repository, base, ['nothing/**'], true)).toEqual([])
    const { id } = (await repository.resolve('HEAD')) as { readonly id: string }
    expect(await ask(repository, id, ['**'], true)).toEqual([])
  })

  it('up to the working tree: staged, changed, untracked and deleted, not ignored', async () => {
    await using fixture = new GitFixture()
    const path = fixture.init('repository', FILES)
    const base = fixture.commit(path, {})
    fixture.commit(path, { 'data/deep/c.yaml': 'c2' })
    const at = (file: string): string => join(path, file)
    writeFileSync(at('data/staged.yaml'), 's')
    fixture.git(path, 'add', 'data/staged.yaml')
    writeFileSync(at('data/a.yaml'), 'a2')
    writeFileSync(at('data/new.yaml'), 'n')
    writeFileSync(at('data/ignored.yaml'), 'i')
    rmSync(at('data/deep/er/b.yaml'))
    const repository = await fixture.open(path)
    expect(await ask(repository, base, ['data/**'], false)).toEqual([
      'data/a.yaml',
      'data/deep/c.yaml',
      'data/deep/er/b.yaml',
      'data/new.yaml',
      'data/staged.yaml',
    ])
    // Written back, it may be told; it must not be missing when it differs.
    writeFileSync(at('data/deep/c.yaml'), 'c')
    await using head = await repository.head({ committed: false })
    expect(await repository.changedPaths({ base, head: head.revision, globs: ['data/deep/*'] })).toEqual([
      'data/deep/c.yaml',
    ])
  })

  it('are those that listing both sides gives, whatever was edited', async () => {
    const name = fc.constantFrom('a', 'b', 'c/d', 'c/e', 'c/f/g', 'h/i', 'c')
    const files = fc.dictionary(name, fc.constantFrom('1', '2', '')).map(withoutClashes)
    await fc.assert(
      fc.asyncProperty(
        files,
        files,
        fc.constantFrom(['**'], ['c/**'], ['*'], ['a', 'c/f/*']),
        async (before, after, globs) => {
          const repository = createMemoryRepository({ head: 'after', commits: { before, after } })
          const base = (await repository.resolve('before')) as { readonly id: string }
          const inMemory = await ask(repository, base.id, globs, true)
          await using fixture = new GitFixture()
          const path = fixture.init('repository', {})
          fixture.write(path, before)
          const first = fixture.commit(path, {})
          for (const file of Object.keys(before))
            rmSync(join(path, file.split('/')[0] ?? ''), { recursive: true, force: true })
          fixture.write(path, after)
          fixture.commit(path, {})
          expect(await ask(await fixture.open(path), first, globs, true)).toEqual(inMemory)
        },
      ),
      { numRuns: 15 },
    )
  })
})

/** A name cannot be a file and a folder at once. */
function withoutClashes(files: Readonly<Record<string, string>>): MemoryFiles {
  const names = Object.keys(files)
  return Object.fromEntries(
    Object.entries(files).filter(([name]) => !names.some((other) => other.startsWith(`${name}/`))),
  )
}
