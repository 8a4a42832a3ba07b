// Which globs a query needs: whatever could become part of an answer must be inside, whether it is there yet or not.
import { describe, expect, it } from 'vitest'
import { missingInputs } from '../../../src/desired/graphql/query-inputs.js'
import { memorySnapshot } from '../../support/memory-snapshot.js'

const folders = { dir: 'data', schemas: 'schemas', graphql: 'graphql-schemas/schema.yml', resources: 'resources' }
const files = { 'data/teams/web.yml': '', 'schemas/team-1.yml': '', 'graphql-schemas/schema.yml': '', 'README.md': '' }
const all = ['data/**', 'schemas/**', 'graphql-schemas/schema.yml']

function missing(
  inputs: readonly string[],
  more: { files?: Record<string, string>; links?: string[]; asksResources?: boolean } = {},
): Promise<readonly string[]> {
  const snapshot = memorySnapshot({ ...files, ...more.files }, { links: more.links ?? [] })
  return missingInputs(snapshot, inputs, { folders, asksResources: more.asksResources ?? false })
}

describe('missingInputs', () => {
  it.each<[string, readonly string[]]>([
    ['the folders', all],
    ['everything', ['**']],
    [
      'the endings that data can have',
      ['data/**/*.{yml,yaml,json}', 'schemas/**/*.{yml,yaml,json}', 'graphql-schemas/**'],
    ],
  ])('nothing is missing of %s', async (_, inputs) => {
    expect(await missing(inputs)).toEqual([])
  })

  it.each<[string, readonly string[], readonly string[]]>([
    ['nothing at all', [], ['data/**', 'schemas/**', 'graphql-schemas/schema.yml']],
    ['the files that are there now', ['data/teams/web.yml', ...all.slice(1)], ['data/**']],
    ['the folders that are there now', ['data/teams/**', ...all.slice(1)], ['data/**']],
    ['one level', ['data/*', 'data/*/*', ...all.slice(1)], ['data/**']],
    ['one ending', ['data/**/*.yml', ...all.slice(1)], ['data/**']],
    ['all but one folder', ['data/**', '!data/teams/**', ...all.slice(1)], ['data/**']],
    ['names that begin otherwise', ['data/**/[a-y]*', ...all.slice(1)], ['data/**']],
  ])('%s is not enough', async (_, inputs, globs) => {
    expect(await missing(inputs)).toEqual(globs)
  })

  it('resources: where there are any, or the query reads them', async () => {
    expect(await missing(all, { files: { 'resources/a.txt': '' } })).toEqual(['resources/**'])
    expect(await missing(all, { asksResources: true })).toEqual(['resources/**'])
    expect(await missing([...all, 'resources/**'], { asksResources: true })).toEqual([])
    expect(await missing([...all, 'resources/**/*.txt'], { asksResources: true })).toEqual(['resources/**'])
  })

  it('links: what they lead over and to', async () => {
    const linked = { 'data/link.yml': '../other/second', 'other/second': 'third.yml', 'other/third.yml': '' }
    const options = { files: linked, links: ['data/link.yml', 'other/second'] }
    expect(await missing(all, options)).toEqual(['other/second', 'other/third.yml'])
    expect(await missing([...all, 'other/**'], options)).toEqual([])
  })
})
