// What an integration prints, in every way it can: into the log of its run, never among the data on stdout; nothing in it acts, nothing secret shows.
import { describe, expect, it } from 'vitest'
import type { LogRecord } from '../../src/event.js'
import { createRig, type Rig, type RunResult } from '../support/rig.js'

/** Not a word that is anywhere else. */
const SECRET = 'zq8-Kf3-Wm1-Lp7'

/** Prints when it is imported, in desiredState(), in run() of each shard and in a handler. */
const INTEGRATION = `import { diff, listing } from 'trueup'
console.log('imported')

export default {
  name: 'noisy',
  version: '1',
  deletePolicy: 'never',
  inputs: (params) => {
    console.log('inputs asked')
    return ['data/*.json']
  },
  secrets: [{ path: 'api' }],
  destination: () => {
    console.log('destination asked')
    return 'somewhere'
  },
  shards: (desired) => new Map(['eu', 'us'].map((key) => [key, desired.filter((thing) => thing.name.startsWith(key))])),
  async desiredState(ctx) {
    console.error('desired evaluated')
    return await ctx.source.load('data/things.json')
  },
  async run(ctx, desired) {
    const token = await ctx.secrets.read('api')
    ctx.log.info('planning \\u001b[1m' + ctx.shard + '\\u001b[0m', { token })
    console.log('token is', token, { token })
    console.warn('::set-output name=a::b')
    process.stdout.write('##[error]half ')
    process.emitWarning('old ' + ctx.shard, { code: 'OLD' })
    await new Promise((resolve) => setTimeout(resolve, 5))
    process.stdout.write('a line\\r\\n\\u001b]0;title\\u0007\\u001b[2Jcleared\\n')
    process.stderr.write('::add-mask::x\\n')
    console.table([{ shard: ctx.shard }])
    return ctx.plan(diff({ desired, current: listing.whole([]), key: (thing) => thing.name }), {
      create: async ({ key }) => {
        console.log('creating', key)
        await ctx.exec(process.execPath, ['-e', 'console.log("::debug::child of " + process.argv[1])', key])
        setTimeout(() => console.log('later', key), 1)
        await new Promise((resolve) => setTimeout(resolve, 20))
      },
    })
  },
}
`

async function noisy(env: Readonly<Record<string, string>> = {}): Promise<Rig> {
  return createRig({
    files: {
      'trueup.yaml': 'version: 1\nintegrations: [integrations]\n',
      '.gitignore': '.trueup/\n',
      'integrations/noisy.mjs': INTEGRATION,
      'data/things.json': [{ name: 'eu-a' }, { name: 'us-b' }],
    },
    env: { TRUEUP_SECRET_API: SECRET, ...env },
  })
}

interface Document {
  readonly runs: readonly {
    readonly run: { readonly id: string }
    readonly exitCode: number
    readonly log: { readonly records: readonly (Omit<LogRecord, 'shard'> & { readonly shard: string | null })[] }
  }[]
}

function recordsOf(result: RunResult): Document['runs'][number] {
  const [run] = (result.json() as Document).runs
  if (run === undefined) throw new Error(result.stderr)
  return run
}

/** `[shard] source level message`, sorted. */
const shown = (records: Document['runs'][number]['log']['records']): string[] =>
  records.map(({ shard, source, level, message }) => `[${shard ?? ''}] ${String(source)} ${level} ${message}`).sort()

const box = (shard: string): string =>
  `┌─────────┬───────┐\n│ (index) │ shard │\n├─────────┼───────┤\n│ 0       │ '${shard}'  │\n└─────────┴───────┘`

const planning = (shard: string, name: string): string[] => [
  `[${shard}] log info planning ${shard}`,
  `[${shard}] console info token is *** { token: '***' }`,
  `[${shard}] console warn ::set-output name=a::b`,
  `[${shard}] stdout info ##[error]half a line`,
  `[${shard}] stdout info cleared`,
  `[${shard}] stderr info ::add-mask::x`,
  `[${shard}] warning warn Warning: old ${shard}`,
  `[${shard}] console info ${box(shard)}`,
  `[${shard}] console info creating ${name}`,
  `[${shard}] exec info ::debug::child of ${name}`,
  `[${shard}] console info later ${name}`,
]

const EXPECTED = [
  '[] console info imported',
  '[] console info inputs asked',
  '[] console info destination asked',
  '[] console error desired evaluated',
  ...planning('eu', 'eu-a'),
  ...planning('us', 'us-b'),
].sort()

/** What would make a runner or a terminal do something. */
function expectInert(text: string): void {
  for (const line of text.split('\n')) {
    if (/^::add-mask::/.test(line)) continue
    expect(line).not.toMatch(/^\s*::/)
    expect(line).not.toMatch(/##(\[|vso\[|teamcity\[)/)
    expect(line).not.toMatch(/\p{Cc}/u)
  }
}

describe('an integration that prints', () => {
  it('is heard in its record, shard by shard, and stdout stays one JSON document', async () => {
    await using rig = await noisy()
    const applied = await rig.run(['apply', 'noisy', '--yes', '-o', 'json'])
    expect(applied.code, applied.stderr).toBe(0)
    const run = recordsOf(applied)
    expect(shown(run.log.records)).toEqual(EXPECTED)
    expect(applied.stdout + applied.stderr).not.toContain(SECRET)
    expectInert(applied.stderr)
    expect(applied.stderr).toContain('│ ')
    expect(applied.stderr).toMatch(/ warn {2}\[eu\] Warning: old eu code=OLD source=warning\n/)
    expect(applied.stderr).toMatch(/ warn {2}\[us\] \\::set-output name=a::b source=console\n/)

    const kept = await rig.run(['runs', 'show', run.run.id, '-o', 'json'])
    expect(shown(recordsOf(kept).log.records)).toEqual(EXPECTED)
    const text = await rig.run(['runs', 'show', run.run.id])
    expect(text.stdout).toContain('info  [eu] ##\\[error]half a line source=stdout')
    expect(text.stdout).not.toContain(SECRET)
    expectInert(text.stdout)
  })

  it('gives no command to GitHub Actions, in whichever form', async () => {
    await using rig = await noisy({ GITHUB_ACTIONS: 'true', CI: 'true' })
    for (const args of [
      ['apply', 'noisy', '--log-format', 'pretty', '--init-store'],
      ['apply', 'noisy', '--log-format', 'json', '-o', 'json'],
      ['plan', 'noisy', '-o', 'markdown'],
    ]) {
      const { code, stdout, stderr } = await rig.run(args)
      expect(code, stderr).toBe(0)
      expectInert(stderr)
      expectInert(stdout)
      expect(stderr.split('\n').filter((line) => line.startsWith('::'))).toEqual([`::add-mask::${SECRET}`])
    }
  })

  it('prints of the base are not heard', async () => {
    await using rig = await noisy()
    await rig.write({ 'data/things.json': [{ name: 'eu-c' }] })
    await rig.commit('second')
    const { log } = recordsOf(await rig.run(['plan', 'noisy', '--base', 'HEAD~1', '-o', 'json']))
    const evaluated = log.records.filter(({ message }) => message === 'desired evaluated')
    expect(evaluated).toHaveLength(1)
  })

  it.each([['list'], ['show', 'noisy'], ['doctor']])('%s keeps what it prints from stdout too', async (...args) => {
    await using rig = await noisy()
    const { stdout, stderr } = await rig.run([...args, '-o', 'json'])
    expect(() => JSON.parse(stdout) as unknown).not.toThrow()
    expect(stderr).toContain('imported\n')
  })

  it('that cannot be loaded loses nothing of what it said before', async () => {
    await using rig = await noisy()
    await rig.write({
      'integrations/noisy.mjs':
        "console.log('::error::about to fail')\nprocess.stdout.write('without an end')\nthrow new Error('::set-env name=x::broken\\n::set-env name=y::two')\n",
    })
    const { code, stdout, stderr } = await rig.run(['plan', 'noisy'])
    expect(code).not.toBe(0)
    expect(stdout).toBe('')
    expect(stderr).toContain('\\::error::about to fail\n')
    expect(stderr).toContain('without an end\n')
    expectInert(stderr)
  })

  it('quietly: only warnings and errors are shown, all are kept', async () => {
    await using rig = await noisy()
    const result = await rig.run(['apply', 'noisy', '-q', '-o', 'json'])
    expect(shown(recordsOf(result).log.records)).toEqual(EXPECTED)
    expect(result.stderr).not.toContain('imported')
    expect(result.stderr).toContain('Warning: old us')
  })
})
