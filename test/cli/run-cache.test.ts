// The run cache on the built command line, with a store in a folder: what a person and a script see of it, and its commands.
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { oneEntry } from '../../src/cli/cache-entries.js'
import type { EntryPlace } from '../../src/early-exit/run-cache-list.js'
import { openDirectoryStore } from '../../src/store/directory-store.js'
import { systemClock } from '../../src/util/clock.js'
import { keysOf } from '../support/failing-store.js'
import { createThings, integration, type Things } from '../support/things.js'

const CACHED = ['--enable-extended-early-exit']
const LOGGING =
  "  for (const name of ['one', 'two']) ctx.log.info('looked at ' + name)\n  ctx.log.error('no answer from three')"

/** `things` with a log, applied; nothing is cached. */
async function applied(files: Readonly<Record<string, string>> = {}): Promise<Things> {
  const text = integration({ name: 'things' }).replace("note('NOTE_PLANNED'", `${LOGGING}\n    note('NOTE_PLANNED'`)
  const things = await createThings({ files: { 'integrations/things.mjs': text, ...files } })
  const { code, stderr } = await things.run(['apply', 'things'])
  expect(code, stderr).toBe(0)
  return things
}

interface Listed {
  readonly entries: readonly {
    readonly id: string
    readonly target: string
    readonly zone: string
    readonly expired: boolean
  }[]
}

async function entriesOf(things: Things, ...args: readonly string[]): Promise<Listed['entries']> {
  const { stdout, code, stderr } = await things.run(['cache', 'list', '-o', 'json', ...args])
  expect(code, stderr).toBe(0)
  return (JSON.parse(stdout) as Listed).entries
}

describe('a hit', () => {
  it('is one decision line, its log with level and time, and how to get around it; in JSON too', async () => {
    await using things = await applied()
    const first = await things.decide(['plan', 'things', ...CACHED])
    expect(first.decision).toMatchObject({
      action: 'run',
      reason: 'cache-miss',
      cache: { status: 'MISS', zone: 'local' },
    })
    const text = await things.run(['plan', 'things', ...CACHED, ...['--log-format', 'pretty']])
    const id = (await entriesOf(things))[0]?.id.slice(0, 8) ?? ''
    expect(text.code).toBe(0)
    expect(text.stdout).toMatch(
      /^Skipped: the same desired state converged .*\. Its log is that of run [0-9A-Z]{26} \(3 records\)\.\n$/,
    )
    const [line, head, ...log] = text.stderr.trimEnd().split('\n')
    expect(line).toMatch(
      new RegExp(
        `^decision=skip reason=cache-hit target=things entry=${id} age=\\d+s expires=5\\dm zone=local head=worktree`,
      ),
    )
    expect(head).toMatch(
      new RegExp(
        `^Replayed: the log of run ${first.record.run.id} of .* \\(3 records\\); to run anyway: --force, to forget it: trueup cache delete ${id}$`,
      ),
    )
    expect(log.map((each) => each.replace(/^.*\d\d:\d\d:\d\d /, ''))).toEqual([
      'info  looked at one',
      'info  looked at two',
      'error no answer from three',
    ])
    const second = await things.decide(['plan', 'things', ...CACHED])
    expect(second.decision).toMatchObject({ action: 'skip', reason: 'cache-hit', cache: { status: 'HIT' } })
    expect(second.json()).toMatchObject({
      runs: [
        { log: { replayedFrom: first.record.run.id, records: [{ message: 'looked at one' }, {}, {}] }, exitCode: 0 },
      ],
    })
    const json = await things.run(['plan', 'things', ...CACHED, '--log-format', 'json'])
    const lines = json.stderr
      .trimEnd()
      .split('\n')
      .map((each) => JSON.parse(each) as Record<string, unknown>)
    // The line that tells of the replay, and the log.
    expect(lines.filter(({ replayedFrom }) => replayedFrom === first.record.run.id)).toHaveLength(1 + 3)
    const errors = await things.run(['plan', 'things', ...CACHED, '--replay', 'errors'])
    expect(errors.stderr).toContain('no answer')
    expect(errors.stderr).not.toContain('looked at')
    const none = await things.run(['plan', 'things', ...CACHED, '--replay', 'none'])
    expect(none.stderr).toContain('trueup cache delete')
    expect(none.stderr).not.toMatch(/looked at|no answer/)
    const shown = await things.run(['runs', 'show', second.record.run.id])
    expect(shown.stdout).toContain(`To see it: trueup runs show ${first.record.run.id}`)
  })

  it('names the command that forgets it with the flags that this run had', async () => {
    await using things = await applied()
    const plan = ['plan', 'things', ...CACHED, '--store', 'file:.trueup', '--log-format', 'pretty']
    await things.run(plan)
    const { stderr } = await things.run(plan)
    const command = /to forget it: trueup (cache delete [0-9a-f]{8} --store file:\.trueup)$/m.exec(stderr)?.[1] ?? ''
    expect((await things.run(command.split(' '))).stdout).toBe('Deleted 1 entry; 0 entries kept.\n')
  })

  it('is none without the flag, with --force, --no-cache or --cache off, and after what was changed', async () => {
    await using things = await applied()
    const reason = async (...args: string[]): Promise<string> =>
      (await things.decide(['plan', 'things', ...args])).decision.reason
    expect(await reason(...CACHED)).toBe('cache-miss')
    expect(await reason(...CACHED)).toBe('cache-hit')
    expect(await reason()).toBe('no-comparison-asked')
    expect(await reason(...CACHED, '--no-cache')).toBe('no-comparison-asked')
    expect(await reason(...CACHED, '--cache', 'off')).toBe('no-comparison-asked')
    expect(await reason(...CACHED, '--force')).toBe('forced')
    expect(await reason(...CACHED, '--param', 'greeting=bonjour')).toBe('cache-miss')
    await things.write({
      'lib/more.mjs': 'export {}\n',
      'lib/world.mjs': `import './more.mjs'\n${await things.read('lib/world.mjs')}`,
    })
    expect(await reason(...CACHED)).toBe('cache-miss')
    expect(await reason(...CACHED)).toBe('cache-hit')
    await things.write({ 'lib/more.mjs': 'export const changed = true\n' })
    expect(await reason(...CACHED)).toBe('cache-miss')
  })

  it('an apply that another apply came after is made again', async () => {
    await using things = await applied()
    const apply = ['apply', 'things', ...CACHED]
    expect((await things.decide(apply)).decision.reason).toBe('cache-miss')
    expect((await things.decide(apply)).decision.reason).toBe('cache-hit')
    const before = await things.read('data/things/all.yaml')
    await things.write({ 'data/things/all.yaml': before.replace('1', '7') })
    expect((await things.run(['apply', 'things'])).code).toBe(0)
    await things.write({ 'data/things/all.yaml': before })
    const back = await things.decide(apply)
    expect(back.decision).toMatchObject({ reason: 'cache-stale', cache: { status: 'STALE' } })
    expect(await things.readWorld()).toEqual({ a: 'hello 1', b: 'hello 2' })
  })
})

describe('how long', () => {
  it.each(['0', '-1', '1y', 'soon', '1.5h', '400d'])('--ttl %s is a mistake that names the forms', async (ttl) => {
    await using things = await createThings()
    for (const flag of ['--ttl', '--extended-early-exit-cache-ttl-seconds']) {
      const { code, stderr } = await things.run(['plan', 'things', ...CACHED, `${flag}=${ttl}`])
      expect([code, stderr]).toEqual([
        64,
        `trueup: ${flag} must be a duration above zero and at most 366d (90s, 30m, 1h, 1d, or a bare number of seconds), not "${ttl}"\n`,
      ])
    }
  })

  it('comes from flag, variable, target, top of trueup.yaml, in that order', async () => {
    const yaml = 'version: 1\nttl: 3h\ntargets:\n  things: { ttl: 2h }\n  parts: {}\n'
    await using things = await applied({ 'trueup.yaml': yaml })
    expect((await things.run(['apply', 'parts', '--allow-empty', '--max-deletes', '9'])).code).toBe(0)
    const life = async (target: string, ...args: string[]): Promise<number> => {
      const env = args.includes('variable') ? { TRUEUP_TTL: '4h' } : {}
      const flags = args.filter((arg) => arg !== 'variable')
      const plan = ['plan', target, ...CACHED, '--force', ...flags]
      expect((await things.run(plan, { env })).code).toBe(0)
      const { stdout } = await things.run(['cache', 'list', '-o', 'json', '--target', target])
      const [entry] = (JSON.parse(stdout) as { entries: { createdAt: string; expiresAt: string }[] }).entries
      if (entry === undefined) throw new Error('nothing was kept')
      return (Date.parse(entry.expiresAt) - Date.parse(entry.createdAt)) / 3_600_000
    }
    const within = (hours: number, of: number): boolean => hours > 0.9 * of && hours <= of
    expect(within(await life('parts'), 3)).toBe(true)
    expect((await things.run(['apply', 'things', '--allow-empty', '--max-deletes', '9'])).code).toBe(0)
    expect(within(await life('things'), 2)).toBe(true)
    expect(within(await life('things', 'variable'), 4)).toBe(true)
    expect(within(await life('things', 'variable', '--ttl', '5h'), 5)).toBe(true)
    await things.write({ 'trueup.yaml': yaml.replace('2h', '1y') })
    const wrong = await things.run(['plan', 'things'])
    expect([wrong.code, wrong.stderr]).toEqual([
      64,
      expect.stringMatching(/trueup\.yaml:4.*targets\.things\.ttl must be a duration/),
    ])
  })
})

describe('zones', () => {
  it.each([
    [['--trust-zone', 'Main'], /--trust-zone: the trust zone "Main" must be/],
    [['--trust-zone', 'UNTRUSTED-pr'], /must be/],
    [['--trust-zone', 'untrusted'], /must be untrusted-<name>/],
    [['--trust-zone-read', 'main'], /--trust-zone-read is for runs that are not trusted, but the zone local is/],
    [['--trust-zone', 'ci', '--trust-zone-read', 'main'], /but the zone ci is/],
    [['--no-cache', '--cache', 'rw'], /--no-cache and --cache rw contradict/],
  ])('%j is a mistake', async (flags, message) => {
    await using things = await createThings()
    const { code, stderr } = await things.run(['plan', 'things', ...CACHED, ...flags])
    expect([code, stderr]).toEqual([64, expect.stringMatching(message)])
  })

  it('a pull request reads main and writes its own; main never reads it; trueup.yaml cannot set one', async () => {
    await using things = await applied()
    const plan = ['plan', 'things', ...CACHED]
    const env = { TRUEUP_TRUST_ZONE: 'untrusted-pr', TRUEUP_TRUST_ZONE_READ: 'main' }
    expect((await things.decide(plan, { env })).decision.reason).toBe('cache-miss')
    expect((await things.decide([...plan, '--trust-zone', 'main'])).decision.reason).toBe('cache-miss')
    expect((await things.decide(plan, { env })).decision).toMatchObject({
      reason: 'cache-hit',
      cache: { zone: 'untrusted-pr' },
    })
    expect((await entriesOf(things)).map(({ zone }) => zone).sort()).toEqual(['main', 'untrusted-pr'])
    await things.run(['cache', 'delete', '--trust-zone', 'untrusted-pr', '--yes'])
    expect((await things.decide(plan, { env })).decision).toMatchObject({
      reason: 'cache-hit',
      cache: { zone: 'main' },
    })
    await things.write({ 'trueup.yaml': 'version: 1\ntrustZone: main\n' })
    expect((await things.run(plan)).stderr).toMatch(/trueup\.yaml:2.*trustZone/)
  })
})

describe('in CI, with a store that ends with the job', () => {
  it('says that the cache cannot help; what a dry run left there does not make the store an old one', async () => {
    await using things = await createThings()
    const ci = { env: { CI: 'true' } }
    const warned = await things.run(['plan', 'things', ...CACHED, '--log-format', 'pretty'], ci)
    expect(warned.stderr).toMatch(
      /warning: the store file:\.trueup is empty and this is CI: the run cache can only answer/,
    )
    await things.write({ 'data/things/all.yaml': 'things: []\n' })
    await things.run(['plan', 'things', ...CACHED], ci)
    expect(await entriesOf(things)).toHaveLength(1)
    const refused = await things.run(['apply', 'things', ...CACHED, '--yes'], ci)
    expect([refused.code, refused.stderr]).toEqual([4, expect.stringContaining('--init-store')])
  })
})

describe('why', () => {
  it('tells in what the run differs from the nearest entry, by name', async () => {
    await using things = await applied()
    const none = await things.decide(['plan', 'things', ...CACHED, '--cache', 'r'])
    expect(none.decision.reason).toBe('cache-miss')
    expect((await things.run(['why', 'things'])).stdout).toContain(
      'Run cache: MISS in zone local; it holds no earlier entry',
    )
    await things.run(['plan', 'things', ...CACHED])
    await things.run(['plan', 'things', ...CACHED, '--param', 'greeting=bonjour'])
    const { stdout } = await things.run(['why', 'things'])
    const [entry] = await entriesOf(things)
    expect(stdout).toContain(
      `Run cache: MISS in zone local. Against the nearest entry, ${entry?.id.slice(0, 8) ?? ''} (dry-run`,
    )
    expect(stdout).toMatch(/^ {2}code +same/m)
    expect(stdout).toMatch(/^ {2}params +differs +[0-9a-f]{12} (→|->) [0-9a-f]{12} {2}greeting$/m)
    expect(stdout).toMatch(/^ {2}secrets +same/m)
    const json = JSON.parse((await things.run(['why', 'things', '-o', 'json'])).stdout) as {
      nearestEntry: { id: string; components: { name: string; same: boolean; differing: string[] }[] }
    }
    expect(json.nearestEntry.id).toBe(entry?.id)
    const params = json.nearestEntry.components.find(({ name }) => name === 'params')
    expect(params).toMatchObject({ same: false, differing: ['greeting'] })
    await things.run(['plan', 'things', ...CACHED])
    expect((await things.run(['why', 'things'])).stdout).toMatch(
      /Run cache: HIT in zone local, entry [0-9a-f]{8}: trueup cache show/,
    )
  })
})

describe('cache list, show, delete and gc', () => {
  it('list what there is, show one, forget by id, and ask before more', async () => {
    await using things = await applied()
    const empty = await things.run(['cache', 'list'])
    expect(empty.stdout).toBe('The run cache is empty.\n')
    for (const zone of ['main', 'staging']) await things.run(['plan', 'things', ...CACHED, '--trust-zone', zone])
    const listed = await things.run(['cache'])
    expect(listed.stdout).toMatch(
      /^ID +TARGET +ZONE +MODE +MADE +EXPIRES +SIZE\n[0-9a-f]{8} +things +main +dry-run .* in 5\dm +\d+ bytes\n/,
    )
    expect(await entriesOf(things, '--trust-zone', 'main', '--target', 'things')).toHaveLength(1)
    expect(await entriesOf(things, '--target', 'other')).toEqual([])
    const [first, second] = await entriesOf(things)
    if (first === undefined || second === undefined) throw new Error('there are not two')
    const shown = await things.run(['cache', 'show', first.id.slice(0, 6)])
    expect(shown.stdout).toMatch(
      /zone +main[\s\S]*destination +things[\s\S]*node +\d+[\s\S]*looked at one[\s\S]*To forget it: trueup cache delete/,
    )
    const json = await things.run(['cache', 'show', first.id, '-o', 'json'])
    expect(JSON.parse(json.stdout)).toMatchObject({
      id: first.id,
      keyId: null,
      entry: { log: { records: [{}, {}, {}] } },
    })

    const asked = await things.run(['cache', 'delete', '--all'])
    expect(asked.stdout).toContain('2 entries may go, 0 entries kept. To delete them: trueup cache delete --all --yes')
    const gone = await things.run(['cache', 'delete', first.id.slice(0, 8)])
    expect(gone.stdout).toBe('Deleted 1 entry; 1 entry kept.\n')
    expect((await entriesOf(things)).map(({ id }) => id)).toEqual([second.id])
    const filtered = await things.run(['cache', 'delete', '--target', 'things', '--yes', '-o', 'json'])
    expect(JSON.parse(filtered.stdout)).toMatchObject({ deleted: true, kept: 0, entries: [{ id: second.id }] })
    expect(await entriesOf(things)).toEqual([])
  })

  it('gc deletes what has expired or is damaged, once it is told to', async () => {
    await using things = await applied()
    await things.run(['plan', 'things', ...CACHED, '--trust-zone', 'short'])
    await overwrite(things, undefined, { created: '1', expires: '2' })
    await things.run(['plan', 'things', ...CACHED, '--trust-zone', 'long'])
    expect((await entriesOf(things)).map(({ zone, expired }) => [zone, expired])).toEqual([
      ['long', false],
      ['short', true],
    ])
    const asked = await things.run(['cache', 'gc'])
    expect(asked.stdout).toContain('1 entry may go, 1 entry kept. To delete them: trueup cache gc --yes')
    expect((await things.run(['cache', 'gc', '--yes'])).stdout).toBe('Deleted 1 entry; 1 entry kept.\n')
    expect((await entriesOf(things)).map(({ zone }) => zone)).toEqual(['long'])
    expect((await things.run(['cache', 'gc'])).stdout).toBe('Nothing to delete: 1 entry kept.\n')
  })

  it.each([
    [['cache', 'show', 'abcdef'], /there is no cache entry "abcdef"; `trueup cache list` shows/],
    [['cache', 'show', 'abc'], /give 4 of its hex digits or more/],
    [['cache', 'delete', 'nothing'], /"nothing" is no id/],
    [['cache', 'delete'], /needs ids, or --target, --trust-zone or --all/],
    [['cache', 'delete', 'abcdef', '--all'], /ids or --all, not both/],
  ])('%j is a mistake', async (args, message) => {
    await using things = await createThings()
    const { code, stderr } = await things.run(args)
    expect([code, stderr]).toEqual([64, expect.stringMatching(message)])
  })

  it('an id that could be several names them', () => {
    const place = { target: 't', mode: 'dry-run', zone: 'main' } as const
    const all = ['abcd1', 'abcd2', 'ffff3'].map((id) => ({ ...place, id, place: id }) as unknown as EntryPlace)
    expect(oneEntry(all, 'FFFF').id).toBe('ffff3')
    expect(() => oneEntry(all, 'abcd')).toThrow(/"abcd" could be 2 entries: abcd1 \(t, dry-run, zone main\), abcd2/)
  })
})

it('an entry that somebody has overwritten costs a run its skip and nothing else', async () => {
  await using things = await applied()
  await things.run(['plan', 'things', ...CACHED])
  await overwrite(things, Buffer.from('not an entry'), {})
  const { decision, code, stderr } = await things.decide(['plan', 'things', ...CACHED])
  expect([decision.reason, code]).toEqual(['cache-untrusted', 0])
  // It is looked for twice, before and after desired state is evaluated, and told once.
  expect(stderr.match(/is not trusted: it is damaged/g)).toHaveLength(1)
})

it.each([
  ['--ttl', '1h'],
  ['--extended-early-exit-cache-ttl-seconds', '3600'],
  ['--cache', 'r'],
])('%s without the cache is told to do nothing', async (flag, value) => {
  await using things = await applied()
  const alone = await things.run(['plan', 'things', flag, value])
  const told = `trueup: warning: ${flag} does nothing without --enable-extended-early-exit\n`
  expect([alone.code, alone.stderr.startsWith(told)]).toEqual([0, true])
  for (const more of [CACHED, ['--cache', 'off']]) {
    const { code, stderr } = await things.run(['plan', 'things', ...(more === CACHED ? [flag, value] : []), ...more])
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('does nothing')])
  }
})

it('what keeps the cache from all targets of a command is told once', async () => {
  const yaml =
    "version: 1\ntargets: { things: {}, parts: {} }\ncache: { sign: { secret: cache/keys, key: '1' } }\nsecrets: { backend: env }\n"
  await using things = await createThings({ files: { 'trueup.yaml': yaml } })
  const { code, stderr, json } = await things.run(['plan', 'things', 'parts', ...CACHED, '-o', 'json'])
  expect([code, stderr.match(/could not be asked/g)?.length]).toEqual([0, 1])
  const { runs } = json() as { runs: readonly { decision: { reason: string; cache: { why: string } } }[] }
  expect(runs.map(({ decision }) => decision.reason)).toEqual(['cache-error', 'cache-error'])
  for (const { decision } of runs) expect(decision.cache.why).toContain('cache/keys')
})

it('a warning that run() gives as the last it does is kept and replayed', async () => {
  const text = integration({ name: 'things' }).replace(
    'return ctx.plan(',
    "process.emitWarning('odd thing')\n    return ctx.plan(",
  )
  await using things = await applied({ 'integrations/things.mjs': text })
  await things.run(['plan', 'things', ...CACHED])
  const { stdout, stderr } = await things.run(['plan', 'things', ...CACHED, '--log-format', 'pretty'])
  expect(stderr).toMatch(/^Replayed: .*\n.* warn {2}Warning: odd thing source=warning$/m)
  expect(stdout).toContain('(1 record)')
})

/** Puts something in the place of the one entry. */
async function overwrite(
  things: Things,
  value: Uint8Array | undefined,
  metadata: Record<string, string>,
): Promise<void> {
  const store = await openDirectoryStore(join(things.repo, '.trueup'), { clock: systemClock })
  const [place] = (await keysOf(store, 'cache/')).filter((key) => key.split('/').length === 6)
  const object = place === undefined ? undefined : await store.get(place)
  if (place === undefined || object?.kind !== 'found') throw new Error('there is no entry')
  await store.put(place, value ?? object.value, { metadata })
  await store.close()
}
