// Several targets in one command: chosen by name, --all and labels; in their order; one summary, one exit code; apart from each other.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createRig, type Rig } from '../support/rig.js'

/** Keeps texts in a folder of its own; plans side by side with ctx.map; says what it does into one common file. */
const integration = `import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineIntegration, diff, listing } from 'trueup'

const outside = join(import.meta.dirname, '..', '..', 'outside')
const params = {
  '~standard': {
    version: 1,
    vendor: 'test',
    jsonSchema: {
      input: () => ({ type: 'object', properties: { count: { type: 'integer' }, fails: { type: 'string' }, word: { type: 'string' } } }),
      output: () => ({ type: 'object' }),
    },
    validate: (value) => ({ value: { fails: 'never', word: 'text', ...value, count: Number(value.count ?? 2) } }),
  },
}

export default defineIntegration({
  name: 'note',
  version: '1.0.0',
  params,
  deletePolicy: 'owned',
  desiredState: ({ params }) =>
    Array.from({ length: params.count }, (_, at) => ({ key: 'k' + String(at), text: params.word })),
  async run(ctx, desired) {
    const folder = join(outside, ctx.target)
    mkdirSync(folder, { recursive: true })
    ctx.log.info('looking at ' + ctx.target)
    if (ctx.params.fails === 'planning') throw new Error('the outside of ' + ctx.target + ' is away')
    const read = await ctx.map(readdirSync(folder), async (key) => {
      await new Promise((resolve) => setImmediate(resolve))
      return { key, text: readFileSync(join(folder, key), 'utf8') }
    })
    const put = async ({ key, after }) => {
      if (ctx.params.fails === key) throw new Error(key + ' was refused')
      appendFileSync(join(outside, 'calls'), ctx.target + ' ' + key + '\\n')
      writeFileSync(join(folder, key), after.text)
    }
    const current = listing.whole(read)
    return ctx.plan(diff({ desired, current, key: (object) => object.key }), {
      create: put,
      update: put,
      delete: async ({ key }) => rmSync(join(folder, key)),
    })
  },
})
`

async function rigOf(targets: string): Promise<Rig> {
  return createRig({
    files: { 'trueup.yaml': `version: 1\ntargets:\n${targets}`, 'integrations/note.ts': integration },
  })
}
const three = `  users: { integration: note, labels: { team: web, tier: a } }
  groups: { integration: note, labels: { team: web }, after: [users] }
  grants: { integration: note, labels: { team: db }, after: [groups] }
`
interface Document {
  readonly exitCode: number
  readonly runs: readonly {
    readonly run: { readonly target: string }
    readonly exitCode: number
    readonly decision: { readonly action: string; readonly reason: string }
    readonly error: { readonly code: string; readonly message: string } | null
  }[]
}
const targetsOf = (document: unknown): readonly string[] => (document as Document).runs.map(({ run }) => run.target)
const calls = (rig: Rig): readonly string[] => {
  const file = join(rig.root, 'outside', 'calls')
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []
}

describe('several targets', () => {
  it('are chosen by name, by --all, and by labels less what is excluded', async () => {
    await using rig = await rigOf(three)
    const chosen = async (...args: string[]): Promise<readonly string[]> =>
      targetsOf((await rig.run(['plan', ...args, '-o', 'json'])).json())
    expect(await chosen('grants', 'users', 'users')).toEqual(['grants', 'users'])
    expect(await chosen('--all')).toEqual(['users', 'groups', 'grants'])
    expect(await chosen('-l', 'team=web', '-l', 'tier=a')).toEqual(['users'])
    expect(await chosen('--all', '-l', 'team=web', '--exclude', 'users')).toEqual(['groups'])
    const listed = (await rig.run(['list', '-l', 'team=web', '-o', 'json'])).json() as {
      targets: { target: string; labels: object }[]
    }
    expect(listed.targets.map(({ target, labels }) => [target, labels])).toEqual([
      ['users', { team: 'web', tier: 'a' }],
      ['groups', { team: 'web' }],
    ])
  })

  it.each([
    [['plan', '-l', 'team=none'], /no target has the label team=none/],
    [['plan', '--all', '--exclude', 'user'], /there is no such target in trueup.yaml. Did you mean "users"\?/],
    [['plan', 'users', '--all'], /contradict each other/],
    [['plan', 'users', '--exclude', 'groups'], /--exclude leaves out some/],
    [['apply', '--all', '--expect-plan', '0123456789ab'], /name one target/],
    [['plan', 'users', 'groups', '--param', 'word=x'], /--param users.word=/],
    [['plan', 'users', 'groups', '--param', 'grants.word=x'], /grants is none of the targets/],
    [['plan'], /plan needs a target/],
  ])('%j is a usage error', async (args, message) => {
    await using rig = await rigOf(three)
    const { code, stderr } = await rig.run(args)
    expect({ code, stderr }).toMatchObject({ code: 64, stderr: expect.stringMatching(message) as string })
  })

  it('are none without a target in trueup.yaml: a usage error', async () => {
    await using rig = await createRig({ files: { 'integrations/note.ts': integration } })
    expect(await rig.run(['apply', '--all'])).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('no targets to choose from') as string,
    })
  })

  it.each([
    [
      '  a: { integration: note, after: [b] }\n  b: { integration: note, after: [a] }\n',
      /trueup.yaml:3: targets come after each other in a circle: a → b → a/,
    ],
    [
      '  users: { integration: note }\n  b: { integration: note, after: [user] }\n',
      /trueup.yaml:4: b is to come after "user", but there is no such target. Did you mean "users"\?/,
    ],
  ])('whose order makes no sense are an error of the configuration with its line', async (targets, message) => {
    await using rig = await rigOf(targets)
    expect(await rig.run(['plan', '--all'])).toMatchObject({
      code: 64,
      stderr: expect.stringMatching(message) as string,
    })
  })

  it('are applied in their order, each with its own parameters, and told in one summary', async () => {
    await using rig = await rigOf(three)
    const { code, stdout, stderr } = await rig.run(['apply', '--all', '--param', 'groups.count=1'])
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(calls(rig)).toEqual(['users k0', 'users k1', 'groups k0', 'grants k0', 'grants k1'])
    expect(stdout).toMatch(/ {2}users {3}applied 2 changes: 2 create\n {2}groups {2}applied 1 change: 1 create\n/)
    expect(stdout).toMatch(/\n3 targets: 3 applied\.\n$/)
    // Log lines say whose they are, and each run has its decision line.
    expect(stderr).toMatch(/users.*looking at users/)
    expect(stderr.match(/^decision=/gm)).toHaveLength(3)
    expect((await rig.run(['plan', '--all', '--param', 'groups.count=1'])).stdout).toBe(
      '  users   no changes\n  groups  no changes\n  grants  no changes\n3 targets: 3 without changes.\n',
    )
  })

  it('that come after one that failed are not run; the worst exit code is that of the command', async () => {
    await using rig = await rigOf(`${three}  other: { integration: note }\n`)
    const { code, json, stderr } = await rig.run(['apply', '--all', '-o', 'json', '--param', 'users.fails=planning'])
    const { runs, exitCode } = json() as Document
    expect([code, exitCode]).toEqual([1, 1])
    expect(
      runs.map(({ run, exitCode: own, decision, error }) => [run.target, own, decision.action, error?.message]),
    ).toEqual([
      ['users', 1, 'run', expect.stringContaining('the outside of users is away')],
      ['groups', 4, 'none', 'groups: not run: users failed'],
      ['grants', 4, 'none', 'grants: not run: groups was not run'],
      ['other', 0, 'run', undefined],
    ])
    expect(runs[1]?.decision.reason).toBe('precondition-failed')
    expect(stderr).toMatch(/^decision=none reason=precondition-failed target=groups/m)
    expect(calls(rig)).toEqual(['other k0', 'other k1'])
  })

  it('that applied in part end with 5, which wins over 1', async () => {
    await using rig = await rigOf(three)
    const flags = ['--param', 'users.fails=k1', '--param', 'grants.fails=planning']
    expect((await rig.run(['apply', 'users', 'grants', ...flags])).code).toBe(5)
  })

  it('plan the same side by side as one by one, byte for byte', async () => {
    const targets = Array.from(
      { length: 100 },
      (_, at) => `  t${at}: { integration: note, params: { count: ${at % 7}, word: w${at} } }\n`,
    )
    await using rig = await rigOf(targets.join(''))
    const planned = async (concurrency: string): Promise<string> => {
      const args = ['plan', '--all', '--quiet', '--report', 'markdown=all.md']
      const { code, stdout, stderr } = await rig.run(args, { env: { TRUEUP_CONCURRENCY: concurrency } })
      expect({ code, stderr: stderr.replace(/^decision=.*\n/gm, '') }).toEqual({ code: 0, stderr: '' })
      return `${stdout}${await rig.read('all.md')}`
    }
    const serial = await planned('1')
    expect(await planned('16')).toBe(serial)
    expect(serial).toContain('Plan for t99 (note): 1 create')
  })

  it('are kept as plans in one file and applied from it, each once', async () => {
    await using rig = await rigOf(three)
    expect((await rig.run(['plan', '--all', '--out', 'plans.json'])).code).toBe(0)
    expect(await rig.run(['apply', 'plans.json'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/3 targets: 3 applied\.\n$/) as string,
    })
    expect(calls(rig)).toEqual(['users k0', 'users k1', 'groups k0', 'groups k1', 'grants k0', 'grants k1'])
    const again = await rig.run(['apply', 'plans.json'])
    expect(again).toMatchObject({ code: 4, stderr: expect.stringContaining('was applied already') as string })
    expect(calls(rig)).toHaveLength(6)
  })

  it('of several processes become one report', async () => {
    await using rig = await rigOf(three)
    for (const name of ['users', 'grants']) await rig.run(['plan', name, '--quiet', '--report', `json=${name}.json`])
    await rig.run(['plan', 'nobody', '-o', 'json']).then(({ stdout }) => rig.write({ 'nobody.json': stdout }))
    const args = ['report', 'users.json', 'grants.json', 'nobody.json']
    const { code, json } = await rig.run([...args, '-o', 'json', '--report', 'markdown=all.md'])
    expect(code).toBe(0)
    expect(targetsOf(json())).toEqual(['users', 'grants'])
    expect(json()).toMatchObject({ exitCode: 64, error: { code: 'usage' } })
    const markdown = await rig.read('all.md')
    expect(markdown).toMatch(/^<!-- trueup:plan \* -->\n### 2 targets: 2 with changes\.\n/)
    expect(markdown).toContain('**Failed** `nobody.json`')
    expect(markdown).toContain('- `users`: 2 create\n')
    expect(await rig.run(['report', 'trueup.yaml'])).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('trueup.yaml is not JSON') as string,
    })
  })
})
