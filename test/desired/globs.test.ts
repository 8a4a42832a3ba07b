import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileGlobs, escapeGlob, literalPaths } from '../../src/desired/globs.js'

const FILES = [
  'a.yaml',
  '.hidden.yaml',
  'data/a.yaml',
  'data/b.json',
  'data/deep/er/c.yaml',
  'data/.dot/d.yaml',
  'data2/a.yaml',
  'other/x (1).txt',
]

function matching(...globs: readonly string[]): string[] {
  const matcher = compileGlobs(globs)
  return FILES.filter((path) => matcher.matches(path))
}

describe('compileGlobs', () => {
  it.each([
    { globs: ['data/*.yaml'], files: ['data/a.yaml'] },
    { globs: ['data/**/*.yaml'], files: ['data/a.yaml', 'data/deep/er/c.yaml', 'data/.dot/d.yaml'] },
    { globs: ['*.yaml'], files: ['a.yaml', '.hidden.yaml'] },
    { globs: ['./data/b.json'], files: ['data/b.json'] },
    { globs: ['data/{a.yaml,b.json}'], files: ['data/a.yaml', 'data/b.json'] },
    { globs: ['data/{deep/er,.dot}/*'], files: ['data/deep/er/c.yaml', 'data/.dot/d.yaml'] },
    { globs: ['other/x (1).txt'], files: ['other/x (1).txt'] },
    { globs: ['data/**', '!data/deep/**'], files: ['data/a.yaml', 'data/b.json', 'data/.dot/d.yaml'] },
    { globs: ['data'], files: [] },
    { globs: [], files: [] },
  ])('$globs', ({ globs, files }) => {
    expect(matching(...globs)).toEqual(files)
  })

  it.each(['/etc/passwd', '../up.yaml', 'data/../../up', ''])(
    'refuses %j, which leaves the repository or names nothing',
    (glob) => {
      expect(() => compileGlobs([glob])).toThrow(expect.objectContaining({ code: 'usage' }))
    },
  )

  it('refuses exclusions alone, which would read nothing without a word', () => {
    expect(() => compileGlobs(['!data/**'])).toThrow('only exclude')
  })

  it('names the folders that hold all matches, none inside another', () => {
    expect(compileGlobs(['data/**', 'data/deep/*.yaml', 'data/a.yaml', 'lib/x.json']).roots).toEqual([
      { kind: 'file', path: 'lib/x.json' },
      { kind: 'folder', path: 'data' },
    ])
    expect(compileGlobs(['**/*.yaml', 'data/*']).roots).toEqual([{ kind: 'folder', path: '' }])
  })

  it('opens no folder that cannot hold a match', () => {
    const matcher = compileGlobs(['services/*/app.yaml', 'data/dns/x.yaml'])
    const folders = ['', 'services', 'services/a', 'services/a/b', 'data', 'data/dns', 'data/other', 'lib']
    expect(folders.filter((folder) => matcher.mayContain(folder))).toEqual([
      '',
      'services',
      'services/a',
      'data',
      'data/dns',
    ])
  })

  it('says of every folder above a match that it may contain one', () => {
    const part = fc.constantFrom('a', 'b', 'ab', '.c')
    const globPart = fc.constantFrom('a', '*', '**', 'a*', '{a,b}', '.c', '[ab]', '@(a|b)', '{a/b,b}', '!(a)')
    fc.assert(
      fc.property(
        fc.array(globPart, { minLength: 1, maxLength: 4 }),
        fc.array(part, { minLength: 1, maxLength: 5 }),
        (glob, path) => {
          const matcher = compileGlobs([glob.join('/')])
          if (!matcher.matches(path.join('/'))) return
          for (let depth = 0; depth < path.length; depth += 1)
            expect(matcher.mayContain(path.slice(0, depth).join('/'))).toBe(true)
          expect(matcher.roots.some((root) => root.path === '' || path.join('/').startsWith(root.path))).toBe(true)
        },
      ),
      { numRuns: 2000 },
    )
  })
})

describe('escapeGlob and literalPaths', () => {
  it('mean exactly one path, whatever is in it', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-c*?[\]{}()!+@|^$\\ \n"':;#~-]+$/), (path) => {
        const escaped = compileGlobs([escapeGlob(path)])
        expect(escaped.matches(path)).toBe(true)
        expect(escaped.matches(`${path}a`)).toBe(false)
        expect(escaped.roots).toEqual([{ kind: 'file', path }])
        expect(literalPaths([path]).matches(path)).toBe(true)
      }),
    )
  })
})
