// The JSON bundle: its bytes, and reading it back. What Python's json module writes stands here as text.
import { describe, expect, it } from 'vitest'
import { readBundleJson, writeBundleJson } from '../../../src/desired/data/bundle-json.js'
import { exactJson, floatText, parseExactJson, sortedAndFrozen } from '../../../src/desired/data/exact-json.js'

const BUNDLE =
  '{"data":{"/a.yml":{"$file_sha256sum":"00","$schema":"/a-1.yml","big":12345678901234567890,"f":1.0,"g":1e+16,"n":null,"\\ue000":1,"\\ud83d\\ude00":"\\u00e9\\u007f\\n"},"/b.json":{"$schema":"/a-1.yml","list":[1,2.5,1e-05,true]}},' +
  '"git_commit":"abc","git_commit_timestamp":"1700000000","graphql":{"$schema":"/g.yml","confs":[]},' +
  '"resources":{"/r.txt":{"$schema":null,"backrefs":[{"datafileSchema":"/a-1.yml","jsonpath":"x.[0].y","path":"/a.yml"}],"content":"hi","path":"/r.txt","sha256sum":"11"}},' +
  '"schemas":{"/a-1.yml":{"type":"object"}}}\n'

describe('writeBundleJson and readBundleJson', () => {
  it('give back the same bytes: floats, long whole numbers, code point order and escapes included', () => {
    const bundle = readBundleJson(BUNDLE)
    expect(Buffer.from(writeBundleJson(bundle)).toString('utf8')).toBe(BUNDLE)
    expect(bundle.data.get('/a.yml')).toMatchObject({ f: 1, g: 1e16, n: null, '😀': 'é\u007f\n' })
    expect(bundle.resources.get('/r.txt')?.backrefs).toEqual([
      { path: '/a.yml', datafileSchema: '/a-1.yml', jsonpath: 'x.[0].y' },
    ])
  })

  it('freeze everything and order every map by code point', () => {
    const bundle = readBundleJson(BUNDLE.replace('"/b.json":', '"/A.json":'))
    expect([...bundle.data.keys()]).toEqual(['/A.json', '/a.yml'])
    expect(Object.isFrozen(bundle.data.get('/A.json')?.['list'])).toBe(true)
  })

  it('write a bundle without anything', () => {
    const empty = '{"data":{},"git_commit":"","git_commit_timestamp":"","graphql":null,"resources":{},"schemas":{}}\n'
    expect(Buffer.from(writeBundleJson(readBundleJson(empty))).toString('utf8')).toBe(empty)
  })

  it.each([
    ['no JSON', '{', /not a data bundle: it is not JSON/],
    ['a list', '[]', /the document is not an object/],
    ['no data', BUNDLE.replace('"data"', '"date"'), /"data" is not an object/],
    [
      'a data file that is a list',
      BUNDLE.replace(/\{"\$schema":"\/a-1.yml","list":\[.*?\]\}/, '[]'),
      /data "\/b.json" is not/,
    ],
    ['a resource without content', BUNDLE.replace('"content":"hi",', ''), /resources "\/r.txt" is not a resource/],
    ['a backref without a path', BUNDLE.replace(',"path":"/a.yml"}', '}'), /a backref of resources "\/r.txt"/],
    ['a commit that is a number', BUNDLE.replace('"abc"', '1'), /"git_commit" is not a text/],
  ])('refuse %s', (_, text, message) => {
    expect(() => readBundleJson(text)).toThrow(message)
  })
})

describe('exact JSON', () => {
  it.each([
    [1, '1.0'],
    [-0, '-0.0'],
    [0.1, '0.1'],
    [1e15, '1000000000000000.0'],
    [1e16, '1e+16'],
    [1.5e16, '1.5e+16'],
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [0.000123, '0.000123'],
    [1e-7, '1e-07'],
    [1.25e-300, '1.25e-300'],
    [123456.75, '123456.75'],
    [1e22, '1e+22'],
  ])('writes the float %d as Python does', (value, text) => {
    expect(floatText(value)).toBe(text)
  })

  it('the last of equal keys counts, and __proto__ is a key like any other', () => {
    const value = parseExactJson('{"a":1.0,"a":2,"__proto__":3.0}')
    expect(exactJson(value)).toBe('{"__proto__":3.0,"a":2}')
    expect(exactJson(sortedAndFrozen(value))).toBe('{"__proto__":3.0,"a":2}')
  })

  it('a text that looks like a mark stays a text', () => {
    const text = '{"a":"\\u0001number1.0","b":1.0,"c":"1e5"}'
    expect(exactJson(parseExactJson(text))).toBe(text)
  })

  it.each(['{"a":01}', '{"a":1.}', '{"a" 1.0}', '{"a":NaN}', '1.0 2.0'])('refuses %s', (text) => {
    expect(() => parseExactJson(text)).toThrow(SyntaxError)
  })
})
