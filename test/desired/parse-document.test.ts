import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseDocument } from '../../src/desired/parse-document.js'

async function fault(path: string, text: string): Promise<string> {
  const error: unknown = await parseDocument(path, text).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof Error)) throw new Error(`nothing was refused in ${text}`)
  expect(error).toMatchObject({ name: 'TrueupError', code: 'desired-invalid', details: { file: path } })
  const { line, column } = (error as unknown as { details: { line: number; column: number } }).details
  expect(error.message.startsWith(`${path}:${line}:${column}: `)).toBe(true)
  return error.message
}
const yamlValue = async (text: string): Promise<unknown> => (await parseDocument('a.yaml', text)).value
const jsonValue = async (text: string): Promise<unknown> => (await parseDocument('a.json', text)).value

describe('parseDocument, YAML', () => {
  it('reads the core schema of YAML 1.2', async () => {
    const text =
      'a: yes\nb: true\nc: ~\nd: 0x1F\ne: 2001-01-01\nf: [1, 1.5, "1"]\ng: 0o17\nh: 1_000\ni: |\n  text\nj:\nk: 9007199254740992\n8080: port\ntrue: word\n'
    expect(await yamlValue(text)).toEqual({
      a: 'yes',
      b: true,
      c: null,
      d: 31,
      e: '2001-01-01',
      f: [1, 1.5, '1'],
      g: 15,
      h: '1_000',
      i: 'text\n',
      j: null,
      k: 9007199254740992,
      '8080': 'port',
      true: 'word',
    })
  })

  it('takes an empty file, one of comments only and a byte order mark', async () => {
    expect(await yamlValue('')).toBe(null)
    expect(await yamlValue('# nothing\n')).toBe(null)
    expect(await yamlValue('\uFEFFa: 1\n')).toEqual({ a: 1 })
    expect(await fault('a.yaml', '\uFEFFa: .nan\n')).toContain('a.yaml:1:4: ')
  })

  it('reads what it and JSON have in common as JSON does', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        // Whole numbers that a double does not hold exactly are refused.
        const text = JSON.stringify(
          value,
          (_key, part: unknown) => (Number.isInteger(part) && !Number.isSafeInteger(part) ? 1.5 : part),
          2,
        )
        const expected: unknown = JSON.parse(text)
        expect(await jsonValue(text)).toEqual(expected)
      }),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.dictionary(fc.stringMatching(/^[ -~]{0,20}$/), fc.oneof(fc.string(), fc.maxSafeInteger(), fc.boolean())),
        ),
        async (value) => {
          expect(await yamlValue(JSON.stringify(value, null, 2))).toEqual(JSON.parse(JSON.stringify(value)))
        },
      ),
    )
  })

  it('keeps __proto__ as a key like any other', async () => {
    for (const value of [await yamlValue('__proto__: { a: 1 }'), await jsonValue('{ "__proto__": { "a": 1 } }')]) {
      expect(Object.keys(value as object)).toEqual(['__proto__'])
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    }
  })

  it('expands aliases, each to the anchor that was last set before it', async () => {
    expect(await yamlValue('a: &x 1\nb: &y [*x]\nc: &x 2\nd: *y\ne: *x\n')).toEqual({
      a: 1,
      b: [1],
      c: 2,
      d: [1],
      e: 2,
    })
  })

  it.each([
    ['a: 1\nb: 2\na: 3\n', '3:1', 'the key "a" is there twice (first in line 1)'],
    ['x:\n  1: a\n  "1": b\n', '3:3', 'the key "1" is there twice (first in line 2)'],
    ['a: &b {c: 1}\nd:\n  <<: *b\n', '3:3', 'merge keys'],
    ['a: 1\n---\nb: 2\n', '2:1', 'one document'],
    ['a: .inf\n', '1:4', 'JSON cannot hold'],
    ['a:\n  - .NaN\n', '2:5', 'JSON cannot hold'],
    ['a: 1e999\n', '1:4', 'JSON cannot hold'],
    ['id: 12345678901234567890\n', '1:5', 'write it in quotes'],
    ['id: 9007199254740993\n', '1:5', 'cannot be held exactly'],
    ['a: !!binary aGVsbG8=\n', '1:4', 'tag'],
    ['a: !!timestamp 2001-01-01\n', '1:4', 'tag'],
    ['a: !env HOME\n', '1:4', 'tag'],
    ['? [a, b]\n: 1\n', '1:3', 'a key must be a text'],
    ['~: 1\n', '1:1', 'write it in quotes'],
    ['1.0: a\n', '1:1', 'write it in quotes'],
    ['a: *nobody\n', '1:4', 'nobody'],
    ['a: &a [1, *a]\n', '1:11', 'part of what it stands for'],
    ['%YAML 1.1\n---\na: yes\n', '1:1', 'YAML 1.1'],
    ['a: "unclosed\n', '2:1', ''],
    ['a: b: c\n', '1:4', ''],
    ['a:\n\t- 1\n', '2:1', ''],
  ])('refuses %j at %s', async (text, place, message) => {
    const said = await fault('data/x.yaml', text)
    expect(said).toContain(`data/x.yaml:${place}: `)
    expect(said).toContain(message)
  })

  it('takes a quoted << as a key', async () => {
    expect(await yamlValue('"<<": 1')).toEqual({ '<<': 1 })
  })

  it('refuses aliases that multiply the content too much', async () => {
    const lines = ['a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]']
    for (let level = 1; level < 10; level++)
      lines.push(
        `a${level}: &a${level} [${Array(9)
          .fill(`*a${level - 1}`)
          .join(', ')}]`,
      )
    expect(await fault('a.yaml', lines.join('\n'))).toContain('multiply')
  })

  it('refuses nesting beyond 500 levels, of any kind, and takes less', async () => {
    const deep = 100_000
    expect(await fault('a.yaml', '['.repeat(deep))).toContain('more than 500 deep')
    expect(await fault('a.yaml', '- '.repeat(2000))).toContain('more than 500 deep')
    expect(
      await fault('a.yaml', Array.from({ length: 600 }, (_, level) => `${' '.repeat(level)}a:`).join('\n')),
    ).toContain('more than 500 deep')
    expect(await fault('a.json', '{"a":'.repeat(deep))).toContain('more than 500 deep')
    const text = '['.repeat(400) + ']'.repeat(400)
    expect(JSON.stringify(await jsonValue(text))).toBe(text)
    expect(JSON.stringify(await yamlValue(text))).toBe(text)
  })

  it('locates values, and what is missing at the nearest around it', async () => {
    const text =
      'zone: example.com\nrecords:\n  - name: a\n    type: TXT\n  - &r {name: b, type: A}\nmore: *r\nempty:\n'
    const { locate } = await parseDocument('a.yaml', text)
    expect(locate(['records', 0, 'type'])).toEqual({ line: 4, column: 11 })
    expect(locate(['records', '1', 'type'])).toEqual({ line: 5, column: 24 })
    expect(locate(['records', 0, 'ttl'])).toEqual({ line: 3, column: 5 })
    expect(locate(['records', 7])).toEqual({ line: 3, column: 3 })
    expect(locate(['more', 'name'])).toEqual({ line: 5, column: 15 })
    expect(locate(['nowhere', 'x'])).toEqual({ line: 1, column: 1 })
    expect(locate([])).toEqual({ line: 1, column: 1 })
    expect((await parseDocument('a.yaml', '')).locate(['a'])).toEqual({ line: 1, column: 1 })
  })
})

describe('parseDocument, JSON', () => {
  it.each([
    ['{"a": 1,\n "a": 2}', '2:2', 'the key "a" is there twice (first in line 1)'],
    ['{"a": 1,}', '1:9', 'no comma before }'],
    ['[1, ]', '1:5', 'no comma before ]'],
    ['[1 2]', '1:4', 'a comma or ] is missing'],
    ['{"a" 1}', '1:6', 'a colon'],
    ['{a: 1}', '1:2', 'a key in double quotes'],
    ['', '1:1', 'the text ends'],
    ['[', '1:2', 'the text ends'],
    ['{"a": nul}', '1:7', 'a value is missing'],
    ['// no\n1', '1:1', 'a value is missing'],
    ['[01]', '1:3', 'a comma or ]'],
    ['[1.]', '1:3', 'a comma or ]'],
    ['[+1]', '1:2', 'a value is missing'],
    ['[1e999]', '1:2', 'JSON cannot hold'],
    ['[NaN]', '1:2', 'a value is missing'],
    ['[12345678901234567890]', '1:2', 'write it in quotes'],
    ['["a\nb"]', '1:4', 'escape'],
    ['["\\x"]', '1:3', 'escape'],
    ['["\\\\\\u12"]', '1:5', 'escape'],
    ['["open', '1:2', 'no closing quote'],
    ['1 2', '1:3', 'more text'],
  ])('refuses %j at %s', async (text, place, message) => {
    const said = await fault('data/x.json', text)
    expect(said).toContain(`data/x.json:${place}: `)
    expect(said).toContain(message)
  })

  it('reads escapes, a byte order mark and -0', async () => {
    expect(await jsonValue('\uFEFF["\\u00e9\\ud83d\\ude00\\/\\\\n", -0, 1E2]')).toEqual(['é😀/\\n', 0, 100])
  })

  it('accepts exactly what JSON.parse accepts, duplicate keys and inexact numbers aside', async () => {
    const characters = fc.constantFrom(...Array.from('{}[]:,"\\ \n-+.eE01truefalsn'))
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: characters, maxLength: 12 }), async (text) => {
        fc.pre(!/e\+?\d{3}/i.test(text) && !(text.includes('{') && text.split('"').length > 4))
        let expected: unknown
        try {
          expected = JSON.parse(text)
        } catch {
          await fault('a.json', text)
          return
        }
        expect(JSON.stringify(await jsonValue(text))).toBe(JSON.stringify(expected))
      }),
      { numRuns: 2000 },
    )
  })

  it('locates values', async () => {
    const { locate } = await parseDocument('a.json', '{\n  "a": [1,\n    {"b": null}]\n}')
    expect(locate(['a', 1, 'b'])).toEqual({ line: 3, column: 11 })
    expect(locate(['a', '1'])).toEqual({ line: 3, column: 5 })
    expect(locate(['a', 5])).toEqual({ line: 2, column: 8 })
  })
})

describe('parseDocument, other files', () => {
  it('goes by the ending, in any case', async () => {
    expect((await parseDocument('A.YML', 'a: 1')).value).toEqual({ a: 1 })
    expect(await fault('a.toml', 'a = 1')).toContain('only .yaml, .yml and .json')
  })
})
