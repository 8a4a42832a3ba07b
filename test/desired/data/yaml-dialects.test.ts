// What YAML means: the PyYAML dialect against a table that PyYAML 6.0 and json.dumps made (null: they fail), the core dialect against the reader of
// single files. Places of keys and values.
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { exactJson, keptText, parseKept } from '../../../src/desired/data/exact-json.js'
import { readDocument } from '../../../src/desired/data/read-document.js'
import { CORE, PYYAML } from '../../../src/desired/data/yaml-dialects.js'
import { offsetInYaml, readYaml } from '../../../src/desired/data/yaml-reader.js'
import { DocumentFault } from '../../../src/desired/document-fault.js'
import { parseYaml } from '../../../src/desired/yaml-document.js'

const TABLE = JSON.parse(readFileSync(new URL('../../fixtures/pyyaml.json', import.meta.url), 'utf8')) as [
  string,
  string | null,
][]

describe('the PyYAML dialect', () => {
  it.each(TABLE)('%j', (text, expected) => {
    if (expected === null) expect(() => readYaml(text, PYYAML)).toThrow(DocumentFault)
    else {
      const value = readYaml(text, PYYAML) ?? null
      expect(exactJson(value)).toBe(expected)
      expect(exactJson(parseKept(keptText(value)))).toBe(expected)
    }
  })
})

describe('the core dialect', () => {
  const outcome = (read: () => unknown): string => {
    try {
      return JSON.stringify(read() ?? null)
    } catch (error) {
      if (error instanceof DocumentFault) return 'a fault'
      throw error
    }
  }
  const both = (text: string): readonly [string, string] => [
    outcome(() => readYaml(text, CORE)),
    outcome(() => parseYaml(text).value),
  ]

  it.each(TABLE.map(([text]) => text).filter((text) => !/!!|^%|! 5/.test(text)))(
    'reads %j as the reader of single files does',
    (text) => {
      const [one, other] = both(text)
      expect(one).toBe(other)
    },
  )

  it('and any data of scalars, lists and maps', () => {
    const word = fc.constantFrom(
      'a',
      'yes',
      '0o17',
      '0x1F',
      '1e3',
      '.5',
      '-0',
      '~',
      'null',
      'True',
      '1_0',
      '"q"',
      "'s'",
      '&x b',
      '[1, 2.50]',
      '{c: d}',
      '9007199254740993',
      '.inf',
      '|\n  t\n',
    )
    const line = fc.tuple(fc.constantFrom('k', 'l', 'm', '"n"', '7', 'true'), word)
    fc.assert(
      fc.property(fc.array(line, { maxLength: 5 }), (lines) => {
        const text = lines.map(([key, value]) => `${key}: ${value}\n`).join('')
        const [one, other] = both(text)
        expect(one).toBe(other)
      }),
    )
  })

  it.each([
    ['nesting', '['.repeat(600), /nested more than 500 deep/],
    [
      'aliases that multiply',
      `a: &a [${'x,'.repeat(300)}]\n${'bcdef'.replace(/./g, (k) => `${k}: &${k} [${`*${String.fromCharCode(k.charCodeAt(0) - 1)},`.repeat(30)}]\n`)}`,
      /multiply/,
    ],
    ['a %YAML line of another version', '%YAML 1.1\n---\na: 1\n', /YAML 1.1 is not read/],
    ['a tag', 'a: !!int 1\n', /the tag !!int is not read/],
  ])('refuses %s', (_, text, message) => {
    expect(() => readYaml(text, CORE)).toThrow(message)
  })
})

describe('places', () => {
  const text = 'a: &x\n  b: [1, {c: "d"}]\n"e f": *x\ng:\n'
  it.each([
    [[], 'value', 0],
    [['a', 'b'], 'key', 8],
    [['a', 'b', 1, 'c'], 'value', 19],
    [['e f'], 'key', 25],
    [['e f', 'b', 0], 'value', 12],
    [['g'], 'key', 35],
    [['a', 'nothing'], 'value', 8],
  ] as const)('of %j, the %s', (path, part, offset) => {
    expect(offsetInYaml(text, CORE, path, part)).toBe(offset)
  })
})

describe('JSON documents', () => {
  const read = (text: string, format: 'default' | 'qontract'): unknown =>
    readDocument({ content: Buffer.from(text), kind: 'json', format })
  it('of the default format are strict, of the other as Python has them', () => {
    expect(read('{"a": 1, "a": 2}', 'default')).toMatchObject({ kind: 'unreadable', line: 1, column: 10 })
    expect(read('{"a": 1, "a": 2}', 'qontract')).toEqual({ kind: 'value', value: { a: 2 } })
    expect(read('{"a": NaN}', 'qontract')).toMatchObject({ kind: 'unreadable', line: 1, column: 7 })
    expect(read('null', 'qontract')).toEqual({ kind: 'empty' })
  })
})
