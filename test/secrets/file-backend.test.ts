import { chmod, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createFileBackend } from '../../src/secrets/file-backend.js'
import type { SecretBackend } from '../../src/secrets/secret-backend.js'

interface Folder extends AsyncDisposable {
  readonly root: string
  readonly directory: string
  open(): SecretBackend
  write(files: Readonly<Record<string, string | Uint8Array>>): Promise<void>
}

async function folder(files: Readonly<Record<string, string | Uint8Array>> = {}): Promise<Folder> {
  const root = await mkdtemp(join(tmpdir(), 'trueup-secrets-'))
  const directory = join(root, 'secrets')
  await mkdir(directory)
  const made: Folder = {
    root,
    directory,
    open: () => createFileBackend({ directory, shown: 'secrets' }),
    async write(more) {
      for (const [path, content] of Object.entries(more)) {
        await mkdir(dirname(join(directory, path)), { recursive: true })
        await writeFile(join(directory, path), content)
      }
    },
    async [Symbol.asyncDispose]() {
      await rm(root, { recursive: true, force: true })
    },
  }
  await made.write(files)
  return made
}

describe('createFileBackend', () => {
  it('gives a file, a field of a folder, and a field of a JSON file', async () => {
    await using made = await folder({
      plain: 'hush',
      'db/user': 'app',
      'db/pass': 's3cret',
      'dns/api': '{"token":"t","n":1}',
    })
    const backend = made.open()
    expect(await backend.read('plain')).toEqual({ value: 'hush' })
    expect(await backend.read('db', 'pass')).toEqual({ value: 's3cret' })
    expect(await backend.read('db/pass')).toEqual({ value: 's3cret' })
    expect(await backend.read('dns/api', 'token')).toEqual({ value: 't' })
    expect(await backend.read('dns/api')).toEqual({ value: '{"token":"t","n":1}' })
    expect([await backend.fields('db'), await backend.fields('plain')]).toEqual([['pass', 'user'], undefined])
    expect(await backend.versionOf('plain')).toBeUndefined()
    expect(backend.description).toBe('files in secrets')
  })

  it.each([
    ['one\n', 'one'],
    ['one\r\n', 'one'],
    ['one', 'one'],
    ['one \n', 'one '],
    ['one\n\n', 'one\n\n'],
    ['one\ntwo\n', 'one\ntwo\n'],
  ])('drops the line break of a single line only: %j', async (content, value) => {
    await using made = await folder({ it: content })
    expect(await made.open().read('it')).toEqual({ value })
  })

  it('reads what Kubernetes mounts, before and after it moves ..data', async () => {
    await using made = await folder({
      'db/..2026_01/user': 'app\n',
      'db/..2026_01/pass': 'old-pass',
      'db/..2026_02/pass': 'new-pass',
    })
    const mount = join(made.directory, 'db')
    await symlink('..2026_01', join(mount, '..data'))
    for (const name of ['user', 'pass']) await symlink(`..data/${name}`, join(mount, name))
    const before = made.open()
    expect(await before.fields('db')).toEqual(['pass', 'user'])
    expect(await before.read('db', 'pass')).toEqual({ value: 'old-pass' })
    expect(await before.read('db/user')).toEqual({ value: 'app' })
    await symlink('..2026_02', join(mount, '..data_tmp'))
    await rename(join(mount, '..data_tmp'), join(mount, '..data'))
    expect(await made.open().read('db', 'pass')).toEqual({ value: 'new-pass' })
    // What is opened for a run is of one moment.
    expect(await before.read('db', 'pass')).toEqual({ value: 'old-pass' })
  })

  it.each(['..', '../outside', 'a/../../outside', '/etc/passwd', '', 'a//b', './a', '..data/x', 'a\\b', 'a\0b'])(
    'refuses the path %j',
    async (path) => {
      await using made = await folder({ a: 'x' })
      await writeFile(join(made.root, 'outside'), 'not for you')
      const backend = made.open()
      await expect(backend.read(path)).rejects.toMatchObject({ code: 'usage' })
      expect(() => {
        backend.accept([path])
      }).toThrow('is no path of files')
    },
  )

  it('follows no link out of its folder, nor a field that is one', async () => {
    await using made = await folder({ 'db/pass': 'x' })
    await writeFile(join(made.root, 'outside'), 'not for you')
    await mkdir(join(made.root, 'secrets-too'))
    await writeFile(join(made.root, 'secrets-too', 'a'), 'not for you')
    await symlink('../outside', join(made.directory, 'link'))
    await symlink('../secrets-too', join(made.directory, 'folder'))
    await symlink('../../outside', join(made.directory, 'db', 'link'))
    const backend = made.open()
    const outside = {
      code: 'secret-missing',
      message: expect.stringContaining('is a link to somewhere outside') as string,
    }
    await expect(backend.read('link')).rejects.toMatchObject(outside)
    await expect(backend.read('folder', 'a')).rejects.toMatchObject(outside)
    await expect(backend.read('db', 'link')).rejects.toMatchObject(outside)
    await expect(backend.read('db', '../../outside')).rejects.toMatchObject({ code: 'secret-missing' })
  })

  it.each([
    ['nope', undefined, 'the secret nope is not there: make the file secrets/nope (files in secrets)'],
    ['plain/x', undefined, 'the secret plain/x is not there: make the file secrets/plain/x (files in secrets)'],
    ['db', undefined, 'the secret db is a folder of fields, name one; it has: pass, user (files in secrets)'],
    ['db', 'pas', 'the secret db has no field "pas"; it has: pass, user. (files in secrets)'],
    [
      'plain',
      'x',
      'the secret plain has no field "x"; it is a single text; make it a JSON object of fields. (files in secrets)',
    ],
    ['none', undefined, 'the secret none is empty (files in secrets)'],
    ['bytes', undefined, 'the secret bytes is no UTF-8 text (files in secrets)'],
    ['large', undefined, 'the secret large is larger than 1 MiB (files in secrets)'],
  ])('says what is missing: %s %s', async (path, field, message) => {
    await using made = await folder({
      plain: 'hush',
      'db/user': 'u',
      'db/pass': 'p',
      none: '\n',
      bytes: Uint8Array.of(0xff, 0xfe),
      large: 'x'.repeat(1024 * 1024 + 1),
    })
    await expect(made.open().read(path, field)).rejects.toMatchObject({ code: 'secret-missing', message })
  })

  it('finds what was not there the first time', async () => {
    await using made = await folder()
    const backend = made.open()
    await expect(backend.read('late')).rejects.toMatchObject({ code: 'secret-missing' })
    await made.write({ late: 'here' })
    expect(await backend.read('late')).toEqual({ value: 'here' })
  })

  it('says that its folder is not there, and that a file may not be read', async () => {
    await using made = await folder({ shut: 'x' })
    const nowhere = createFileBackend({ directory: join(made.root, 'nowhere') })
    await expect(nowhere.read('a')).rejects.toMatchObject({ code: 'secret-missing' })
    await chmod(join(made.directory, 'shut'), 0)
    // The superuser may read everything.
    if (process.getuid?.() === 0) return
    await expect(made.open().read('shut')).rejects.toThrow('cannot be read: EACCES')
  })
})
