// Several targets in one command, where one of them is asked about, interrupted, blocked, held, or knows a secret.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { bin, createRig, type Rig } from '../support/rig.js'

/** Keeps texts in a folder of its own. `says` is what it logs and puts into its objects; `waits` makes a handler wait for the end of its run. */
const integration = `import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineIntegration, diff, listing } from 'trueup'

const outside = join(import.meta.dirname, '..', '..', 'outside')
const params = {
  '~standard': {
    version: 1,
    vendor: 'test',
    jsonSchema: {
      input: () => ({ type: 'object', properties: { says: { type: 'string' }, role: { type: 'string' } } }),
      output: () => ({ type: 'object' }),
    },
    validate: (value) => ({ value: { says: 'text', role: 'none', ...value } }),
  },
}
/** Of the process: each target may have a module of its own. */
const reading = (globalThis.noteReading ??= deferred())
function deferred() {
  let tell
  const told = new Promise((resolve) => (tell = resolve))
  return { told, tell }
}

export default defineIntegration({
  name: 'note',
  version: '1.0.0',
  params,
  secrets: [{ path: 'note/pw' }],
  deletePolicy: 'owned',
  desiredState: ({ params }) => ['k0', 'k1'].map((key) => ({ key, text: params.says })),
  async run(ctx, desired) {
    const folder = join(outside, ctx.target)
    mkdirSync(folder, { recursive: true })
    if (ctx.params.role === 'reads') {
      await ctx.secrets.read('note/pw')
      reading.tell()
    }
    if (ctx.params.role === 'listens') await reading.told
    ctx.log.info('I say ' + ctx.params.says, { again: ctx.params.says })
    console.log('and print ' + ctx.params.says)
    const put = async ({ key, after }) => {
      appendFileSync(join(outside, 'calls'), ctx.target + ' ' + key + '\\n')
      if (ctx.params.role === 'waits') {
        ctx.log.info('waiting in ' + ctx.target)
        // Node ends a process that waits for nothing of the outside.
        const outsideWork = setInterval(() => undefined, 1000)
        await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve))
        clearInterval(outsideWork)
      }
      writeFileSync(join(folder, key), after.text)
    }
    const current = listing.whole(readdirSync(folder).map((key) => ({ key, text: readFileSync(join(folder, key), 'utf8') })))
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
    env: { TRUEUP_SECRET_NOTE_PW: SECRET },
  })
}
const SECRET = 'correct-horse-battery-staple'

interface Document {
  readonly exitCode: number
  readonly runs: readonly {
    readonly run: { readonly target: string }
    readonly exitCode: number
    readonly decision: { readonly action: string; readonly reason: string }
    readonly outcomes: readonly { readonly key: string; readonly result: string }[]
    readonly error: { readonly code: string; readonly message: string } | null
  }[]
}
const calls = (rig: Rig): readonly string[] => {
  const file = join(rig.root, 'outside', 'calls')
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []
}
const endsOf = (document: unknown): readonly string[] =>
  (document as Document).runs.map(({ run, exitCode, error }) => {
    const [why = ''] = error?.message.split(' until ') ?? []
    return `${run.target} ${String(exitCode)}${error === null ? '' : ` ${error.code}, ${why}`}`
  })

describe('on a terminal', () => {
  /** Standard input says that it is a terminal; each question gets the next answer when it is asked. */
  async function answering(
    rig: Rig,
    args: readonly string[],
    answers: readonly string[],
  ): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
    await rig.write({ '../terminal.cjs': 'process.stdin.isTTY = true\n' })
    const child = spawn(process.execPath, ['--require', join(rig.root, 'terminal.cjs'), bin, ...args], {
      cwd: rig.repo,
      env: rig.env,
    })
    let [stdout, stderr, asked] = ['', '', 0]
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString()
      const questions = stderr.split('Type yes: ').length - 1
      for (; asked < questions; asked += 1) child.stdin.write(`${answers[asked] ?? ''}\n`)
    })
    const [code] = (await once(child, 'close')) as [number | null]
    expect(asked).toBe(answers.length)
    return { code, stdout, stderr }
  }

  it('an apply asks for one target after the other, and applies those that were confirmed', async () => {
    await using rig = await rigOf(
      '  a: { integration: note }\n  b: { integration: note }\n  c: { integration: note, after: [b] }\n',
    )
    const { code, stdout, stderr } = await answering(rig, ['apply', '--all'], ['yes', 'no'])
    expect(code).toBe(1)
    expect(calls(rig)).toEqual(['a k0', 'a k1'])
    // Each question stands below the plan that it is about.
    expect(stderr).toMatch(/Plan for a \(note\)[^]*Type yes: [^]*Plan for b \(note\)[^]*Type yes: /)
    expect(stderr).toContain('b: not applied, as you answered; nothing was changed.')
    expect(stdout).toContain('  a  applied 2 changes: 2 create\n')
    expect(stdout).toContain('  c  not run: b failed\n')
    expect(stdout).toMatch(/\n3 targets: 1 applied, 1 failed, 1 not run\.\n$/)
  })

  it('nothing is asked with --yes, in a dry run, and for the plans of a file', async () => {
    await using rig = await rigOf('  a: { integration: note }\n  b: { integration: note }\n')
    expect((await answering(rig, ['plan', '--all', '--out', 'plans.json'], [])).code).toBe(0)
    expect(calls(rig)).toEqual([])
    expect((await answering(rig, ['apply', 'plans.json'], [])).code).toBe(0)
    expect([...calls(rig)].sort()).toEqual(['a k0', 'a k1', 'b k0', 'b k1'])
    expect(
      (await answering(rig, ['apply', '--all', '--yes', '--param', 'a.says=x', '--param', 'b.says=x'], [])).code,
    ).toBe(0)
    expect(calls(rig)).toHaveLength(8)
  })
})

describe.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const)('%s', (signal, code) => {
  it('stops all runs: what is under way is finished, nothing more starts, each has a whole record', async () => {
    await using rig = await rigOf(
      `  a: { integration: note, params: { role: waits } }
  b: { integration: note, params: { role: waits } }
  c: { integration: note, after: [a] }
`,
    )
    const child = rig.start(['apply', '--all', '--concurrency', '2', '-o', 'json'])
    await Promise.all([child.until(/waiting in a/), child.until(/waiting in b/)])
    child.kill(signal)
    const { code: ended, json, stderr } = await child.result
    expect(ended).toBe(code)
    const document = json() as Document
    expect(document.exitCode).toBe(code)
    expect(document.runs.map(({ run, exitCode, outcomes }) => [run.target, exitCode, outcomes])).toMatchObject([
      [
        'a',
        code,
        [
          { key: 'k0', result: 'applied' },
          { key: 'k1', result: 'not-attempted' },
        ],
      ],
      [
        'b',
        code,
        [
          { key: 'k0', result: 'applied' },
          { key: 'k1', result: 'not-attempted' },
        ],
      ],
      ['c', 4, []],
    ])
    expect(document.runs[2]?.error?.message).toBe('c: not run: a was interrupted')
    expect(stderr.match(/^decision=/gm)).toHaveLength(3)
    expect([...calls(rig)].sort()).toEqual(['a k0', 'b k0'])
    // What was done is known, and the rest is done by the next.
    const flags = ['--param', 'a.role=none', '--param', 'b.role=none']
    const again = (await rig.run(['apply', '--all', ...flags, '-o', 'json'])).json() as Document
    expect(again.runs.map(({ outcomes }) => outcomes.map(({ key }) => key))).toEqual([['k1'], ['k1'], ['k0', 'k1']])
  })
})

describe('what comes after one that', () => {
  const two =
    '  users: { integration: note }\n  groups: { integration: note, after: [users] }\n  other: { integration: note }\n'

  it.each(['plan', 'apply'])('is blocked is not run, and ends with 3: %s', async (command) => {
    await using rig = await rigOf(two)
    const { code, json } = await rig.run([command, 'users', 'groups', '--max-changes', '1', '-o', 'json'])
    expect(code).toBe(3)
    expect(endsOf(json())).toEqual(['users 3', 'groups 3 predecessor-failed, groups: not run: users was blocked'])
    expect(calls(rig)).toEqual([])
  })

  it('is held is not run, and ends with 75, while others go on', async () => {
    await using rig = await rigOf(two)
    expect((await rig.run(['hold', 'users', '--for', '2h', '--reason', 'moving'])).code).toBe(0)
    const { code, json, stderr } = await rig.run(['apply', '--all', '-o', 'json'])
    expect(code).toBe(75)
    expect(endsOf(json())).toEqual([
      'users 75 held, users is held',
      'groups 75 predecessor-failed, groups: not run: users is held',
      'other 0',
    ])
    expect(stderr).toMatch(/^decision=none reason=precondition-failed target=groups/m)
    expect([...calls(rig)].sort()).toEqual(['other k0', 'other k1'])
  })
})

describe('a secret that one run has read', () => {
  it('is in nothing that another one shows beside it', async () => {
    await using rig = await rigOf(
      `  a: { integration: note, params: { role: reads } }
  b: { integration: note, params: { role: listens, says: ${SECRET} } }
`,
    )
    for (const format of ['pretty', 'json']) {
      const reports = ['--report', 'markdown=all.md', '--report', 'json=all.json']
      const { code, stdout, stderr } = await rig.run(['plan', '--all', '--log-format', format, ...reports])
      expect(code === 0 ? '' : stderr).toBe('')
      // It has said something, and not that.
      expect(stderr).toContain('I say ***')
      expect(stderr).toContain('and print ***')
      expect(stdout).toContain('Plan for b (note): 2 create')
      for (const shown of [stdout, stderr, await rig.read('all.md'), await rig.read('all.json')])
        expect(shown).not.toContain(SECRET)
    }
  })
})
