import {
  appendFile,
  copyFile,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { mkdirSync, readdirSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openDirectoryStore } from '../../src/store/directory-store.js'
import type { DirectoryStore, DirectoryStoreOptions } from '../../src/store/directory-store.js'
import { storeKey, type StoredObject } from '../../src/store/object-store.js'
import { systemClock } from '../../src/util/clock.js'
import { objectStoreContract } from '../support/contracts/object-store.js'

const key = storeKey('team', 'a')
const sha256OfAbc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
const otherEtag = `5_other_3_${'0'.repeat(64)}`

objectStoreContract('directory', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'trueup-store-'))
  const open = (): Promise<DirectoryStore> => openDirectoryStore(join(folder, 'store'), { clock: systemClock })
  return { store: await open(), reopen: open, dispose: () => rm(folder, { recursive: true }) }
})

describe('directory store', () => {
  let base: string
  let root: string
  let folder: string
  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), 'trueup-store-'))
    root = join(base, 'store')
    folder = join(root, 'objects', 'team', 'a@')
  })
  afterEach(() => rm(base, { recursive: true }))

  const open = (options: Partial<DirectoryStoreOptions> = {}): Promise<DirectoryStore> =>
    openDirectoryStore(root, { clock: systemClock, ...options })
  const filled = async (options: Partial<DirectoryStoreOptions> = {}): Promise<DirectoryStore> => {
    const store = await open(options)
    await store.put(key, Buffer.from('old'), { metadata: { by: 'test' } })
    return store
  }
  const nameOf = async (start: string): Promise<string> => {
    const name = (await readdir(folder)).find((each) => each.startsWith(start))
    if (name === undefined) throw new Error(`no ${start} in ${folder}`)
    return name
  }
  const pathOf = async (start: string): Promise<string> => join(folder, await nameOf(start))
  const valueOf = async (store: DirectoryStore): Promise<string> => {
    const object = await store.get(key)
    return object.kind === 'missing' ? '(missing)' : Buffer.from(object.value).toString('utf8')
  }
  /** All paths below the store folder. */
  const tree = async (): Promise<string[]> => (await readdir(root, { recursive: true })).sort()

  describe('on the disk', () => {
    it('makes nothing before the first write', async () => {
      const store = await open()
      await store.get(key)
      await store.head(key)
      await store.delete(key)
      await store.put(key, Buffer.from('x'), { condition: { kind: 'if-etag', etag: 'e' } })
      for await (const entry of store.list('')) expect(entry).toBe('nothing')
      expect(await store.sweep()).toEqual({ orphans: 0, folders: 0 })
      await store.close()
      expect(await readdir(base)).toEqual([])
    })

    it('is ignored by git and readable with cat', async () => {
      await filled()
      expect(await readFile(join(root, '.gitignore'), 'utf8')).toBe('*\n')
      expect(await readFile(join(root, 'format'), 'utf8')).toBe('trueup-directory-store 1\n')
      expect(await readFile(await pathOf('d.'), 'utf8')).toBe('old')
      expect(JSON.parse(await readFile(await pathOf('m.'), 'utf8'))).toMatchObject({ metadata: { by: 'test' } })
      expect((await stat(await pathOf('t.'))).size).toBe(0)
    })

    it('keeps no old values, deleted keys or half-made folders', async () => {
      const store = await filled()
      const files = async (): Promise<string[]> => (await readdir(folder)).map((name) => name.slice(0, 2)).sort()
      expect(await files()).toEqual(['d.', 'm.', 't.'])
      await store.put(key, Buffer.from('new'))
      expect(await files()).toEqual(['d.', 't.'])
      await store.delete(key)
      await store.sweep({ graceMs: 0 })
      expect(await tree()).toEqual(['.gitignore', 'format', 'objects', 'prepared', 'swept'])
    })

    it('is made again when it was removed as a whole', async () => {
      const store = await filled()
      await rm(root, { recursive: true })
      expect(await valueOf(store)).toBe('(missing)')
      await store.put(key, Buffer.from('again'))
      expect(await readFile(join(root, '.gitignore'), 'utf8')).toBe('*\n')
      expect(await valueOf(await open())).toBe('again')
    })

    it('tells keys apart that differ in case only, by more than their case', async () => {
      const store = await open()
      await store.put(storeKey('Ab'), Buffer.from('1'))
      await store.put(storeKey('aB'), Buffer.from('2'))
      const names = (await readdir(join(root, 'objects'))).map((name) => name.toLowerCase())
      expect(new Set(names).size).toBe(2)
    })

    it('takes no text that is not a key for a path', async () => {
      const store = await open()
      for (const text of ['../../x', 'a/../b', '/etc', 'a@', '']) {
        await expect(store.get(text as typeof key)).rejects.toThrow('Internal error: not a store key')
        await expect(store.put(text as typeof key, Buffer.from('x'))).rejects.toThrow('Internal error: not a store key')
      }
      for (const prefix of ['../', 'a', 'a//', '/']) {
        await expect(store.list(prefix)[Symbol.asyncIterator]().next()).rejects.toThrow(
          'Internal error: not a store prefix',
        )
      }
    })

    it("tells the time of the file system, which all who share it have in common, not its process's", async () => {
      const wrong = await open({ clock: { ...systemClock, now: () => 1234.5 } })
      const right = await open()
      const before = await right.now()
      expect((await wrong.put(key, Buffer.from('x'))).kind).toBe('stored')
      const { modifiedAt } = (await wrong.get(key)) as StoredObject
      expect(await right.head(key)).toMatchObject({ modifiedAt })
      expect(modifiedAt).toBeGreaterThanOrEqual(before)
      expect(modifiedAt).toBeLessThanOrEqual(await wrong.now())
      for (const store of [wrong, right]) await store.close()
      expect(await readdir(join(root, 'prepared'))).toEqual([])
    })

    it('has the ids it is given, and the times of its process in names', async () => {
      const store = await open({
        clock: { ...systemClock, now: () => 1234.5 },
        randomId: () => `id-${Math.random().toString(36).slice(2)}`,
      })
      expect((await store.put(key, Buffer.from('x'))).kind).toBe('stored')
      expect(await store.head(key)).toMatchObject({ etag: expect.stringMatching(/^1234_id-/) as string })
      expect(store.shared).toBe(false)
    })
  })

  describe('damage', () => {
    const damages: readonly (readonly [string, () => Promise<void>])[] = [
      ['a truncated value', async () => truncate(await pathOf('d.'), 1)],
      ['an empty value', async () => truncate(await pathOf('d.'), 0)],
      ['a longer value', async () => appendFile(await pathOf('d.'), 'x')],
      ['a changed value', async () => writeFile(await pathOf('d.'), 'odd')],
      ['a lost value', async () => rm(await pathOf('d.'))],
      ['lost metadata', async () => rm(await pathOf('m.'))],
      ['truncated metadata', async () => truncate(await pathOf('m.'), 20)],
      [
        'changed metadata',
        async () => writeFile(await pathOf('m.'), (await readFile(await pathOf('m.'), 'utf8')).replace('test', 'fest')),
      ],
    ]
    it.each(damages)('%s is an error that names the folder, never absence', async (_, damage) => {
      const store = await filled()
      await damage()
      await expect(store.get(key)).rejects.toMatchObject({
        code: 'store-corrupt',
        message: expect.stringContaining(folder) as string,
      })
      expect(await store.put(key, Buffer.from('x'), { condition: { kind: 'if-absent' } })).toEqual({ kind: 'exists' })
      const listed: string[] = []
      for await (const entry of store.list('')) listed.push(entry.key)
      expect(listed).toEqual([key])
      // Writing without condition mends it.
      await store.put(key, Buffer.from('new'))
      expect(await valueOf(store)).toBe('new')
      expect((await readdir(folder)).filter((name) => !name.startsWith('m.'))).toHaveLength(2)
    })

    it('shows in head where the size or the metadata tell', async () => {
      const store = await filled()
      await truncate(await pathOf('d.'), 1)
      await expect(store.head(key)).rejects.toMatchObject({ code: 'store-corrupt' })
      await rm(await pathOf('d.'))
      await expect(store.head(key)).rejects.toMatchObject({ code: 'store-corrupt' })
    })

    it('of two tokens is an error, and stays listed', async () => {
      const store = await filled()
      await copyFile(await pathOf('t.'), join(folder, `t.0.${otherEtag}`))
      await expect(store.get(key)).rejects.toMatchObject({
        code: 'store-corrupt',
        message: expect.stringContaining('two tokens') as string,
      })
      await expect(store.delete(key)).rejects.toMatchObject({ code: 'store-corrupt' })
      const listed: string[] = []
      for await (const entry of store.list('')) listed.push(entry.key)
      expect(listed).toEqual([key])
    })

    it('can be deleted', async () => {
      const store = await filled()
      await truncate(await pathOf('d.'), 1)
      expect(await store.delete(key)).toEqual({ kind: 'deleted' })
      expect(await store.get(key)).toEqual({ kind: 'missing' })
    })
  })

  describe('what killed writers leave', () => {
    it('is missing where a delete did not finish, and can be created', async () => {
      const store = await filled()
      const token = await nameOf('t.')
      await rename(join(folder, token), join(folder, token.replace(/^t\.0\./, 'x.')))
      expect(await valueOf(store)).toBe('(missing)')
      expect((await store.put(key, Buffer.from('new'), { condition: { kind: 'if-absent' } })).kind).toBe('stored')
      expect(await valueOf(store)).toBe('new')
    })

    it('is missing where a value without any token is left, and can be created', async () => {
      const store = await filled()
      await rm(await pathOf('t.'))
      expect(await valueOf(store)).toBe('(missing)')
      expect(await store.delete(key)).toEqual({ kind: 'missing' })
      for await (const entry of store.list('')) expect(entry).toBe('nothing')
      expect((await store.put(key, Buffer.from('new'), { condition: { kind: 'if-absent' } })).kind).toBe('stored')
      expect(await valueOf(store)).toBe('new')
      expect(await readdir(folder)).toHaveLength(2)
    })

    const leave = async (): Promise<void> => {
      await writeFile(join(folder, `d.${otherEtag}`), 'abc')
      await writeFile(join(folder, `m.${otherEtag}`), '{}')
      await mkdir(join(root, 'prepared', '5-gone'))
      await writeFile(join(root, 'prepared', '5-gone', `d.${otherEtag}`), 'abc')
      await mkdir(join(root, 'prepared', '~5-half'))
      await mkdir(join(root, 'objects', 'empty', 'below'), { recursive: true })
      await mkdir(join(root, 'objects', 'team', 'dead@'))
      await writeFile(join(root, 'objects', 'team', 'dead@', `x.${otherEtag}`), '')
      await writeFile(join(root, 'swept.5-gone'), '')
    }

    it('goes by a sweep, and nothing else', async () => {
      const store = await filled()
      const before = await tree()
      await leave()
      expect(await valueOf(store)).toBe('old')
      expect(await store.sweep()).toEqual({ orphans: 1, folders: 5 })
      // Raising the epoch is all that a sweep changes of a key.
      expect(await tree()).toEqual(before.map((path) => path.replace('/t.0.', '/t.1.')).sort())
      expect(await valueOf(store)).toBe('old')
      expect(await store.sweep({ graceMs: 0 })).toEqual({ orphans: 0, folders: 0 })
      expect(await nameOf('t.')).toMatch(/^t\.1\./)
    })

    it('stays while it is young', async () => {
      const store = await filled({ clock: { ...systemClock, now: () => 60_000 } })
      await writeFile(join(folder, `d.${otherEtag}`), 'abc')
      expect(await store.sweep()).toEqual({ orphans: 0, folders: 0 })
      expect(await store.sweep({ graceMs: 59_000 })).toEqual({ orphans: 1, folders: 0 })
    })

    it('goes by itself a day later, with the first write', async () => {
      await (await filled()).close()
      await leave()
      const today = await open()
      await today.put(storeKey('other'), Buffer.from('x'))
      await today.close()
      expect(await readdir(join(root, 'prepared'))).toEqual(['5-gone', '~5-half'])
      const tomorrow = await open({ clock: { ...systemClock, now: () => systemClock.now() + 25 * 3_600_000 } })
      await tomorrow.put(storeKey('other'), Buffer.from('y'))
      // A sweep yields while it reads folders; closing early may end it, which the next day makes good.
      while ((await readdir(folder)).some((name) => name.includes('other'))) await tomorrow.head(key)
      await tomorrow.close()
      expect(await readdir(join(root, 'prepared'))).toEqual([])
      expect(await valueOf(await open())).toBe('old')
    })
  })

  describe('beside others', () => {
    it('writes its value anew when a sweep came between the value and the token', async () => {
      let isSwept = false
      const store = await filled({
        fault: (step) => {
          if (isSwept || !/^rename .*\/t\.0\./.test(step)) return
          isSwept = true
          // What a sweep in another process does: the value in the making is listed, the epoch raised, the value removed.
          const token = readdirSync(folder).find((name) => name.startsWith('t.')) ?? ''
          renameSync(join(folder, token), join(folder, token.replace('t.0.', 't.1.')))
          for (const name of readdirSync(folder)) {
            if (name.startsWith('d.') && !token.endsWith(name.slice(2))) unlinkSync(join(folder, name))
          }
        },
      })
      const object = await store.head(key)
      const etag = object.kind === 'found' ? object.etag : ''
      expect((await store.put(key, Buffer.from('new'), { condition: { kind: 'if-etag', etag } })).kind).toBe('stored')
      expect(isSwept).toBe(true)
      expect(await valueOf(store)).toBe('new')
      expect(await readdir(folder)).toHaveLength(2)
    })

    it('prepares its folder anew when a sweep took it away', async () => {
      let isSwept = false
      const store = await open({
        fault: (step) => {
          if (isSwept || !step.startsWith('rename ') || !step.endsWith('a@')) return
          isSwept = true
          const [name = ''] = readdirSync(join(root, 'prepared'))
          renameSync(join(root, 'prepared', name), join(root, 'prepared', `~${name}`))
        },
      })
      expect((await store.put(key, Buffer.from('new'), { condition: { kind: 'if-absent' } })).kind).toBe('stored')
      expect(await valueOf(store)).toBe('new')
    })

    it('sweeps no value that a writer made count while it was about to', async () => {
      const store = await filled()
      const pending = `5_writer_3_${sha256OfAbc}`
      await writeFile(join(folder, `d.${pending}`), 'abc')
      let isCommitted = false
      const sweeper = await open({
        fault: () => {
          if (isCommitted) return
          isCommitted = true
          const token = readdirSync(folder).find((name) => name.startsWith('t.')) ?? ''
          renameSync(join(folder, token), join(folder, `t.0.${pending}`))
        },
      })
      await sweeper.sweep({ graceMs: 0 })
      expect(isCommitted).toBe(true)
      expect(await valueOf(store)).toBe('abc')
    })

    it('gives way to a folder that was there first', async () => {
      let isThere = false
      const store = await open({
        fault: (step) => {
          if (isThere || !step.startsWith('rename ') || !step.endsWith('a@')) return
          isThere = true
          mkdirSync(folder, { recursive: true })
          writeFileSync(join(folder, `d.5_first_3_${sha256OfAbc}`), 'abc')
          writeFileSync(join(folder, `t.0.5_first_3_${sha256OfAbc}`), '')
        },
      })
      expect(await store.put(key, Buffer.from('new'), { condition: { kind: 'if-absent' } })).toEqual({ kind: 'exists' })
      expect(await valueOf(store)).toBe('abc')
      expect(await readdir(join(root, 'prepared'))).toEqual([])
    })
  })

  describe('refuses', () => {
    it('a newer format, and leaves it as it is', async () => {
      await filled()
      await writeFile(join(root, 'format'), 'trueup-directory-store 2\n')
      const before = await tree()
      await expect(open()).rejects.toMatchObject({
        code: 'store-refused',
        message: expect.stringContaining('Upgrade trueup') as string,
      })
      expect(await tree()).toEqual(before)
    })

    it('a newer format that appears between opening and the first write', async () => {
      const store = await open()
      await mkdir(root)
      await writeFile(join(root, 'format'), 'trueup-directory-store 2\n')
      await expect(store.put(key, Buffer.from('x'))).rejects.toMatchObject({ code: 'store-refused' })
      expect(await tree()).toEqual(['format'])
    })

    it('a format file that is none, and objects without one', async () => {
      await filled()
      await writeFile(join(root, 'format'), '')
      await expect(open()).rejects.toMatchObject({ code: 'store-corrupt' })
      await rm(join(root, 'format'))
      await expect(open()).rejects.toMatchObject({
        code: 'store-corrupt',
        message: expect.stringContaining('put that file back') as string,
      })
    })

    it('a folder of something else', async () => {
      await mkdir(join(root, '.git'), { recursive: true })
      await expect(open()).rejects.toMatchObject({
        code: 'store-refused',
        message: expect.stringContaining('.git') as string,
      })
      expect(await tree()).toEqual(['.git'])
    })

    it('not a folder that is empty, begun, or has caches in it', async () => {
      await mkdir(join(root, 'cache'), { recursive: true })
      await mkdir(join(root, 'lost+found'))
      await writeFile(join(root, 'format.5-killed'), '')
      await writeFile(join(root, '.gitignore'), '*\n')
      expect(await valueOf(await filled())).toBe('old')
    })
  })

  describe('when the disk does not let it', () => {
    it('names the path and what to do where a file is in the way', async () => {
      await writeFile(root, 'a file')
      await expect(openDirectoryStore(join(root, 'below'), { clock: systemClock })).rejects.toMatchObject({
        code: 'store-unavailable',
        retryable: true,
        message: expect.stringContaining(join(root, 'below')) as string,
        details: { code: 'ENOTDIR' },
      })
    })

    it('says what is not its own in a folder that it must make', async () => {
      const store = await open()
      await store.put(storeKey('team', 'other'), Buffer.from('x'))
      await mkdir(folder)
      await writeFile(join(folder, 'notes.txt'), 'x')
      expect(await valueOf(store)).toBe('(missing)')
      await expect(store.put(key, Buffer.from('x'))).rejects.toMatchObject({
        code: 'store-unavailable',
        message: expect.stringContaining('notes.txt') as string,
      })
      expect(await readdir(folder)).toEqual(['notes.txt'])
    })

    const actions: readonly (readonly [string, (store: DirectoryStore) => Promise<unknown>])[] = [
      ['create', (store) => store.put(storeKey('team', 'b'), Buffer.from('b'), { metadata: { x: 'y' } })],
      ['replace', (store) => store.put(key, Buffer.from('new'), { metadata: { x: 'y' } })],
      ['delete', (store) => store.delete(key)],
      ['sweep', (store) => store.sweep({ graceMs: 0 })],
    ]
    for (const [name, act] of actions) {
      it.each(['ENOSPC', 'EIO'])(`loses nothing by %s at any step of ${name}`, async (code) => {
        for (let failAt = 1, isDone = false; !isDone; failAt += 1) {
          await rm(root, { recursive: true, force: true })
          await filled()
          await writeFile(join(folder, `d.${otherEtag}`), 'abc')
          let steps = 0
          const store = await open({
            fault: (step) => {
              steps += 1
              if (steps === failAt) throw Object.assign(new Error(`${code}: at ${step}`), { code })
            },
          })
          const answer = await act(store).then(
            () => 'done',
            (error: unknown) => error,
          )
          isDone = steps < failAt
          if (answer !== 'done')
            expect(answer).toMatchObject({ code: 'store-unavailable', retryable: true, details: { code } })
          const value = await valueOf(await open())
          if (name === 'create' || name === 'sweep') expect(value).toBe('old')
          else if (answer === 'done') expect(value).toBe(name === 'delete' ? '(missing)' : 'new')
          else expect(['old', name === 'delete' ? '(missing)' : 'new']).toContain(value)
          // The next one works as if nothing had been.
          const after = await open()
          await after.put(key, Buffer.from('after'))
          expect(await valueOf(after)).toBe('after')
          await after.sweep({ graceMs: 0 })
          expect(await readdir(folder)).toHaveLength(2)
          expect(await readdir(join(root, 'prepared'))).toEqual([])
          expect(failAt).toBeLessThan(100)
        }
      })
    }

    it.each([
      ['ENOSPC', 'the disk is full'],
      ['EDQUOT', 'Raise the quota'],
      ['EROFS', 'read-only'],
      ['EACCES', 'permission is missing'],
      ['EMFILE', 'ulimit -n'],
      ['ENAMETOOLONG', 'too long'],
      ['ESOMETHING', 'ESOMETHING'],
    ])('says what to do about %s, and where', async (code, what) => {
      await filled()
      const store = await open({
        fault: () => {
          throw Object.assign(new Error(code), { code })
        },
      })
      const answer = store.put(key, Buffer.from('new'))
      await expect(answer).rejects.toMatchObject({
        code: 'store-unavailable',
        message: expect.stringContaining(what) as string,
      })
      await expect(answer).rejects.toThrow(folder)
      expect(await valueOf(store)).toBe('old')
    })

    it('leaves no part of a value that did not fit', async () => {
      const store = await filled()
      const failing = await open({
        fault: (step) => {
          if (step.startsWith('fsync') && basename(step).startsWith('d.'))
            throw Object.assign(new Error('full'), { code: 'ENOSPC' })
        },
      })
      await expect(failing.put(key, Buffer.from('new'))).rejects.toMatchObject({
        message: expect.stringContaining('the disk is full') as string,
      })
      await expect(failing.put(storeKey('team', 'b'), Buffer.from('new'))).rejects.toMatchObject({
        code: 'store-unavailable',
      })
      expect(await readdir(folder)).toHaveLength(3)
      expect(await readdir(dirname(folder))).toEqual(['a@'])
      expect(await readdir(join(root, 'prepared'))).toEqual([])
      expect(await valueOf(store)).toBe('old')
    })
  })
})
