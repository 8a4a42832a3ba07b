import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createMemoryRepository } from '../../src/desired/memory-repository.js'
import { contents, GitFixture, rejection } from '../support/git-fixture.js'

describe('createMemoryRepository', () => {
  it('gives the entries that git gives for the same files', async () => {
    await using fixture = new GitFixture()
    const files = { 'data/a.yaml': 'a – ü\n', 'data/deep/b.bin': Uint8Array.from([0, 255, 10]), 'c.txt': '' }
    const git = await (await fixture.open(fixture.init('repository', files))).head({ committed: true })
    const memory = await createMemoryRepository(files).head({ committed: true })
    expect(await memory.entries(['**'])).toEqual(await git.entries(['**']))
    expect(await contents(memory, ['data/*'])).toEqual({ 'data/a.yaml': 'a – ü\n' })
    expect(await memory.read('none')).toBeUndefined()
  })

  it('knows its commits by name and by id, and its head', async () => {
    const repository = createMemoryRepository({
      head: 'new',
      commits: { old: { 'a.yaml': '1' }, new: { 'a.yaml': '2' } },
    })
    const old = await repository.resolve('old')
    const id = old.kind === 'found' ? old.id : ''
    expect(id).toMatch(/^[0-9a-f]{40}$/)
    expect(await repository.resolve(id)).toEqual(old)
    expect(await contents(await repository.at(id))).toEqual({ 'a.yaml': '1' })
    const head = await repository.resolve('HEAD')
    const worktree = await repository.head({ committed: false })
    expect(worktree.revision).toEqual({ kind: 'worktree', commit: head.kind === 'found' ? head.id : '' })
    expect(await contents(worktree)).toEqual({ 'a.yaml': '2' })
    expect(await repository.resolve('older')).toMatchObject({ kind: 'missing' })
    expect(await rejection(repository.at('0'.repeat(40)))).toMatchObject({ code: 'source-unavailable' })
    expect(() => createMemoryRepository({ head: 'none', commits: {} })).toThrow('no commit')
    expect(await Promise.all(['a.yaml', 'b.yaml'].map((path) => repository.isTracked(path)))).toEqual([true, false])
    await repository.close()
  })

  it('materializes', async () => {
    await using snapshot = await createMemoryRepository({ 'data/a.yaml': 'a' }).head({ committed: false })
    expect(readFileSync(join(await snapshot.materialize(['data/*']), 'data/a.yaml'), 'utf8')).toBe('a')
  })
})
