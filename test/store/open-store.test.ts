import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { storeKey } from '../../src/store/object-store.js'
import { openStore, parseStoreUrl } from '../../src/store/open-store.js'
import { settingsOf } from '../../src/store/s3/settings.js'
import { systemClock } from '../../src/util/clock.js'

describe('parseStoreUrl', () => {
  it.each([
    ['file:.trueup', { kind: 'directory', path: '.trueup' }],
    ['file:./a b?c#d', { kind: 'directory', path: './a b?c#d' }],
    ['file:/var/lib/x', { kind: 'directory', path: '/var/lib/x' }],
    ['file:///var/lib/a%20b', { kind: 'directory', path: '/var/lib/a b' }],
    ['FILE:x', { kind: 'directory', path: 'x' }],
    ['memory:', { kind: 'memory' }],
    ['s3://bucket', { kind: 's3', bucket: 'bucket', prefix: '' }],
    ['s3://my.bucket/team/a%20b/', { kind: 's3', bucket: 'my.bucket', prefix: 'team/a b' }],
    ['s3://b?profile=ci&path-style=false', { kind: 's3', bucket: 'b', prefix: '', profile: 'ci', pathStyle: false }],
    [
      's3://b/p?region=eu-west-1&endpoint=http://localhost:9000&path-style=true',
      { kind: 's3', bucket: 'b', prefix: 'p', region: 'eu-west-1', endpoint: 'http://localhost:9000', pathStyle: true },
    ],
  ])('reads %s', (url, location) => {
    expect(parseStoreUrl(url)).toEqual(location)
  })

  it.each([
    ['', 'empty'],
    ['.trueup', 'did you mean file:.trueup?'],
    ['/var/lib', 'did you mean file:/var/lib?'],
    ['C:\\store', 'did you mean file:'],
    ['file:', 'needs a folder'],
    ['file:~/x', 'whole path'],
    ['file:a\0b', 'NUL'],
    ['file://host/x', 'three slashes'],
    ['memory:x', 'nothing behind it'],
    ['gs://bucket', 'no scheme gs:'],
    ['s3:bucket', 'needs a bucket'],
    ['s3://', 'needs a bucket'],
    ['s3:///x', 'needs a bucket'],
    ['s3://b:80/x', 'no port'],
    ['s3://b/x#y', 'no #'],
    ['s3://b/%', 'encodes nothing'],
    ['s3://b/a//b', 'empty part'],
    [`s3://b/${'x'.repeat(201)}`, 'more than 200 bytes'],
    ['s3://b?regio=x', 'no option regio'],
    ['s3://b?region=', 'needs one value'],
    ['s3://b?region=a&region=b', 'needs one value'],
    ['s3://b?path-style=yes', 'true or false'],
    ['s3://b?endpoint=localhost', 'http:// or https://'],
    ['s3://b?endpoint=http://u:hidden@h', 'credentials'],
    ['s3://key:hidden@b/x', 'credentials'],
  ])('says what is wrong with %j', (url, why) => {
    let thrown: unknown
    try {
      parseStoreUrl(url)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({ code: 'usage', message: expect.stringContaining(why) as string })
    expect((thrown as Error).message).toContain('file:<dir>')
    expect((thrown as Error).message).not.toContain('hidden')
  })
})

describe('openStore', () => {
  let base: string
  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), 'trueup-open-'))
  })
  afterEach(() => rm(base, { recursive: true }))
  const open = (url: string, isTracked?: (path: string) => Promise<boolean>): ReturnType<typeof openStore> =>
    openStore(url, { baseDirectory: base, clock: systemClock, ...(isTracked === undefined ? {} : { isTracked }) })

  it('opens a folder relative to the base folder, and makes it by the first write', async () => {
    const store = await open('file:.trueup')
    expect(store.description).toBe('file:.trueup')
    expect(await readdir(base)).toEqual([])
    await store.put(storeKey('a'), Buffer.from('x'))
    expect(await readdir(base)).toEqual(['.trueup'])
    expect(await (await open(pathToFileURL(join(base, '.trueup')).href)).get(storeKey('a'))).toMatchObject({ size: 1 })
  })

  it('opens memory', async () => {
    expect((await open('memory:')).description).toBe('memory:')
  })

  it('opens s3 without asking it anything', async () => {
    vi.stubEnv('AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED', 'true')
    const store = await open('s3://bucket/x?region=eu-west-1')
    expect([store.description, store.shared, store.conditions]).toEqual(['s3://bucket/x', true, 'unproven'])
    await store.close()
  })

  it('refuses a folder that git tracks', async () => {
    const asked: string[] = []
    const isTracked = async (path: string): Promise<boolean> => {
      asked.push(path)
      return path.endsWith('tracked')
    }
    await expect(open('file:tracked', isTracked)).rejects.toMatchObject({
      code: 'store-refused',
      message: expect.stringContaining('git rm') as string,
    })
    await open('file:free', isTracked)
    await open('memory:', isTracked)
    expect(asked).toEqual([join(base, 'tracked'), join(base, 'free')])
  })

  it('refuses a folder that holds a project', async () => {
    await (await open('file:.trueup')).put(storeKey('a'), Buffer.from('x'))
    const project = await mkdtemp(join(base, 'project-'))
    await (await open(`file:${join(project, 'src')}`)).put(storeKey('a'), Buffer.from('x'))
    await expect(open(`file:${project}`)).rejects.toMatchObject({
      code: 'store-refused',
      message: expect.stringContaining('not empty') as string,
    })
    expect(await readdir(project)).toEqual(['src'])
  })
})

describe('settings of S3', () => {
  const settings = (url: string, environment: Record<string, string> = {}): ReturnType<typeof settingsOf> => {
    const location = parseStoreUrl(url)
    if (location.kind !== 's3') throw new Error('not s3')
    return settingsOf(location, environment)
  }
  const asAws = { request: undefined, response: undefined }
  const old = { request: 'WHEN_REQUIRED', response: 'WHEN_REQUIRED' }

  it.each([
    ['s3://b', {}, { region: undefined, endpoint: undefined, pathStyle: false, checksums: asAws }],
    ['s3://b?region=eu-west-1&profile=ci', {}, { region: 'eu-west-1', profile: 'ci', pathStyle: false }],
    ['s3://b?endpoint=http://h:9000', {}, { region: 'us-east-1', pathStyle: true, checksums: old }],
    ['s3://b?endpoint=http://h&path-style=false&region=auto', {}, { region: 'auto', pathStyle: false }],
    ['s3://b', { AWS_ENDPOINT_URL_S3: 'http://h' }, { endpoint: 'http://h', region: 'us-east-1', checksums: old }],
    ['s3://b', { AWS_ENDPOINT_URL: 'http://h' }, { endpoint: 'http://h', pathStyle: true }],
    ['s3://b', { AWS_ENDPOINT_URL: 'http://h', AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' }, { endpoint: undefined }],
    [
      's3://b?endpoint=http://h',
      { AWS_REQUEST_CHECKSUM_CALCULATION: 'WHEN_SUPPORTED' },
      { checksums: { request: undefined, response: 'WHEN_REQUIRED' } },
    ],
  ] as const)('%s %j', (url, environment, expected) => {
    expect(settings(url, environment)).toMatchObject(expected)
  })

  it('tells where it is without what could be a secret', () => {
    expect(settings('s3://b/p?endpoint=https://h:9000/x?token=hidden').description).toBe('s3://b/p at https://h:9000')
  })
})
