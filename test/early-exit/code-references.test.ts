import { describe, expect, it } from 'vitest'
import { findReferences } from '../../src/early-exit/module-graph.js'

async function specifiers(text: string, path = 'a.ts'): Promise<string[] | string> {
  const scan = await findReferences(path, text)
  return scan.kind === 'known'
    ? scan.references.map(({ kind, specifier }) => `${kind} ${specifier}`).sort()
    : `${scan.line}: ${scan.reason}`
}

describe('findReferences', () => {
  it.each([
    ["import a from './a'", ['import ./a']],
    ["import './a'", ['import ./a']],
    ["import {} from './a'", ['import ./a']],
    ["import type from './a'", ['import ./a']],
    ["export { a } from './a'", ['import ./a']],
    ["export {} from './a'", ['import ./a']],
    ["export * as a from './a'", ['import ./a']],
    ["const a = await import('./a')", ['import ./a']],
    ['const a = import(`./a`)', ['import ./a']],
    ["const a = import/* here */('./a')", ['import ./a']],
    ["const a = require('./a')", ['require ./a']],
    ["const a = require('./a' as string)", ['require ./a']],
    ["import a = require('./a')", ['require ./a']],
    ["const a = require.resolve('./a')", ['require ./a']],
    ["import data from './a.json' with { type: 'json' }", ['import ./a.json']],
    ["const a = new URL('./a.txt', import.meta.url)", ['url ./a.txt']],
    ["const a = import.meta.resolve('./a')", ['import ./a']],
    [
      "import { createRequire } from 'node:module'\nconst load = createRequire(import.meta.url)\nload('./a')",
      ['import node:module', 'require ./a'],
    ],
    [
      "import { createRequire as make } from 'node:module'\nconst a = make(import.meta.url)('./a')",
      ['import node:module', 'require ./a'],
    ],
  ])('finds what %s refers to', async (text, expected) => {
    expect(await specifiers(text)).toEqual(expected)
  })

  it.each([
    ['// import(name)\nexport const a = 1 // require(x)'],
    ['/* import(name)\n require(x) */ export const a = "import(name) require(x)"'],
    ['export const a = `import(${1}) from "./b"`'],
    ['export const a = /import(x)|require(y)/'],
    ['export const a = { require: 1, import: 2 }; a.require; a.import'],
    ['if (typeof require !== "undefined") { require.cache }'],
    [
      "import type { A } from './a'\nimport type B from './b'\nexport type { C } from './c'\nexport type * from './d'\ntype E = import('./e').E",
    ],
  ])('is not confused by %s', async (text) => {
    expect(await specifiers(text)).toEqual([])
  })

  it('keeps an import whose names are all marked as types, since stripping types leaves it', async () => {
    expect(await specifiers("import { type A } from './a'")).toEqual(['import ./a'])
  })

  it.each([
    ['const a = 1\n\nimport(name)', '3: import() with a computed name'],
    ['import("./" + name)', '1: import() with a computed name'],
    ['import(`./${name}`)', '1: import() with a computed name'],
    ['\nrequire(name)', '2: require() with a computed name'],
    ['const load = require; load("./a")', '1: require used as a value'],
    ['plugins.map(require)', '1: require used as a value'],
    ['new URL(name, import.meta.url)', '1: new URL() with a computed name'],
    [
      "import { createRequire } from 'module'\nconst load = createRequire(elsewhere)",
      '2: createRequire for another file',
    ],
  ])('says where %s cannot be followed', async (text, expected) => {
    expect(await specifiers(text)).toBe(expected)
  })

  it('says where a file cannot be parsed', async () => {
    expect(await specifiers("import './a'\nconst b = = 2")).toMatch(/^2: cannot be parsed: /)
  })

  it('reads JSX, CommonJS with a return, and scripts with a top-level await', async () => {
    expect(await specifiers("import './a'\nexport const b = <p>{require('./c')}</p>", 'a.tsx')).toEqual([
      'import ./a',
      'require ./c',
    ])
    expect(await specifiers("if (x) return\nrequire('./c')", 'a.cjs')).toEqual(['require ./c'])
    expect(await specifiers("await import('./c')", 'a.js')).toEqual(['import ./c'])
  })
})
