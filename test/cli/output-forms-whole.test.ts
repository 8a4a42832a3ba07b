// What a run prints: one JSON document whatever happens, Markdown, reports; nothing cut in a pipe, nothing loud when the reader has gone.
import { spawn } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { bin } from '../support/rig.js'
import { createWorld, type World } from '../support/world.js'

const ab = { a: '1', b: '2' }
const RUN = ['run', 'decision', 'plan', 'limits', 'outcomes', 'log', 'error', 'exitCode']
const SHAPE = {
  run: ['id', 'target', 'integration', 'version', 'mode', 'destination', 'shards', 'startedAt', 'durationMs', 'by'],
  decision: ['action', 'reason', 'base', 'head', 'dirty', 'digest', 'cache', 'components'],
}
type Part = Record<string, unknown>
interface Document {
  readonly schema: string
  readonly exitCode: number
  readonly runs: readonly (Record<string, Part> & { readonly exitCode: number; readonly error: Part | null })[]
}

/** Standard output as one document of the contract: every field of the command-line reference is there. */
async function documentOf(
  world: World,
  ...args: string[]
): Promise<Document & { readonly code: number | null; readonly stderr: string }> {
  const { code, json, stderr } = await world.rig.run([...args, '-o', 'json'])
  const document = json() as Document
  expect(Object.keys(document)).toEqual(expect.arrayContaining(['schema', 'exitCode', 'runs']))
  expect(document).toMatchObject({ schema: 'trueup/1', exitCode: code })
  for (const run of document.runs) {
    expect(Object.keys(run)).toEqual(expect.arrayContaining(RUN))
    for (const [part, keys] of Object.entries(SHAPE))
      expect(Object.keys(run[part] ?? {})).toEqual(expect.arrayContaining(keys))
    expect(run.exitCode).toBe(code)
  }
  return { ...document, code, stderr }
}

describe('-o json', () => {
  it('of a plan and of an apply has every field of the contract', async () => {
    await using world = await createWorld({ objects: ab })
    const [planned] = (await documentOf(world, 'plan', 'world')).runs
    expect(planned).toMatchObject({
      run: {
        target: 'world',
        integration: 'world',
        version: '1.0.0',
        mode: 'dry-run',
        destination: 'world',
        shards: [],
      },
      decision: { action: 'run', reason: 'no-comparison-asked', base: null },
      plan: {
        digest: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
        summary: { create: 2, update: 0, delete: 0, adopt: 0, of: 0 },
        changes: [
          {
            action: 'create',
            key: 'a',
            shard: null,
            destructive: false,
            fields: [{ path: '', after: { key: 'a', text: '1' } }],
          },
          { action: 'create', key: 'b' },
        ],
      },
      outcomes: [],
      error: null,
    })
    expect(new Date(String(planned?.['run']?.['startedAt'])).toISOString()).toBe(planned?.['run']?.['startedAt'])
    const [applied] = (await documentOf(world, 'apply', 'world')).runs
    expect(applied).toMatchObject({
      run: { mode: 'apply' },
      outcomes: [
        { key: 'a', action: 'create', shard: null, result: 'applied', error: null },
        { key: 'b', result: 'applied' },
      ],
    })
    await world.desire({ a: '1+' })
    const [update] = (await documentOf(world, 'plan', 'world')).runs
    expect(update?.['plan']).toMatchObject({
      changes: [
        { action: 'delete', key: 'b', destructive: true },
        { action: 'update', key: 'a', fields: [{ path: 'text', before: '1', after: '1+' }] },
      ],
    })
  })

  it('of a skip is one document', async () => {
    await using world = await createWorld({ objects: ab })
    const { code, runs } = await documentOf(world, 'plan', 'world', '--base', 'HEAD')
    expect({ code, runs }).toMatchObject({
      code: 0,
      runs: [{ decision: { action: 'skip', reason: 'inputs-unchanged' }, plan: null }],
    })
  })

  it('of a blocked plan is one document, whole', async () => {
    await using world = await createWorld({ objects: ab })
    const { code, runs } = await documentOf(world, 'apply', 'world', '--max-changes', '1')
    expect({ code, runs }).toMatchObject({
      code: 3,
      runs: [
        {
          plan: { summary: { create: 2 } },
          limits: [{ rule: 'max-changes', blocked: true, shard: null, override: '--max-changes 1' }],
        },
      ],
    })
  })

  it('of a failed run is one document, and a person reads why as well', async () => {
    await using world = await createWorld({ objects: ab, planning: "throw new Error('503 busy')" })
    const { code, runs, stderr } = await documentOf(world, 'apply', 'world')
    expect({ code, runs }).toMatchObject({
      code: 1,
      runs: [
        {
          error: { code: 'current-unreadable', message: expect.stringContaining('503 busy') as string, details: {} },
          plan: null,
        },
      ],
    })
    expect(stderr).toContain('503 busy')
  })

  it.each([
    [['plan', 'wrld']],
    [['plan', 'world', '--frob']],
    [['plan', 'world', '--max-deletes', 'many']],
    [['apply', 'no.json']],
  ])('of a usage error is one document: %s', async (args) => {
    await using world = await createWorld({ objects: ab })
    expect(await documentOf(world, ...args)).toMatchObject({
      code: 64,
      runs: [],
      error: { code: expect.any(String) as string },
    })
  })

  it('prints one decision line on stderr, and nothing of it on stdout', async () => {
    await using world = await createWorld({ objects: ab })
    for (const flags of [[], ['-o', 'json'], ['-o', 'markdown'], ['-q'], ['--base', 'HEAD']]) {
      const { stdout, stderr } = await world.rig.run(['plan', 'world', ...flags])
      expect(stderr.match(/^decision=/gm)).toHaveLength(1)
      expect(stdout).not.toMatch(/^decision=/m)
    }
  })
})

describe('other forms', () => {
  it('-o markdown shows the plan, and --report writes further forms of the same run', async () => {
    await using world = await createWorld({ objects: ab })
    const { code, stdout } = await world.rig.run([
      'plan',
      'world',
      '-o',
      'markdown',
      '--report',
      'json=run.json',
      '--report',
      'markdown=run.md',
    ])
    expect(code).toBe(0)
    expect(stdout).toMatch(/2 create/)
    expect(await world.rig.read('run.md')).toBe(stdout)
    expect(JSON.parse(await world.rig.read('run.json'))).toMatchObject({
      schema: 'trueup/1',
      runs: [{ plan: { summary: { create: 2 } } }],
    })
  })

  it.each([
    ['--report', 'json=nowhere/run.json'],
    ['--out', 'nowhere/plan.json'],
    ['--report', 'json=folder'],
  ])('%s %s that cannot be written is refused before anything is done, with one document', async (flag, value) => {
    await using world = await createWorld({ objects: ab })
    await mkdir(join(world.rig.repo, 'folder'))
    expect(await documentOf(world, 'apply', 'world', flag, value)).toMatchObject({ code: 64 })
    expect(await world.objects()).toEqual({})
  })

  it('that cannot be written after all do not hide what was done', async () => {
    await using world = await createWorld({
      objects: ab,
      top: "import { mkdirSync } from 'node:fs'",
      handling: "mkdirSync(join(at('..'), 'repo', 'run.json'), { recursive: true })",
    })
    const { stdout, stderr, code } = await world.rig.run(['apply', 'world', '-o', 'json', '--report', 'json=run.json'])
    expect(JSON.parse(stdout)).toMatchObject({
      exitCode: 0,
      runs: [{ outcomes: [{ result: 'applied' }, { result: 'applied' }] }],
    })
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('cannot write run.json') as string,
    })
  })
})

describe('a large plan', () => {
  const large = Object.fromEntries(
    Array.from({ length: 6000 }, (_, index) => [`object-${String(index)}`, 'x'.repeat(600)]),
  )

  it('arrives whole through a pipe whose reader is slow', async () => {
    await using world = await createWorld({ objects: large })
    const child = spawn(process.execPath, [bin, 'plan', 'world', '-o', 'json'], {
      cwd: world.rig.repo,
      env: world.rig.env,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const chunks: Buffer[] = []
    for await (const chunk of child.stdout) {
      chunks.push(chunk as Buffer)
      await new Promise((resolve) => setImmediate(resolve))
    }
    const text = Buffer.concat(chunks).toString()
    expect(text.length).toBeGreaterThan(5_000_000)
    expect((JSON.parse(text) as { runs: { plan: { changes: unknown[] } }[] }).runs[0]?.plan.changes).toHaveLength(6000)
  })

  it.each(['text', 'json', 'markdown'])(
    'ends quietly when its reader has had enough: -o %s | head -c 100',
    async (form) => {
      await using world = await createWorld({ objects: large })
      const script = `{ "$0" "$1" plan world -o ${form}; echo "code $?" >&2; } | head -c 100`
      const child = spawn('sh', ['-c', script, process.execPath, bin], {
        cwd: world.rig.repo,
        env: world.rig.env,
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      const output = { stdout: '', stderr: '' }
      for (const name of ['stdout', 'stderr'] as const)
        child[name].on('data', (chunk: Buffer) => (output[name] += chunk.toString()))
      await new Promise((resolve) => child.on('close', resolve))
      expect(output.stdout).toHaveLength(100)
      expect(output.stderr).toMatch(/^decision=\S+ .*\ncode 0\n$/)
    },
  )
})
