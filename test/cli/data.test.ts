// trueup data in real repositories, with the built bin: forms and exit codes, revisions, what is parsed again, workers, and a cache that is damaged.
import { createHash } from 'node:crypto'
import { readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readBundleJson, writeBundleJson } from '../../src/desired/data/bundle-json.js'
import { FAULT_REASONS } from '../../src/desired/data/faults.js'
import { WORTH_WORKERS } from '../../src/desired/data/inspectors.js'
import { QONTRACT_FILES } from '../support/data-project.js'
import { createRig, type Files, type Rig } from '../support/rig.js'

const CONFIG = 'version: 1\ndata: { dir: data, format: qontract }\n'
const WRONG = '$schema: /team-1.yml\nname: dev\nlead: {$ref: /users/an.yml}\n'

function project(files: Files = {}): Promise<Rig> {
  return createRig({ files: { 'trueup.yaml': CONFIG, ...QONTRACT_FILES, ...files } })
}

interface Answer {
  readonly data: number
  readonly parsed: number
  readonly checked: number
  readonly faults: readonly { readonly file: string; readonly reason: string; readonly line: number }[]
}

async function validate(rig: Rig, ...args: readonly string[]): Promise<Answer> {
  const result = await rig.run(['data', 'validate', '-o', 'json', ...args])
  expect([0, 1], result.stderr).toContain(result.code)
  return result.json() as Answer
}

async function keptFiles(rig: Rig): Promise<readonly string[]> {
  const folder = join(rig.home, '.cache', 'trueup')
  const names = await readdir(folder, { recursive: true })
  return names.filter((name) => /data-qontract-\d+-(facts|values)$/.test(name)).map((name) => join(folder, name))
}

describe('trueup data validate', () => {
  it('says that nothing is wrong, or everything that is, with its place; exit 1 then', async () => {
    await using rig = await project()
    expect(await rig.run(['data', 'validate'])).toMatchObject({
      code: 0,
      stdout: 'Nothing is wrong with the working tree: 3 data files, 2 resources, 7 schemas.\n',
      stderr: '',
    })
    await rig.write({ 'data/x.yml': WRONG, 'data/y.yml': 'a: [\n' })
    expect(await rig.run(['data', 'validate'])).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(
        /^data\/x.yml:3:14: there is no data file \/users\/an.yml. Did you mean \/users\/ann.yml\? \[REF FILE_NOT_FOUND\]\ndata\/y.yml:\d:\d: .* \[FILE PARSE_ERROR\]\n2 faults in 2 files of the working tree \(4 data files, 2 resources, 7 schemas\).\n$/,
      ) as string,
    })
    expect((await rig.run(['data', 'validate', '--revision', 'HEAD'])).code).toBe(0)
  })

  it('prints 50 faults and counts the rest; JSON has all', async () => {
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`data/x${String(n)}.yml`, 'a: 1\n']))
    await using rig = await project(many)
    const { stdout } = await rig.run(['data', 'validate'])
    expect(stdout.split('\n').filter((line) => line.includes('MISSING_SCHEMA_URL'))).toHaveLength(50)
    expect(stdout).toContain('… and 10 more: trueup data validate -o json has them all\n60 faults in 60 files')
    expect((await validate(rig)).faults).toHaveLength(60)
  })

  it('says where schemas were looked for when there are none', async () => {
    await using rig = await createRig({ files: { 'data/a.yml': 'a: 1\n' } })
    const { code, stdout } = await rig.run(['data', 'validate'])
    expect(code).toBe(1)
    expect(stdout).toContain('There are no schemas in schemas. Files that need none are checked by what reads them')
  })

  it('annotates in GitHub Actions, escaped, on stderr', async () => {
    await using rig = await project({ 'data/a,b: c.yml': '$schema: /user-1.yml\nname: "100%\\n1"\n' })
    const { code, stderr, stdout } = await rig.run(['data', 'validate', '-o', 'json'], {
      env: { GITHUB_ACTIONS: 'true' },
    })
    expect(code).toBe(1)
    expect(stderr).toBe(
      '::error file=data/a%2Cb%3A c.yml,line=2,col=7,title=VALIDATION_ERROR::name must match (?i)^[a-z]+$, not "100%25\\n1"\n',
    )
    expect(() => JSON.parse(stdout) as unknown).not.toThrow()
  })

  it('warns of a resource that could not be held against its schema: no fault', async () => {
    await using rig = await project({ 'resources/page.yml': '$schema: /user-1.yml\n{% if x %}\nname: 1\n' })
    const told =
      /resources\/page\.yml:2:\d+: this resource is no YAML, so it was not held against \/user-1\.yml \(a template\?\)/
    const plain = await rig.run(['data', 'validate'])
    expect(plain).toMatchObject({
      code: 0,
      stdout: 'Nothing is wrong with the working tree: 3 data files, 3 resources, 7 schemas.\n',
      stderr: expect.stringMatching(told) as string,
    })
    expect(plain.stderr).toMatch(/^trueup: warning: resources/)
    // What is remembered is told again.
    const again = await rig.run(['data', 'validate', '-o', 'json'], { env: { GITHUB_ACTIONS: 'true' } })
    expect(again.stderr).toMatch(/^::warning file=resources\/page\.yml,line=2,col=\d+,title=NOT_CHECKED::this resource/)
    expect(again.json()).toMatchObject({
      checked: 0,
      faults: [],
      warnings: [{ file: 'resources/page.yml', line: 2, reason: 'NOT_CHECKED', schema: '/user-1.yml' }],
    })
    expect((await rig.run(['data', 'bundle', '--out', 'bundle.json'])).code).toBe(0)
  })

  it('reads places by the trueup.yaml of the revision that is asked for', async () => {
    await using rig = await project()
    await rig.git('mv', 'data', 'moved')
    await rig.write({ 'trueup.yaml': CONFIG.replace('dir: data', 'dir: moved') })
    await rig.commit()
    expect((await validate(rig)).data).toBe(3)
    expect((await validate(rig, '--revision', 'HEAD~1')).data).toBe(3)
  })

  it('needs no configuration beyond the default places', async () => {
    await using rig = await createRig({
      files: {
        'schemas/a.json': {
          $schema: 'https://json-schema.org/draft/2020-12/schema',
          properties: { n: { $ref: '#/$defs/n' } },
          $defs: { n: { type: 'integer' } },
        },
        'data/a.yaml': '$schema: /a.json\nn: 0o17\n',
      },
    })
    expect((await rig.run(['data', 'validate'])).stdout).toBe(
      'Nothing is wrong with the working tree: 1 data file, 0 resources, 1 schema.\n',
    )
    await rig.write({ 'data/a.yaml': '$schema: /a.json\nn: yes\n' })
    expect((await rig.run(['data', 'validate'])).stdout).toContain('data/a.yaml:2:4: n must be integer, not "yes"')
  })

  it.each([
    [
      'a place outside of the repository',
      'version: 1\ndata: ../x\n',
      [],
      64,
      /trueup.yaml:2: data lies in the repository, and \.\.\/x does not/,
    ],
    [
      'a key that is none',
      'version: 1\ndata: { dirr: data }\n',
      [],
      64,
      /there is no key "dirr" in data. Did you mean "dir"/,
    ],
    ['a folder without data', 'version: 1\ndata: date\n', [], 1, /no data file .* below date/],
    ['a revision that is none', CONFIG, ['--revision', 'nope'], 1, /--revision nope: /],
  ])('refuses %s', async (_, config, args, code, message) => {
    await using rig = await project({ 'trueup.yaml': config })
    const result = await rig.run(['data', 'validate', ...args])
    expect(result).toMatchObject({ code, stderr: expect.stringMatching(message) as string })
  })
})

describe('a second revision', () => {
  it('parses only content that was not seen before, and checks again only what a changed schema concerns', async () => {
    await using rig = await project()
    expect(await validate(rig)).toMatchObject({ parsed: 3, checked: 5, faults: [] })
    expect(await validate(rig)).toMatchObject({ parsed: 0, checked: 0, faults: [] })
    await rig.write({ 'data/users/bob.yml': '$schema: /user-1.yml\nname: robert\n' })
    expect(await validate(rig)).toMatchObject({ parsed: 1, checked: 1, faults: [] })
    await rig.commit()
    expect(await validate(rig, '--revision', 'HEAD')).toMatchObject({ parsed: 0, checked: 0 })
    // A rename is no new content.
    await rig.git('mv', 'data/users/bob.yml', 'data/users/rob.yml')
    expect(await validate(rig)).toMatchObject({
      parsed: 0,
      checked: 0,
      faults: [{ reason: 'FILE_NOT_FOUND', line: 7 }],
    })
    await rig.git('mv', 'data/users/rob.yml', 'data/users/bob.yml')
    // Only teams look at it.
    const member = String(QONTRACT_FILES['schemas/member-1.yml']).replace('required: [name]', 'required: [name, since]')
    await rig.write({ 'schemas/member-1.yml': member })
    expect(await validate(rig)).toMatchObject({ parsed: 0, checked: 1, faults: [] })
    await rig.write({ 'schemas/member-1.yml': member.replace('[name, since]', '[name, until]') })
    expect(await validate(rig)).toMatchObject({
      parsed: 0,
      checked: 1,
      faults: [{ reason: 'VALIDATION_ERROR', line: 5 }],
    })
    // The verdict of before is not believed for the schema of before either way.
    await rig.write({ 'schemas/member-1.yml': member })
    expect(await validate(rig)).toMatchObject({ parsed: 0, faults: [] })
  })

  it('gives the same bundle from what was kept, from nothing, and from what is damaged', async () => {
    await using rig = await project()
    const bundle = async (): Promise<string> => {
      const result = await rig.run(['data', 'bundle', '--revision', 'HEAD'])
      expect(result.code, result.stderr).toBe(0)
      return result.stdout
    }
    const cold = await bundle()
    expect(await bundle()).toBe(cold)
    const files = await keptFiles(rig)
    expect(files).toHaveLength(2)
    const [facts = '', values = ''] = [...files].sort()
    const text = await readFile(values, 'utf8')
    await writeFile(values, text.replace('"ann', '"eve').replace('"Ann"', '"Eve"'))
    expect(await bundle()).toBe(cold)
    expect((await readFile(values, 'utf8')).split('\n').sort(), 'made anew').toEqual(text.split('\n').sort())
    await truncate(values, 100)
    expect(await bundle()).toBe(cold)
    await writeFile(facts, (await readFile(facts, 'utf8')).replaceAll('/users/ann.yml', '/users/bob.yml'))
    expect(await bundle()).toBe(cold)
    await writeFile(facts, 'nonsense\n\n a b c\n')
    expect(await bundle()).toBe(cold)
    expect(await validate(rig)).toMatchObject({ faults: [] })
  })
})

describe('trueup data bundle', () => {
  it('writes what reads back to the same bytes; its id is their SHA-256', async () => {
    // Keys that were numbers are sorted as numbers, which no reader of JSON can tell.
    await using rig = await project({ 'data/users/bob.yml': '$schema: /user-1.yml\nname: bob\nlabels: {é: 1.0}\n' })
    const { code, stdout } = await rig.run(['data', 'bundle', '--out', 'bundle.json', '-o', 'json'])
    expect(code).toBe(0)
    const bytes = await readFile(join(rig.repo, 'bundle.json'))
    expect(JSON.parse(stdout)).toMatchObject({
      file: 'bundle.json',
      id: createHash('sha256').update(bytes).digest('hex'),
      gitCommit: await rig.git('rev-parse', 'HEAD'),
      data: 3,
    })
    const bundle = readBundleJson(bytes.toString('utf8'))
    expect(Buffer.from(writeBundleJson(bundle)).equals(bytes)).toBe(true)
    expect(bundle.gitCommitTimestamp).toBe(String(Date.UTC(2026, 0, 1) / 1000))
    expect((await rig.run(['data', 'bundle'])).stdout).toBe(bytes.toString('utf8'))
  })

  it('of what is in no commit names none', async () => {
    await using rig = await project()
    await rig.write({ 'data/users/bob.yml': '$schema: /user-1.yml\nname: robert\n' })
    const { stdout } = await rig.run(['data', 'bundle'])
    expect(JSON.parse(stdout)).toMatchObject({ git_commit: '', git_commit_timestamp: '' })
  })

  it('writes nothing where something is wrong, or where it cannot', async () => {
    await using rig = await project({ 'data/x.yml': WRONG })
    expect(await rig.run(['data', 'bundle', '--out', 'bundle.json'])).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('FILE_NOT_FOUND]\n1 fault in 1 file') as string,
    })
    expect((await rig.run(['data', 'bundle', '--out', 'no/bundle.json', '--revision', 'HEAD'])).code).toBe(1)
    await rig.write({ 'data/x.yml': null })
    expect(await rig.run(['data', 'bundle', '--out', 'no/bundle.json'])).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('cannot write') as string,
    })
    expect((await readdir(rig.repo)).filter((name) => name.includes('bundle'))).toEqual([])
  })
})

/** Letters only, each number another. */
const nameOf = (n: number): string => `u${String(n).replace(/\d/g, (digit) => 'abcdefghij'.charAt(Number(digit)))}`

describe('workers', () => {
  it('find what one process finds, and keep the same', async () => {
    const users = Array.from({ length: WORTH_WORKERS + 50 }, (_, n): [string, string] => [
      `data/users/many/${String(n)}.yml`,
      `$schema: /user-1.yml\nname: ${n === 17 ? '"1"' : nameOf(n)}\nlabels: {n: ${String(n)}.0}\n`,
    ])
    await using rig = await project(Object.fromEntries(users))
    const answer = await validate(rig)
    expect(answer).toMatchObject({ data: users.length + 3, parsed: users.length + 3 })
    expect(answer.faults.map(({ file, reason }) => [file, reason])).toEqual([
      ['data/users/many/17.yml', 'VALIDATION_ERROR'],
    ])
    expect(await validate(rig)).toEqual({ ...answer, parsed: 0, checked: 0 })
    await rig.write({ 'data/users/many/17.yml': null })
    const bundle = (await rig.run(['data', 'bundle'])).stdout
    expect(bundle).toContain('"labels":{"n":401.0}')
  })
})

/** The files that a page shows (with their paths in the first line, or before the block), and its commands. */
async function pageOf(name: string): Promise<{ readonly files: Files; readonly commands: readonly string[] }> {
  const page = await readFile(new URL(`../../docs/${name}.md`, import.meta.url), 'utf8')
  const files: Record<string, string> = {}
  const commands: string[] = []
  for (const [, before, language = '', text = ''] of page.matchAll(/(?:`(\S+)`:\n\n)?^```(\w+)\n([^]*?)^```$/gm)) {
    const path = before ?? /^(?:#|\/\/) (\S+\.\w+)\n/.exec(text)?.[1]
    if (language === 'sh') commands.push(...text.trim().split('\n'))
    else if (path !== undefined) files[path] = text
    else if (text.startsWith('version: 1\ndata:')) files['trueup.yaml'] = text
  }
  delete files['integrations/leads/index.test.mjs']
  return { files, commands }
}

describe('docs/data.md', () => {
  it('its files and its commands work as they stand there', async () => {
    const page = await pageOf('data')
    expect(Object.keys(page.files)).toEqual([
      'trueup.yaml',
      'schemas/user-1.yml',
      'data/users/ann.yml',
      'schemas/common-1.json',
      'schemas/team-1.yml',
      'data/teams/web.yml',
    ])
    await using rig = await createRig({ files: page.files })
    await rig.git('update-ref', 'refs/remotes/origin/main', 'HEAD')
    const { commands } = page
    expect(commands.length).toBeGreaterThan(2)
    for (const command of commands) {
      const words = command.replace(/ +#.*$/, '').split(' ')
      expect(words.shift()).toBe('trueup')
      expect(await rig.run(words), command).toMatchObject({ code: 0, stderr: '' })
    }
  })

  it('with the types of docs/graphql.md, its questions are answered and its document gets types', async () => {
    const page = await pageOf('graphql')
    expect(Object.keys(page.files)).toEqual([
      'integrations/leads/index.ts',
      'graphql-schemas/schema.yml',
      'integrations/leads/leads.graphql',
      'integrations/leads/person.graphql',
    ])
    await using rig = await createRig({ files: { ...(await pageOf('data')).files, ...page.files } })
    const answer = async (query: string): Promise<unknown> => (await rig.run(['data', 'query', query])).json()
    expect(await answer('{ teams { name lead { name leads { name } } } }')).toEqual({
      teams: [{ name: 'web', lead: { name: 'ann', leads: [{ name: 'web' }] } }],
    })
    expect((await rig.run(['data', 'types'])).code).toBe(0)
    expect(await rig.read('integrations/leads/leads.graphql.ts')).toContain('export function queryLeads')
    expect((await rig.run(['data', 'types', '--check'])).code).toBe(0)
    const planned = await rig.run(['plan', 'leads', '-o', 'json'])
    expect(planned.json()).toMatchObject({ runs: [{ plan: { changes: [{ key: 'web', action: 'create' }] } }] })
  })

  it('names every kind of fault', async () => {
    const page = await readFile(new URL('../../docs/data.md', import.meta.url), 'utf8')
    expect(Object.keys(FAULT_REASONS).filter((reason) => !page.includes(`\`${reason}\``))).toEqual([])
  })
})
