import { describe, expect, it } from 'vitest'
import { createStyle } from '../../src/report/style.js'
import { planText } from '../../src/report/text-plan.js'
import type { PlanTextInput } from '../../src/report/text-plan.js'
import { change, dnsPlan, limit, plan, planDigest } from './samples.js'

const style = createStyle({ color: false, unicode: true, width: 80 })

function text(given: Partial<PlanTextInput> = {}): string {
  return planText({
    target: 'dns-records',
    integration: 'dns-records',
    plan: dnsPlan,
    limits: [],
    mode: 'dry-run',
    applyCommand: 'trueup apply dns-records',
    style,
    ...given,
  })
}

describe('the screens', () => {
  it('a dry run', () => {
    expect(text()).toMatchInlineSnapshot(`
      "Plan for dns-records: 1 delete, 2 create, 1 update (41 owned)
      4 changes: 4 caused by this range, 0 drift.

        Delete
          - example.com/old/A      value: 10.0.0.9
        Create
          + example.com/api/A      value: 10.0.0.12
          + example.com/www/CNAME  value: api.example.com
        Update
          ~ example.com/mail/A     value: 10.0.0.4 → 10.0.0.5

      Nothing was changed. To apply exactly this plan:
        trueup apply dns-records --expect-plan 71c2b04e9d33"
    `)
  })

  it('a dry run with ASCII only', () => {
    expect(text({ style: createStyle({ color: false, unicode: false, width: 80 }) })).toMatch(/^[\x20-\x7e\n]*$/)
  })

  it('a dry run that called somebody says whom, how often, and how long it waited', () => {
    const calls = [
      { provider: 'https://dns.example.com', reads: 12, writes: 0, waitedMs: 2_100 },
      { provider: 'http://localhost:8080', reads: 1, writes: 0, waitedMs: 999 },
    ]
    expect(text({ plan: plan([]), calls })).toBe(
      `No changes: 41 objects are as they should be.
12 reads of https://dns.example.com, which waited 2.1 s in all
1 read of http://localhost:8080`,
    )
    expect(text({ calls }).split('\n').at(-1)).toContain('trueup apply')
    const many = Array.from({ length: 8 }, (_, at) => ({
      provider: `p${String(at)}`,
      reads: 1,
      writes: 2,
      waitedMs: 0,
    }))
    expect(
      text({ plan: plan([]), calls: many })
        .split('\n')
        .slice(-2),
    ).toEqual(['1 read and 2 writes of p4', 'and calls of 3 further providers, whole with -o json'])
  })

  it('nothing to do', () => {
    expect(text({ plan: plan([]) })).toBe('No changes: 41 objects are as they should be.')
    expect(text({ plan: plan([], { unchanged: 1 }) })).toBe('No changes: 1 object is as it should be.')
    expect(text({ plan: plan([], { unchanged: 0 }) })).toContain('No changes: nothing is desired')
  })

  it('blocked by a limit: the plan, then rule, value, limit and the exact override', () => {
    expect(text({ limits: [limit()] })).toMatchInlineSnapshot(`
      "Plan for dns-records: 1 delete, 2 create, 1 update (41 owned)
      4 changes: 4 caused by this range, 0 drift.

        Delete
          - example.com/old/A      value: 10.0.0.9
        Create
          + example.com/api/A      value: 10.0.0.12
          + example.com/www/CNAME  value: api.example.com
        Update
          ~ example.com/mail/A     value: 10.0.0.4 → 10.0.0.5

      Blocked (max-deletes): this plan deletes 12 of 41 objects (29 %); dns-records
        allows 10 %.
      Nothing was changed. If that is meant, allow exactly this plan:
        trueup apply dns-records --expect-plan 71c2b04e9d33 --max-deletes 12"
    `)
  })

  it('blocked by what no flag lifts', () => {
    const limits = [
      limit({ allow: '--max-deletes 12' }),
      limit({
        rule: 'protected',
        limit: 'false',
        actual: '2',
        message: '2 protected objects would be deleted.',
        allow: null,
        keys: ['example.com/ns1/NS', 'example.com/ns2/NS'],
      }),
    ]
    expect(text({ limits }).split('\n').slice(12).join('\n')).toMatchInlineSnapshot(`
      "  allows 10 %.
      Blocked (protected): 2 protected objects would be deleted.
          example.com/ns1/NS
          example.com/ns2/NS
      Nothing was changed. No flag lifts protected. When that is mended, plan again:
        trueup plan dns-records"
    `)
  })

  it('another name, several shards, drift, a destructive update, lifted limits, an incomplete listing, foreign objects', () => {
    const changes = [
      change({ action: 'adopt', key: 'b/1', shard: 'b', fields: [] }),
      change({
        action: 'update',
        key: 'a/1',
        shard: 'a',
        cause: 'drift',
        destructive: true,
        fields: [
          { path: 'mode', before: '0644', after: '0600' },
          { path: 'owner', after: 'root' },
          { path: 'size', before: 1, after: '1' },
        ],
      }),
    ]
    const limits = [
      limit({
        rule: 'incomplete-listing',
        blocked: false,
        allow: null,
        message: 'the listing of shard b stopped at page 3 of 9; no deletes are planned there.',
      }),
      limit({ blocked: false, override: '--max-deletes 12' }),
    ]
    expect(
      text({
        target: 'files-prod',
        integration: 'managed-files',
        plan: plan(changes, { foreign: 3 }),
        limits,
        mode: 'apply',
      }),
    ).toMatchInlineSnapshot(`
      "Plan for files-prod (managed-files): 1 adopt, 1 update (41 owned)
      2 changes: 1 caused by this range, 1 drift.
      Incomplete listing: the listing of shard b stopped at page 3 of 9; no deletes
        are planned there.
      Allowed by --max-deletes 12 (max-deletes): this plan deletes 12 of 41 objects
        (29 %); dns-records allows 10 %.
      3 listed objects belong to no target and are left alone.

        Adopt
          = b/1 [b]
        Update
          ~ a/1 [a]  (destructive, drift)
              mode: 0644 → 0600
              owner: (none) → root
              size: 1 → "1""
    `)
  })

  it('a file changed by hand, line by line', () => {
    const before = 'one\ntwo\nthree\nfour\nfive\nsix\nseven\n'
    const after = 'one\ntwo\n3\nfour\nfive\nsix\nseven\neight\n'
    const changes = [
      change({
        action: 'update',
        key: 'etc/motd',
        fields: [
          { path: 'content', before, after },
          { path: 'mode', before: '0644', after: '0600' },
        ],
      }),
      change({
        action: 'create',
        key: 'etc/issue',
        fields: [{ path: '', after: { path: 'etc/issue', content: before } }],
      }),
    ]
    expect(text({ plan: plan(changes) })).toMatchInlineSnapshot(`
      "Plan for dns-records: 1 create, 1 update (41 owned)
      2 changes: 2 caused by this range, 0 drift.

        Create
          + etc/issue  content: (7 lines)
        Update
          ~ etc/motd
              content: 1 line removed, 2 added
                line 2
                  two
                - three
                + 3
                  four
                line 7
                  seven
                + eight
              mode: 0644 → 0600

      Nothing was changed. To apply exactly this plan:
        trueup apply dns-records --expect-plan 71c2b04e9d33"
    `)
  })
})

describe('bounds and order', () => {
  it('does not depend on the order of the changes', () => {
    expect(text({ plan: { ...dnsPlan, changes: dnsPlan.changes.toReversed() } })).toBe(text())
  })

  it('holds 80 columns whatever the values, keys being whole', () => {
    const changes = [
      change({ action: 'create', key: 'k', fields: [{ path: '', after: { note: 'x'.repeat(500), list: [1, 2, 3] } }] }),
      change({
        action: 'update',
        key: 'l',
        fields: [
          {
            path: 'note',
            before: `${'x'.repeat(300)}1${'y'.repeat(300)}`,
            after: `${'x'.repeat(300)}2${'y'.repeat(300)}`,
          },
        ],
      }),
    ]
    const lines = text({ plan: plan(changes) }).split('\n')
    expect(lines.filter((line) => line.length > 80)).toEqual([])
    const update = lines.find((line) => line.includes('note') && line.includes('→'))
    expect(update).toMatch(/xxx1y+… → …x+2y/)
    const longKey = 'k'.repeat(200)
    expect(text({ plan: plan([change({ action: 'delete', key: longKey })]) })).toContain(longKey)
  })

  it('bounds changed lines and says how many it left out', () => {
    const before = Array.from({ length: 300 }, (_, index) => `line ${index}`).join('\n')
    const shown = text({
      plan: plan([
        change({
          action: 'update',
          key: 'f',
          fields: [{ path: 'content', before, after: before.replaceAll('line', 'row') }],
        }),
      ]),
    })
    expect(shown.split('\n').length).toBeLessThan(40)
    expect(shown).toContain('580 more lines, whole with -o json')
  })

  it('shows a plan of any size whole', () => {
    const changes = Array.from({ length: 150_000 }, (_, index) => change({ action: 'create', key: `k/${index}` }))
    expect(text({ plan: plan(changes) }).match(/^ {4}\+ k/gm)).toHaveLength(150_000)
  })

  it('shows texts that share no line without comparing for ever', () => {
    const lines = (word: string): string => Array.from({ length: 30_000 }, (_, index) => `${word} ${index}`).join('\n')
    const shown = text({
      plan: plan([
        change({ action: 'update', key: 'f', fields: [{ path: 'content', before: lines('a'), after: lines('b') }] }),
      ]),
    })
    expect(shown).toContain('content: all but rewritten, 30000 → 30000 lines')
  })

  it('gives the whole digest where a shortened one would be refused', () => {
    expect(text({ fullDigest: true })).toContain(`--expect-plan ${planDigest}`)
    expect(text().split('\n').at(-1)).toBe('  trueup apply dns-records --expect-plan 71c2b04e9d33')
  })
})

describe('data from outside', () => {
  const evil = 'a\u001b[2Jb\r\n::set-output name=x::y ##[error]z\u202egnp'

  it('never drives the terminal', () => {
    const changes = [
      change({ action: 'delete', key: evil, shard: evil, fields: [{ path: evil, before: evil }] }),
      change({ action: 'update', key: 'x', fields: [{ path: evil, before: evil, after: `${evil}\n${evil}` }] }),
    ]
    const shown = text({
      target: evil,
      plan: plan(changes),
      limits: [limit({ message: evil, keys: [evil], shard: evil })],
    })
    expect(shown).not.toMatch(/[^\P{C}\n]/u)
    expect(shown).toContain('a\\x1b[2Jb\\r\\n')
  })

  it('gives a GitHub runner no command', () => {
    const github = createStyle({ color: false, unicode: true, width: 80, githubActions: true })
    const before = '::a\n##[b]\n::error::c\n'
    const changes = [
      change({
        action: 'update',
        key: '::add-mask::x',
        fields: [{ path: 'content', before, after: before.replace('a', 'b') }],
      }),
    ]
    const lines = text({ style: github, plan: plan(changes) }).split('\n')
    expect(lines.filter((line) => line.trimStart().startsWith('::') || line.includes('##['))).toEqual([])
    expect(lines.some((line) => line.includes('##\\[b]'))).toBe(true)
  })

  it('has no escape sequence without colour and balanced ones with it', () => {
    expect(text()).not.toContain('\u001b')
    const coloured = text({ style: createStyle({ color: true, unicode: true, width: 80 }), limits: [limit()] })
    const escape = String.fromCharCode(27)
    expect(
      coloured
        .split(escape)
        .map((part) => part.replace(/^\[\d+m/, ''))
        .join(''),
    ).toBe(text({ limits: [limit()] }))
  })
})
