import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Json } from '../../src/event.js'
import { createRedactor, REDACTED, type Redactor } from '../../src/report/redact.js'

function knowing(...values: readonly string[]): Redactor {
  const redactor = createRedactor()
  for (const value of values) redactor.register(value)
  return redactor
}

const VALUE = 'p@ss/wörd "1"'
const bytes = Buffer.from(VALUE)
const FORMS: readonly (readonly [string, string])[] = [
  ['itself', VALUE],
  ['base64', bytes.toString('base64')],
  ['base64 without padding', bytes.toString('base64').replace(/=+$/, '')],
  ['base64url', bytes.toString('base64url')],
  ['URL-encoded', encodeURIComponent(VALUE)],
  ['URL-encoded in lower case', encodeURIComponent(VALUE).replace(/%../g, (it) => it.toLowerCase())],
  ['form-encoded', new URLSearchParams({ a: VALUE }).toString().slice(2)],
  ['JSON-escaped', JSON.stringify(VALUE).slice(1, -1)],
  ['JSON-escaped in ASCII', JSON.stringify(VALUE).slice(1, -1).replace('ö', '\\u00f6')],
  ['hex', bytes.toString('hex')],
  ['hex in upper case', bytes.toString('hex').toUpperCase()],
]

describe('text', () => {
  it.each(FORMS)('hides a value: %s', (_, form) => {
    expect(knowing(VALUE).text(`before ${form} after, ${form}`)).toBe('before *** after, ***')
  })

  it.each(['u', 'us', 'use', 'user', 'user1'])('hides what Basic authorization makes of it behind %j', (user) => {
    const header = Buffer.from(`${user}:correct horse`).toString('base64')
    const shown = knowing('correct horse').text(`Basic ${header}`)
    const rest = Buffer.from(shown.replace('Basic ', '').split(REDACTED)[0] ?? '', 'base64').toString()
    expect(shown).toContain(REDACTED)
    expect(rest).toMatch(/^u?s?e?r?1?:?c?$/)
  })

  it('hides each line of several, but not the frame of a key', () => {
    const redactor = knowing(
      '-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\r\nkqhkiG9w0BAQEF\n-----END PRIVATE KEY-----\n',
    )
    expect(redactor.text('-----BEGIN PRIVATE KEY----- / kqhkiG9w0BAQEF / MIIEvQIBADANBg')).toBe(
      '-----BEGIN PRIVATE KEY----- / *** / ***',
    )
  })

  it('hides a value without the blanks around it', () => {
    expect(knowing('  hush-hush \n').text('it is hush-hush.')).toBe('it is ***.')
  })

  it('hides only the password of a URL', () => {
    const redactor = knowing('postgres://admin:s3cret%2Fpass@db.example.com:5432/app')
    expect(redactor.text('connect postgres://admin:s3cret%2Fpass@db.example.com:5432/app as admin')).toBe(
      'connect postgres://admin:***@db.example.com:5432/app as admin',
    )
    expect(redactor.text('password s3cret/pass')).toBe('password ***')
    expect(knowing('postgres://u:p4ssw0rd@a:1,b:2/db').text('p4ssw0rd at a:1,b:2')).toBe('*** at a:1,b:2')
    expect(knowing('redis://:abc@cache:6379').text('redis://:abc@cache:6379, and abc')).toBe('redis://***, and abc')
  })

  it('hides a URL that is a secret by its path, and nothing of one that names a server', () => {
    expect(knowing('https://hooks.example.com/T01/XyZ').text('POST https://hooks.example.com/T01/XyZ')).toBe('POST ***')
    const redactor = createRedactor()
    expect(redactor.register('https://api.example.com/')).toBe('nothing')
    expect(redactor.text('https://api.example.com/v1')).toBe('https://api.example.com/v1')
  })

  it('hides the texts of a JSON object that is read whole', () => {
    const redactor = knowing('{"token":"abc-def-ghi","deep":{"url":"https://u:hunter22@h/","port":5432}}')
    expect(redactor.text('abc-def-ghi hunter22 5432 https://h/ port')).toBe('*** *** 5432 https://h/ port')
  })

  it('hides secrets that overlap as one, and the longer one of two that begin alike', () => {
    expect(knowing('abcdefgh', 'efghijkl').text('xabcdefghijklx')).toBe('x***x')
    expect(knowing('abcdef', 'abcdefghij').text('abcdefghij abcdef')).toBe('*** ***')
    expect(knowing('abcdef').text('abcdefabcdef')).toBe('***')
  })

  it('hides a short value only where it is the whole text', () => {
    const redactor = createRedactor()
    expect(redactor.register('abc')).toBe('whole-only')
    expect([redactor.text('abc'), redactor.text('abcdef'), redactor.text('say abc')]).toEqual([
      '***',
      'abcdef',
      'say abc',
    ])
    expect([redactor.register(''), redactor.register('long enough')]).toEqual(['nothing', 'hidden'])
  })

  it('changes nothing while nothing is known, nor what it has changed before', () => {
    expect(createRedactor().isIdle).toBe(true)
    const redactor = knowing('hush-hush', '******')
    const once = redactor.text('hush-hush hush-hush ***')
    expect(redactor.text(once)).toBe(once)
  })

  it('hides what is told more than once once, and anew when more is registered', () => {
    const redactor = createRedactor()
    redactor.register('first-secret-value')
    let made = 0
    const given = { text: 'first-secret-value and second-secret-value' }
    const hide = ({ text }: typeof given): typeof given => ((made += 1), { text: redactor.text(text) })
    const shown = redactor.once(given, hide)
    expect(shown).toEqual({ text: '*** and second-secret-value' })
    expect([redactor.once(given, hide), redactor.once(shown, hide), made]).toEqual([shown, shown, 1])
    redactor.register('second-secret-value')
    expect(redactor.once(given, hide)).toEqual({ text: '*** and ***' })
    expect(redactor.once(shown, hide)).toEqual({ text: '*** and ***' })
  })
})

describe('json', () => {
  it('keeps keys, digests, numbers and structure for passwords that are words', () => {
    const redactor = knowing('postgres', 'true', 'name', 'before', '5432', 'password')
    const value = {
      name: 'x',
      true: true,
      postgres: { table: 'public', password: 5432 },
      list: [true, null, 'a name', ['true']],
      digest: 'ab'.repeat(32),
    }
    expect(redactor.json(value)).toEqual({ ...value, list: [true, null, 'a name', ['***']] })
    expect(redactor.json({ db: 'postgres', user: 'name' })).toEqual({ db: '***', user: '***' })
  })

  it('keeps a digest that holds a secret by chance, and hides a secret that looks like a digest', () => {
    const digest = 'a1b2c3'.padEnd(64, '0')
    expect(knowing('a1b2c3').json({ digest })).toEqual({ digest })
    expect(knowing(digest).json({ token: digest })).toEqual({ token: '***' })
  })

  it('hides an unmistakable secret in a key, and keeps keys apart', () => {
    const redactor = knowing('k3y-0f-some-length', 'another-k3y-of-it')
    expect(redactor.json({ 'k3y-0f-some-length': 1, 'another-k3y-of-it': 2, c: 3 })).toEqual({
      '***': 1,
      '***2': 2,
      c: 3,
    })
  })

  it('gives the same object where nothing is hidden', () => {
    const value = { a: [{ b: 'c' }] }
    expect(knowing('hush-hush').json(value)).toBe(value)
  })

  it('makes JSON of whatever else it is given', () => {
    const cycle: Record<string, unknown> = { secret: 'hush-hush' }
    cycle['self'] = cycle
    const given = {
      error: new Error('no hush-hush'),
      at: new Date(0),
      url: new URL('https://u:hush-hush@h/'),
      map: new Map([['a', 'hush-hush']]),
      set: new Set(['hush-hush']),
      big: 12n,
      none: undefined,
      not: Number.NaN,
      call: () => 1,
    }
    expect(knowing('hush-hush').value(given)).toEqual({
      error: 'no ***',
      at: '1970-01-01T00:00:00.000Z',
      url: 'https://u:***@h/',
      map: { a: '***' },
      set: ['***'],
      big: '12',
      not: 'NaN',
      call: null,
    })
    expect(JSON.stringify(knowing('hush-hush').value(cycle))).not.toContain('hush-hush')
  })
})

it('masks each line for a CI runner once, as it is registered, and never a short one', () => {
  const lines: string[] = []
  const redactor = createRedactor({ mask: (line) => lines.push(line) })
  for (const value of ['first line\nabc\nsecond line', 'abc', 'https://u:p4ssw0rd@h/', 'first line'])
    redactor.register(value)
  expect(lines).toEqual(['first line', 'second line', 'p4ssw0rd'])
})

describe('any secret', () => {
  const secret = fc.oneof(
    fc.string({ minLength: 6, maxLength: 40, unit: 'binary' }),
    fc.string({ minLength: 6, maxLength: 40, unit: 'grapheme-ascii' }),
    fc.base64String({ minLength: 8, maxLength: 64 }),
    fc.stringMatching(/^[0-9a-f]{32}$/),
  )
  const isSecret = (value: string): boolean =>
    value.trim().length >= 6 && !value.includes(REDACTED) && !value.includes('://')

  it('is in no text that comes out, whatever is around it', () => {
    fc.assert(
      fc.property(
        fc.array(secret.filter(isSecret), { minLength: 1, maxLength: 10 }),
        fc.array(fc.string(), { minLength: 1, maxLength: 11 }),
        (secrets, between) => {
          const redactor = knowing(...secrets)
          const text = between.map((piece, at) => `${piece}${secrets[at % secrets.length] ?? ''}`).join('')
          const shown = redactor.text(text)
          for (const value of secrets) expect(shown).not.toContain(value)
          expect(redactor.text(shown)).toBe(shown)
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('is in no leaf of data, whose shape stays', () => {
    const shape = (value: Json): unknown =>
      Array.isArray(value)
        ? value.map(shape)
        : typeof value === 'object' && value !== null
          ? Object.values(value).map(shape)
          : typeof value
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8, stringUnit: 'grapheme' }), secret.filter(isSecret), (data, value) => {
        const planted = JSON.parse(
          JSON.stringify(data, (_, item: unknown) => (typeof item === 'string' ? `${item}${value}` : item)),
        ) as Json
        const shown = knowing(value).json(planted)
        expect(shape(shown)).toEqual(shape(planted))
        const leaves = (it: Json): string[] =>
          typeof it === 'string'
            ? [it]
            : typeof it === 'object' && it !== null
              ? Object.values(it as object).flatMap((item) => leaves(item as Json))
              : []
        for (const leaf of leaves(shown)) expect(leaf).not.toContain(value)
      }),
      { numRuns: 300 },
    )
  })
})
