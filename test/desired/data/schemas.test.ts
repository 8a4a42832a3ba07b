// Schemas of each draft, patterns as Python has them, the digests that verdicts depend on, and the files that are kept.
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Json } from '../../../src/event.js'
import { BlobPack } from '../../../src/desired/data/blob-pack.js'
import { pythonPattern } from '../../../src/desired/data/python-pattern.js'
import { SchemaDigests } from '../../../src/desired/data/schema-digests.js'
import { SchemaSet, type DataFormat } from '../../../src/desired/data/schema-set.js'

const D6 = 'http://json-schema.org/draft-06/schema#'
const D7 = 'http://json-schema.org/draft-07/schema#'
const D2020 = 'https://json-schema.org/draft/2020-12/schema'

function messages(
  format: DataFormat,
  schema: Json,
  value: Json,
  more: readonly [string, Json][] = [],
): readonly string[] {
  const verdict = new SchemaSet(format, new Map([['/s.yml', schema], ...more])).validate('/s.yml', value)
  return 'broken' in verdict ? [verdict.broken] : verdict.map(({ message }) => message)
}

describe('drafts', () => {
  it.each<[string, DataFormat, Json, Json, number]>([
    [
      'draft 6: nothing beside $ref counts',
      'qontract',
      {
        $schema: D6,
        properties: { a: { $ref: '#/definitions/t', minLength: 5 } },
        definitions: { t: { type: 'string' } },
      },
      { a: 'x' },
      0,
    ],
    [
      'draft 6: if is not known',
      'qontract',
      { $schema: D6, if: { required: ['a'] }, then: { required: ['b'] } },
      { a: 1 },
      0,
    ],
    [
      'draft 6: nullable is not known',
      'qontract',
      { $schema: D6, properties: { a: { type: 'string', nullable: true } } },
      { a: null },
      1,
    ],
    [
      'draft 6: formats are not checked',
      'qontract',
      { $schema: D6, properties: { a: { format: 'date' } } },
      { a: 'x' },
      0,
    ],
    ['draft 6: 3.0 is an integer', 'qontract', { $schema: D6, properties: { a: { type: 'integer' } } }, { a: 3.0 }, 0],
    ['draft 7: if counts', 'default', { $schema: D7, if: { required: ['a'] }, then: { required: ['b'] } }, { a: 1 }, 1],
    [
      'draft 7: nothing beside $ref counts',
      'default',
      {
        $schema: D7,
        properties: { a: { $ref: '#/definitions/t', minLength: 5 } },
        definitions: { t: { type: 'string' } },
      },
      { a: 'x' },
      0,
    ],
    [
      'draft 2020-12: what is beside $ref counts',
      'default',
      { $schema: D2020, properties: { a: { $ref: '#/$defs/t', minLength: 5 } }, $defs: { t: { type: 'string' } } },
      { a: 'x' },
      1,
    ],
    [
      'draft 2020-12: unevaluatedProperties',
      'default',
      { $schema: D2020, allOf: [{ properties: { a: true } }], unevaluatedProperties: false },
      { a: 1, b: 2 },
      1,
    ],
  ])('%s', (_, format, schema, value, faults) => {
    expect(messages(format, schema, value)).toHaveLength(faults)
  })

  it('schemas of different drafts refer to each other', () => {
    const schema = { $schema: D2020, properties: { a: { $ref: '/t.json' } } }
    expect(messages('default', schema, { a: 1 }, [['/t.json', { $schema: D7, type: 'string' }]])).toEqual([
      'a must be string, not 1',
    ])
  })

  it('of several forms the nearest is told, and a fault beside them too', () => {
    const schema = {
      $schema: D6,
      required: ['n'],
      oneOf: [
        { properties: { kind: { enum: ['a'] }, size: { type: 'integer' } } },
        { properties: { kind: { enum: ['b'] }, size: { type: 'string' } } },
      ],
    }
    expect(messages('qontract', schema, { kind: 'a', size: 'x' })).toEqual([
      'the file fits none of the forms it may have; the nearest: size must be integer, not "x"',
      'the key "n" is missing',
    ])
  })

  it('a text with a meaning in JavaScript is a key like any other', () => {
    const schema = { $schema: D6, additionalProperties: false, properties: { a: {} } }
    expect(messages('qontract', schema, JSON.parse('{"__proto__": 1, "constructor": 2}') as Json)).toHaveLength(2)
  })
})

describe('patterns of Python', () => {
  it.each<[string, string, boolean]>([
    ['(?i)^abc$', 'xABC', false],
    ['(?i)^abc$', 'ABC', true],
    ['^a$', 'a\n', true],
    ['^a\\Z', 'a\n', false],
    ['b', 'abc', true],
    ['^[\\w-]+\\@[\\w.]+$', 'é-1@x.y', true],
    ['^\\d$', '٣', true],
    ['^[^\\d]$', '٣', false],
    ['^(?P<x>a)(?P=x)$', 'aa', true],
    ['^a{,2}$', 'aa', true],
    ['^{{ x }}$', '{{ x }}', true],
    ['^[]a]+$', ']a', true],
    ['^[a[]+$', '[', true],
    ['^\\_\\-\\/\\:$', '_-/:', true],
    ['^.$', '😀', true],
    ['^a(?#no)b$', 'ab', true],
    ['\\Ab', 'ab', false],
  ])('%s on %j', (pattern, text, expected) => {
    expect(pythonPattern(pattern).test(text)).toBe(expected)
  })

  it.each(['(', '(?x)a b', 'a++', '[z-a]'])('%s is none', (pattern) => {
    expect(() => pythonPattern(pattern)).toThrow(SyntaxError)
  })
})

describe('digests of schemas', () => {
  const schemas = (b: Json, c: Json = {}): Map<string, Json> =>
    new Map<string, Json>([
      ['/x/a.yml', { items: { $ref: 'b.json#/definitions/q' } }],
      ['/x/b.json', b],
      ['/c.yml', c],
    ])
  const of = (map: Map<string, Json>, schema: string | null, graphql: Json = null): string =>
    new SchemaDigests(map, graphql).of(schema)

  it('follow what a schema leads to, relative paths too, and nothing else', () => {
    expect(of(schemas({}), '/x/a.yml')).not.toBe(of(schemas({ $ref: '/c.yml' }), '/x/a.yml'))
    expect(of(schemas({ $ref: '/c.yml' }), '/x/a.yml')).not.toBe(
      of(schemas({ $ref: '/c.yml' }, { type: 'object' }), '/x/a.yml'),
    )
    expect(of(schemas({}), '/x/a.yml')).toBe(of(schemas({}, { type: 'object' }), '/x/a.yml'))
    expect(of(schemas({}), 'c.yml')).not.toBe(of(schemas({}, { type: 'object' }), 'c.yml'))
  })

  it('follow the GraphQL document, a schema that comes to be, and all schemas where one has an $id', () => {
    expect(of(schemas({}), null, [])).not.toBe(of(schemas({}), null, [{ name: 'A' }]))
    expect(of(schemas({}), '/new.yml')).not.toBe(of(schemas({}).set('/new.yml', {}), '/new.yml'))
    const named = (c: Json): Map<string, Json> => schemas({ $id: 'urn:b' }, c)
    expect(of(named({}), '/x/a.yml')).not.toBe(of(named({ type: 'object' }), '/x/a.yml'))
  })
})

describe('kept lines', () => {
  it('come back in another process, the latest of an id, unless they are torn or changed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'trueup-pack-'))
    try {
      const file = join(folder, 'deep', 'pack')
      const first = new BlobPack(file)
      first.put('a', 'one')
      first.put('b', 'é "two"')
      await first.save()
      const second = new BlobPack(file)
      expect([second.get('a'), second.get('b'), second.get('c')]).toEqual(['one', 'é "two"', undefined])
      second.put('parts', 'é\t\tb')
      expect([0, 1, 2].map((part) => second.get('parts', part))).toEqual(['é', '', 'b'])
      second.put('a', 'three')
      await second.save()
      appendFileSync(file, '0000 c torn')
      const third = new BlobPack(file)
      expect([third.get('a'), third.get('c')]).toEqual(['three', undefined])
      expect([0, 1, 2].map((part) => third.get('parts', part))).toEqual(['é', '', 'b'])
      expect(third.get('parts')).toBe('é\t\tb')
      writeFileSync(file, readFileSync(file, 'utf8').replace('three', 'thrff'))
      const fourth = new BlobPack(file)
      expect([fourth.get('a'), fourth.get('b')]).toEqual([undefined, 'é "two"'])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('that nobody asks for any more are dropped once they are most of the file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'trueup-pack-'))
    try {
      const file = join(folder, 'pack')
      const first = new BlobPack(file)
      for (let n = 0; n < 20; n++) first.put(`id${String(n)}`, 'x')
      await first.save()
      const second = new BlobPack(file)
      expect([second.get('id3'), second.get('id4')]).toEqual(['x', 'x'])
      second.put('new', 'y')
      await second.save(second.worthKeeping())
      const third = new BlobPack(file)
      expect(['id3', 'id4', 'id5', 'new'].map((id) => third.get(id))).toEqual(['x', 'x', undefined, 'y'])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
