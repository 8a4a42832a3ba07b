// Durable functions and state on the built command line: what a crash leaves, what doubts, durable and state say of it, and what CI refuses.
import { existsSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createDurable, openStore, unknownOutcome } from '../../src/index.js'
import { createRig, type Rig } from '../support/rig.js'

/** Invites people, once each; dies in the middle of inviting who the file `die` names. */
const MAIL = `import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { defineIntegration, diff, listing } from 'trueup'
const at = (name) => process.env.OUTSIDE + '/' + name
const text = (name) => (existsSync(at(name)) ? readFileSync(at(name), 'utf8') : '')

export default defineIntegration({
  name: 'mail',
  version: '1',
  inputs: ['data/people.json'],
  deletePolicy: 'never',
  desiredState: async (ctx) => (await ctx.source.load('data/people.json')).map((name) => ({ name })),
  async run(ctx, desired) {
    const invite = ctx.durable('invite', { idempotent: true, key: (name) => name }, async (name) => {
      appendFileSync(at('sent'), name + '\\n')
      if (text('die') === name) process.kill(process.pid, 'SIGKILL')
      return { id: 'i-' + name }
    })
    await ctx.state.update('plans', (now) => (now ?? 0) + 1)
    const current = await listing.fromPages(async () => ({ items: text('world').split('\\n').filter(Boolean).map((name) => ({ name })) }))
    return ctx.plan(diff({ desired, current, key: ({ name }) => name }), {
      create: async ({ key }) => {
        await invite(key)
        appendFileSync(at('world'), key + '\\n')
        await ctx.state.set('last', key)
      },
    })
  },
})
`

interface Place extends AsyncDisposable {
  readonly rig: Rig
  put(name: string, text: string): Promise<void>
  remove(name: string): Promise<void>
  sent(): Promise<readonly string[]>
}

async function place(): Promise<Place> {
  const files = { 'integrations/mail/index.mjs': MAIL, 'data/people.json': ['ann', 'bob', 'cid'] }
  const rig = await createRig({ files, env: { OUTSIDE: '.' } })
  const at = (name: string): string => join(rig.repo, name)
  return {
    rig,
    put: (name, text) => writeFile(at(name), text),
    remove: (name) => rm(at(name)),
    sent: async () =>
      existsSync(at('sent')) ? (await readFile(at('sent'), 'utf8')).split('\n').filter((line) => line !== '') : [],
    [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose](),
  }
}

interface Doubts {
  readonly doubts: readonly {
    readonly id: string
    readonly kind: string
    readonly function?: string
    readonly key: string | null
    readonly run: string
    readonly arguments?: string
  }[]
}

const doubtsOf = async (rig: Rig): Promise<Doubts['doubts']> =>
  ((await rig.run(['doubts', '-o', 'json'])).json() as Doubts).doubts

describe('an effect that a kill cut off', () => {
  it('is listed with its change, stops nothing else, is never repeated, and goes on as a person says', async () => {
    await using here = await place()
    const { rig } = here
    await here.put('die', 'bob')
    expect((await rig.run(['apply', 'mail', '--concurrency', '1'])).signal).toBe('SIGKILL')
    expect(await here.sent()).toEqual(['ann', 'bob'])
    await here.remove('die')

    const [first, second] = await doubtsOf(rig)
    const run = first?.run
    const both = [first, second].sort((a, b) => ((a?.kind ?? '') < (b?.kind ?? '') ? -1 : 1))
    expect(both).toMatchObject([
      { kind: 'change', key: 'bob', run },
      {
        kind: 'durable',
        function: 'invite',
        key: '"bob"',
        run,
        arguments: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      },
    ])
    const shown = await rig.run(['doubts'])
    expect(shown.stdout).toMatch(/^ID +KIND +WHAT +TARGET +SINCE +HOST +RUN\n/)
    expect(shown.stdout).toMatch(/[0-9a-f]{12} +durable +invite "bob" +mail /)
    expect(shown.stdout).toMatch(/\n {2}trueup doubts resolve [0-9a-f]{12} --done \| --absent\n$/)

    // The next apply looks at the change again, and does the rest; the effect stays in doubt.
    const next = await rig.run(['apply', 'mail', '-o', 'json'])
    expect(next.code).toBe(5)
    expect(next.json()).toMatchObject({
      runs: [
        {
          outcomes: [
            { key: 'bob', result: 'failed', error: expect.stringContaining('invite ("bob") is in doubt') as string },
            { key: 'cid', result: 'applied' },
          ],
        },
      ],
    })
    expect(await here.sent()).toEqual(['ann', 'bob', 'cid'])
    const left = await doubtsOf(rig)
    expect(left).toMatchObject([{ kind: 'durable' }])

    const id = left[0]?.id ?? ''
    const status = await rig.run(['status'])
    expect(status.stdout).toContain(
      'mail: 1 durable call in doubt (invite), not repeated until somebody says what became of it:\n  trueup doubts\n',
    )
    expect((await rig.run(['status', '-o', 'json'])).json()).toMatchObject({
      targets: [{ target: 'mail', doubts: [{ kind: 'durable', id, function: 'invite' }] }],
    })
    for (const args of [
      ['resolve', id],
      ['resolve', id, '--done', '--absent'],
      ['resolve', 'ffffffffffff', '--absent'],
    ])
      expect((await rig.run(['doubts', ...args])).code).toBe(64)
    const said = await rig.run(['doubts', 'resolve', id.slice(0, 12), '--done={"id":"i-bob"}'])
    expect(said).toMatchObject({
      code: 0,
      stdout: 'Resolved: invite "bob" has happened. It will not be carried out again.\n',
    })
    expect((await rig.run(['doubts'])).stdout).toBe('Nothing is in doubt.\n')
    expect((await rig.run(['apply', 'mail'])).code).toBe(0)
    expect(await here.sent()).toEqual(['ann', 'bob', 'cid'])
    const whole = (await rig.run(['durable', 'show', id.slice(0, 12)])).stdout
    expect(whole).toContain('state       done\n')
    expect(whole).toMatch(/result +\{ id: 'i-bob' \}\n/)
    expect(whole).toMatch(/resolved +done, /)
  })

  it('that has not happened is carried out by the next call', async () => {
    await using here = await place()
    const { rig } = here
    await here.put('die', 'ann')
    expect((await rig.run(['apply', 'mail', '--concurrency', '1'])).signal).toBe('SIGKILL')
    await here.remove('die')
    for (const { id, kind } of await doubtsOf(rig)) {
      const { code, stdout } = await rig.run(['doubts', 'resolve', id, '--absent'])
      expect({ kind, code, stdout }).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('has not happened') as string,
      })
    }
    expect(await doubtsOf(rig)).toEqual([])
    // Who said so is on record, and what the run left was settled on the way.
    const records = (await rig.run(['runs', 'list', '-o', 'json'])).json() as {
      runs: { instead: unknown; state: string }[]
    }
    expect(records.runs[0]).toMatchObject({ instead: { kind: 'resolve', keys: ['ann'], as: 'absent' } })
    expect(records.runs.map(({ state }) => state)).toEqual(['finished', 'finished'])
    expect((await rig.run(['apply', 'mail', '--concurrency', '1'])).code).toBe(0)
    expect(await here.sent()).toEqual(['ann', 'ann', 'bob', 'cid'])
  })
})

describe('a call outside of runs in doubt', () => {
  it('is listed with its namespace, since it has no target', async () => {
    await using here = await place()
    const { rig } = here
    const store = await openStore(`file:${join(rig.repo, '.trueup')}`)
    const { durable } = createDurable({ store, namespace: 'billing' })
    const charge = durable('charge', { idempotent: true }, (who: string): Promise<string> => {
      throw unknownOutcome(new Error(`no answer for ${who}`))
    })
    await expect(charge('ann')).rejects.toThrow('is in doubt')
    expect((await rig.run(['doubts'])).stdout).toMatch(/[0-9a-f]{12} +durable +charge of billing +just now/)
    expect(await doubtsOf(rig)).toMatchObject([{ function: 'charge', namespace: 'billing', target: null }])
  })
})

describe('what is recorded', () => {
  it('can be listed, and cleared with --yes, which leaves a trace', async () => {
    await using here = await place()
    const { rig } = here
    expect((await rig.run(['durable', 'list'])).stdout).toBe('No durable function was called.\n')
    expect((await rig.run(['apply', 'mail'])).code).toBe(0)
    const calls = (
      (await rig.run(['durable', 'list', 'invite', '-o', 'json'])).json() as {
        calls: { id: string; key: string; state: string; namespace: string }[]
      }
    ).calls
    expect(calls.map(({ key, state, namespace }) => [key, state, namespace]).sort()).toEqual(
      ['ann', 'bob', 'cid'].map((name) => [`"${name}"`, 'done', 'mail@mail']),
    )
    expect((await rig.run(['durable', 'list', 'other'])).stdout).toBe('No call of other is recorded.\n')
    const id = calls.find(({ key }) => key === '"bob"')?.id.slice(0, 12) ?? ''
    const asked = await rig.run(['durable', 'clear', id])
    expect(asked.stdout).toContain(`1 effect may then happen again. To clear: trueup durable clear ${id} --yes\n`)
    expect((await rig.run(['durable', 'show', id])).code).toBe(0)
    expect((await rig.run(['durable', 'clear', id, '--yes'])).stdout).toBe('Cleared 1 call.\n')
    expect((await rig.run(['durable', 'show', id])).code).toBe(64)
    await here.put('world', 'ann\ncid\n')
    expect((await rig.run(['apply', 'mail', '--force'])).code).toBe(0)
    expect((await here.sent()).toSorted()).toEqual(['ann', 'bob', 'bob', 'cid'])
    const records = (await rig.run(['runs', 'list', '-o', 'json'])).json() as {
      runs: { instead: { kind: string } | null }[]
    }
    expect(records.runs.map(({ instead }) => instead?.kind ?? null)).toEqual([null, 'clear', null])
  })
})

describe('state', () => {
  it('is listed, read, changed and forgotten by hand; every edit is on record, with what was there before', async () => {
    await using here = await place()
    const { rig } = here
    const plan = await rig.run(['plan', 'mail'])
    expect(plan.stdout).toContain('  Would remember\n    plans  1\n')
    expect((await rig.run(['state', 'list', 'mail'])).stdout).toBe('mail remembers nothing.\n')
    expect((await rig.run(['apply', 'mail', '--concurrency', '1'])).code).toBe(0)
    expect((await rig.run(['state', 'list', 'mail'])).stdout).toBe('last\nplans\n')
    expect((await rig.run(['state', 'list', 'mail', 'pl'])).stdout).toBe('plans\n')
    expect((await rig.run(['state', 'get', 'mail', 'last'])).stdout).toBe('cid\n')

    expect((await rig.run(['state', 'set', 'mail', 'plans', '41', '--json'])).code).toBe(0)
    expect((await rig.run(['plan', 'mail'])).stdout).toContain('plans  42')
    expect((await rig.run(['state', 'set', 'mail', 'plans', '{oops', '--json'])).code).toBe(64)
    expect((await rig.run(['state', 'delete', 'mail', 'last'])).code).toBe(0)
    const missing = await rig.run(['state', 'get', 'mail', 'plan'])
    expect(missing).toMatchObject({
      code: 64,
      stderr: expect.stringContaining('mail remembers nothing under "plan". Did you mean "plans"?') as string,
    })
    const records = (await rig.run(['runs', 'list', '-o', 'json'])).json() as { runs: { instead: object | null }[] }
    expect(records.runs.flatMap(({ instead }) => instead ?? [])).toEqual([
      { kind: 'state', key: 'last', before: 'cid', after: null },
      { kind: 'state', key: 'plans', before: 1, after: 41 },
    ])
  })
})

describe('in CI', () => {
  it('a fresh store is refused before anything is changed where an effect must be remembered, unless --init-store', async () => {
    await using here = await place()
    const { rig } = here
    const env = { CI: 'true' }
    const refused = await rig.run(['apply', 'mail'], { env })
    expect(refused).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('forgets what invite has done') as string,
    })
    expect(await here.sent()).toEqual([])
    expect((await rig.run(['plan', 'mail'], { env })).code).toBe(0)
    expect((await rig.run(['apply', 'mail', '--init-store'], { env })).code).toBe(0)
    expect(await here.sent()).toHaveLength(3)
  })
})
