// Secrets on the built CLI: where they are read from, what a skip knows of them, and that no byte that leaves the process shows one.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createThings, type Decided, type Things } from '../support/things.js'
import type { Environment, Files } from '../support/rig.js'

const TOKEN = 't0ken-of-the-service'
const WRITE = 'p@ss/word "of" writing'
const ENV = {
  TRUEUP_SECRET_API: JSON.stringify({ token: TOKEN, url: 'https://api.example.com' }),
  TRUEUP_SECRET_API_WRITE: WRITE,
}

interface Text {
  readonly secrets?: string
  readonly desired?: string
  readonly planning?: string
  readonly handling?: string
}

/** An integration that keeps one thing in the world file. */
function vaulted({
  secrets,
  desired = "[{ name: 'a', value: '1' }]",
  planning = '',
  handling = '',
}: Text = {}): string {
  return `import { diff, listing } from 'trueup'
import { change, readWorld } from '../lib/world.mjs'
export default {
  name: 'vaulted', version: '1', deletePolicy: 'owned', inputs: [],
  ${secrets === undefined ? '' : `secrets: ${secrets},`}
  desiredState: (ctx) => ${desired},
  async run(ctx, desired) {
    const world = readWorld()
    ${planning}
    const current = listing.whole(Object.keys(world).map((name) => ({ name, value: world[name] })))
    const act = async (it) => {
      ${handling}
      await change(it.name, it.value)
    }
    return ctx.plan(diff({ desired, current, key: (it) => it.name }), { create: ({ after }) => act(after), update: ({ after }) => act(after), delete: () => undefined })
  },
}
`
}

const DECLARED = "[{ path: 'api', field: 'token' }, { path: 'api/write', for: 'apply' }]"
const READING = "const token = await ctx.secrets.read('api', 'token')"
const WRITING = "const write = await ctx.secrets.read('api/write')"

function rigOf(text: Text, files: Files = {}, env: Environment = ENV): Promise<Things> {
  return createThings({ files: { 'integrations/vaulted.mjs': vaulted(text), ...files }, env })
}

/** Whether the next apply would do without a run. */
async function next(rig: Things, env: Environment = {}): Promise<Decided> {
  return rig.decide(['apply', 'vaulted', '--yes', '--base', 'last-applied'], { env })
}

async function applied(rig: Things, env: Environment = {}): Promise<Decided> {
  const done = await rig.decide(['apply', 'vaulted', '--yes'], { env })
  expect(done.code, done.stderr).toBe(0)
  return done
}

/** Everything below the store and the cache, as text. */
async function kept(rig: Things): Promise<string> {
  const texts: string[] = []
  for (const folder of [join(rig.repo, '.trueup'), join(rig.home, '.cache')]) {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []))
      if (entry.isFile()) texts.push(await readFile(join(entry.parentPath, entry.name), 'utf8'))
  }
  return texts.join('\n')
}

/** The forms of a value that are looked for. */
function formsOf(value: string): readonly string[] {
  const bytes = Buffer.from(value)
  return [
    value,
    JSON.stringify(value).slice(1, -1),
    encodeURIComponent(value),
    bytes.toString('base64'),
    bytes.toString('hex'),
  ]
}

function expectHidden(text: string, ...values: readonly string[]): void {
  for (const value of values) for (const form of formsOf(value)) expect(text).not.toContain(form)
}

describe('an apply after an apply', () => {
  const text = { secrets: DECLARED, planning: READING, handling: WRITING }

  it('is skipped while the secrets are the same, and runs when one changed', async () => {
    await using rig = await rigOf(text)
    await applied(rig)
    expect((await next(rig)).decision).toMatchObject({ action: 'skip', reason: 'desired-unchanged' })
    const rotated = await next(rig, { TRUEUP_SECRET_API_WRITE: 'another one' })
    expect(rotated.decision).toMatchObject({ action: 'run', reason: 'config-changed' })
    expect(rotated.decision.explanation).toContain('other secrets')
    // That one was applied now.
    expect((await next(rig, { TRUEUP_SECRET_API_WRITE: 'another one' })).decision.action).toBe('skip')
    expect((await next(rig)).decision.action).toBe('run')
  })

  it('compares with a commit in the same way', async () => {
    await using rig = await rigOf(text)
    await applied(rig)
    const args = ['apply', 'vaulted', '--yes', '--base', 'HEAD']
    expect((await rig.decide(args)).decision).toMatchObject({ action: 'skip' })
    const env = { TRUEUP_SECRET_API: JSON.stringify({ token: 'another-token', url: 'https://api.example.com' }) }
    const rotated = await rig.decide(args, { env })
    expect(rotated.decision).toMatchObject({ action: 'run', reason: 'base-not-applied' })
  })

  it('does not care for a field that is not declared, but for every one of a secret declared whole', async () => {
    const other = { TRUEUP_SECRET_API: JSON.stringify({ token: TOKEN, url: 'https://elsewhere.example.com' }) }
    await using rig = await rigOf(text)
    await applied(rig)
    expect((await next(rig, other)).decision.action).toBe('skip')
    await rig.write({
      'integrations/vaulted.mjs': vaulted({ ...text, secrets: "[{ path: 'api' }, { path: 'api/write' }]" }),
    })
    await applied(rig)
    expect((await next(rig)).decision.action).toBe('skip')
    expect((await next(rig, other)).decision.action).toBe('run')
  })

  it('runs while a secret cannot be read', async () => {
    await using rig = await rigOf({
      secrets: "[{ path: 'api', field: 'token' }, { path: 'unused' }]",
      planning: READING,
    })
    await applied(rig)
    expect((await next(rig)).decision).toMatchObject({ action: 'run', reason: 'base-not-applied' })
  })

  it('knows of a secret that only the desired state refers to', async () => {
    await using rig = await rigOf({
      desired: "[{ name: 'a', value: '1', password: ctx.secrets.reference('db', 'pw') }]",
      handling: 'ctx.log.info("set " + await ctx.secrets.resolve(it.password))',
    })
    const env = { TRUEUP_SECRET_DB: '{"pw":"first-password"}' }
    // The world keeps no password, so it never looks as desired; what matters is the decision.
    const done = await applied(rig, env)
    expect(done.stderr).toContain('set ***')
    expectHidden(done.stderr + done.stdout + (await kept(rig)), 'first-password')
    expect((await next(rig, env)).decision.action).toBe('skip')
    expect((await next(rig, { TRUEUP_SECRET_DB: '{"pw":"other-password"}' })).decision.action).toBe('run')
  })

  it('sees a file that was replaced', async () => {
    const yaml = 'version: 1\nsecrets: { backend: file, dir: mounted }\n'
    await using rig = await rigOf(text, { 'trueup.yaml': yaml, '.gitignore': 'node_modules\n.trueup\nmounted\n' }, {})
    await mkdir(join(rig.repo, 'mounted', 'api'), { recursive: true })
    await writeFile(join(rig.repo, 'mounted', 'api', 'token'), `${TOKEN}\n`)
    await writeFile(join(rig.repo, 'mounted', 'api', 'write'), WRITE)
    const done = await applied(rig)
    expectHidden(done.stdout + done.stderr + (await kept(rig)), TOKEN, WRITE)
    expect((await next(rig)).decision.action).toBe('skip')
    await writeFile(join(rig.repo, 'mounted', 'api', 'write'), 'another one')
    expect((await next(rig)).decision).toMatchObject({ action: 'run', reason: 'config-changed' })
  })
})

describe('a dry run', () => {
  it('works without the secrets of an apply, and makes no key', async () => {
    await using rig = await rigOf({ secrets: DECLARED, planning: READING, handling: WRITING })
    const { code, record } = await rig.decide(['plan', 'vaulted', '--base', 'last-applied'], {
      env: { TRUEUP_SECRET_API_WRITE: undefined },
    })
    expect([code, record.plan?.summary.create]).toEqual([0, 1])
    expect(await readdir(join(rig.repo, '.trueup'), { recursive: true })).not.toContain('secrets')
  })

  it('reads secrets from where the base says', async () => {
    const at = (dir: string): Files => ({ 'trueup.yaml': `version: 1\nsecrets: { backend: file, dir: ${dir} }\n` })
    await using rig = await rigOf(
      { secrets: "[{ path: 'a' }]", planning: "ctx.log.info('length ' + (await ctx.secrets.read('a')).length)" },
      { ...at('old'), '.gitignore': 'node_modules\n.trueup\nold\nnew\n' },
      {},
    )
    for (const [dir, value] of [
      ['old', 'seven77'],
      ['new', 'eight888'],
    ] as const) {
      await mkdir(join(rig.repo, dir))
      await writeFile(join(rig.repo, dir, 'a'), value)
    }
    await rig.write(at('new'))
    const { stderr } = await rig.decide(['plan', 'vaulted', '--base', 'HEAD'])
    expect(stderr).toContain('length 7')
    expect(stderr).toContain('secrets are read from files in old')
    expect((await rig.decide(['plan', 'vaulted'])).stderr).toContain('length 8')
  })
})

describe('messages', () => {
  it('names the fields that exist, and both of two paths with one variable', async () => {
    await using rig = await rigOf({
      secrets: "[{ path: 'api', field: 'tokn' }]",
      planning: "await ctx.secrets.read('api', 'tokn')",
    })
    const missing = await rig.run(['plan', 'vaulted'])
    expect(missing.code).toBe(1)
    expect(missing.stderr).toContain(
      'trueup: vaulted: the secret api has no field "tokn"; it has: token, url. (environment, TRUEUP_SECRET_API)',
    )
    await rig.write({ 'integrations/vaulted.mjs': vaulted({ secrets: "[{ path: 'api/x' }, { path: 'api-x' }]" }) })
    const twice = await rig.run(['plan', 'vaulted'])
    expect([twice.code, twice.stderr]).toEqual([
      64,
      expect.stringContaining('the secrets api/x and api-x would both be read from TRUEUP_SECRET_API_X'),
    ])
  })

  it('doctor tells plan and apply apart', async () => {
    await using rig = await rigOf({ secrets: DECLARED })
    const whole = await rig.run(['doctor', 'vaulted'])
    expect(whole.stdout).toMatch(/^ok +plan secrets +api token \(environment\)$/m)
    expect(whole.stdout).toMatch(/^ok +apply secrets +api token, api\/write \(environment\)$/m)
    expectHidden(whole.stdout, TOKEN, WRITE)
    const half = await rig.run(['doctor', 'vaulted'], { env: { TRUEUP_SECRET_API_WRITE: undefined } })
    expect(half.code).toBe(0)
    expect(half.stdout).toMatch(/^ok +plan secrets/m)
    expect(half.stdout).toMatch(
      /^warn +apply secrets +no apply works: the secret api\/write is not set: set TRUEUP_SECRET_API_WRITE/m,
    )
    const none = await rig.run(['doctor', 'vaulted'], { env: { TRUEUP_SECRET_API: undefined } })
    expect(none.code).toBe(1)
    expect(none.stdout).toMatch(/^fail +plan secrets +no run works: the secret api is not set/m)
  })
})

describe('what leaves the process', () => {
  const leaks = {
    secrets: DECLARED,
    planning: `${READING}
    world.shown = 'https://u:' + encodeURIComponent(token) + '@h/'; world[token] = 'key'
    ctx.log.warn('using ' + token, { deep: { list: [{ token }] } })`,
    handling: `${WRITING}
      await ctx.exec(process.execPath, ['-e', 'console.log(process.argv[1]); console.error(Buffer.from(process.argv[1]).toString("hex"))', write])
      ctx.log.info('sent ' + JSON.stringify({ write }))
      if (it.name === 'a') throw new Error('refused: ' + write, { cause: new Error('because of ' + write) })`,
  }

  it.each(['text', 'json', 'markdown'])(
    'shows no secret on stdout, in logs, reports, saved plans and records (-o %s)',
    async (form) => {
      await using rig = await rigOf(leaks)
      const reports = ['--report', `json=${join(rig.root, 'r.json')}`, '--report', `markdown=${join(rig.root, 'r.md')}`]
      const planned = await rig.run(['plan', 'vaulted', '-o', form, '--out', join(rig.root, 'saved.json'), ...reports])
      expect(planned.code, planned.stderr).toBe(0)
      const files = await Promise.all(
        ['r.json', 'r.md', 'saved.json'].map((name) => readFile(join(rig.root, name), 'utf8')),
      )
      expectHidden(planned.stdout + planned.stderr + files.join('\n'), TOKEN)
      expect(planned.stderr).toContain('using ***')
      const done = await rig.run([
        'apply',
        'vaulted',
        '--yes',
        '-o',
        form,
        '--log-format',
        'json',
        '--debug',
        ...reports,
      ])
      expect(done.code, done.stderr).toBe(1)
      for (const line of done.stderr.split('\n')) if (line.startsWith('{')) JSON.parse(line)
      expect(done.stderr).toContain('refused: ***')
      expectHidden(
        done.stdout + done.stderr + (await readFile(join(rig.root, 'r.json'), 'utf8')) + (await kept(rig)),
        TOKEN,
        WRITE,
      )
      if (form === 'json')
        expect(done.json()).toMatchObject({
          runs: [{ outcomes: [{ key: 'a', result: 'failed', error: 'refused: ***' }] }],
        })
    },
  )

  it('applies a saved plan that was shown without its secrets', async () => {
    await using rig = await rigOf({ ...leaks, handling: WRITING })
    const file = join(rig.root, 'saved.json')
    const planned = await rig.run(['plan', 'vaulted', '--out', file])
    expect(planned.code, planned.stderr).toBe(0)
    expectHidden(await readFile(file, 'utf8'), TOKEN)
    const done = await rig.run(['apply', file, '--yes'])
    expect(done.code, done.stderr).toBe(0)
    expect(await rig.readWorld()).toEqual({ a: '1' })
  })

  it('shows none in a stack: of a bug, of --debug, of what is thrown where nobody waits', async () => {
    const thrown =
      "throw Object.assign(new Error('no ' + token, { cause: new Error('since ' + token) }), { name: 'OddError' })"
    await using rig = await rigOf({ secrets: DECLARED, planning: `${READING}\n${thrown}` })
    const failed = await rig.run(['plan', 'vaulted', '--debug'])
    expect([failed.code, failed.stderr]).toEqual([1, expect.stringContaining('run() failed while planning: no ***')])
    expectHidden(failed.stderr + failed.stdout + (await kept(rig)), TOKEN)

    const later = `${READING}\nsetTimeout(() => { ${thrown} }, 1); await new Promise((done) => setTimeout(done, 5000))`
    await rig.write({ 'integrations/vaulted.mjs': vaulted({ secrets: DECLARED, planning: later }) })
    const crashed = await rig.run(['plan', 'vaulted'])
    expect(crashed.code).toBe(1)
    expect(crashed.stderr).toContain('Internal error: no ***')
    expect(crashed.stderr).toContain('caused by Error: since ***')
    expectHidden(crashed.stderr, TOKEN)
  })

  it('has a GitHub runner mask values line by line, before anything else shows them, and no short one', async () => {
    const value = 'first 100% line\nabc\nsecond line'
    const planning = "ctx.log.info('read'); await ctx.secrets.read('key'); await ctx.secrets.read('pin')"
    await using rig = await rigOf(
      { secrets: "[{ path: 'key' }, { path: 'pin' }]", planning },
      {},
      { TRUEUP_SECRET_KEY: value, TRUEUP_SECRET_PIN: '1234' },
    )
    const { stdout, stderr } = await rig.run(['plan', 'vaulted', '-o', 'json'], { env: { GITHUB_ACTIONS: 'true' } })
    expect(stderr.split('\n').filter((line) => line.startsWith('::'))).toEqual([
      '::add-mask::first 100%25 line',
      '::add-mask::second line',
    ])
    expect(stderr).toContain('the secret pin has fewer than 6 characters')
    expect(stdout).not.toContain('::add-mask')
    expect((await rig.run(['plan', 'vaulted'])).stderr).not.toContain('::add-mask')
  })
})
