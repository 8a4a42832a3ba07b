import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ChangeAction, RunRecord } from '../../src/event.js'
import { planMarkdown } from '../../src/report/markdown-plan.js'
import { codeSpan, fence, marker, prose } from '../../src/report/markdown-text.js'
import { change, decision, dnsPlan, limit, outcome, plan, planDigest, record } from './samples.js'

const applyCommand = 'trueup apply dns-records'

/** A reader of the few constructs we write, by the rules of CommonMark; what is left is what is not inside code. */
function outsideCode(markdown: string): {
  readonly text: string
  readonly spans: readonly string[]
  readonly closed: boolean
} {
  const kept: string[] = []
  let open: string | null = null
  for (const line of markdown.split('\n')) {
    const ticks = /^\s*(`{3,})([a-z]*)$/.exec(line)
    if (open === null && ticks !== null) open = ticks[1] ?? ''
    else if (open !== null && ticks !== null && ticks[2] === '' && (ticks[1] ?? '').length >= open.length) open = null
    else if (open === null) kept.push(line)
  }
  const spans: string[] = []
  const text = kept
    .map((line) =>
      line.replace(/(?<![`\\])(`+)(?!`)(.*?)(?<!`)\1(?!`)/g, (_all, _ticks, inner: string) => (spans.push(inner), '§')),
    )
    .join('\n')
  return { text, spans, closed: open === null }
}

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.constantFrom(
    '`',
    '``` js',
    '~~~',
    '<script>',
    '@octo/team',
    '| a | b |',
    '<!-- x',
    '-->',
    '[a](http://x)',
    '# h',
    '#12',
    '::error::x',
    '##[group]',
  ),
)
const anyChange = fc.record({
  action: fc.constantFrom<ChangeAction>('create', 'update', 'delete', 'adopt'),
  key: anyText,
  shard: fc.option(anyText),
  fields: fc.array(
    fc.record({
      path: anyText,
      before: anyText,
      after: fc.oneof(
        anyText,
        fc.array(anyText).map((lines) => lines.join('\n')),
      ),
    }),
    { maxLength: 3 },
  ),
})
const anyRecord = fc
  .record({
    changes: fc.array(anyChange, { maxLength: 60 }),
    message: anyText,
    failures: fc.array(anyText, { maxLength: 5 }),
    blocked: fc.boolean(),
  })
  .map(({ changes, message, failures, blocked }): RunRecord => {
    const numbered = changes.map((given, index) => change({ ...given, key: `${index}#${given.key}` }))
    return record({
      plan: plan(numbered),
      limits: blocked ? [limit({ message, keys: [message] })] : [],
      outcomes: failures.map((key) => outcome({ key, result: 'failed', error: message })),
      error: failures.length > 0 ? { code: 'apply-failed', message, details: {} } : null,
    })
  })

describe('the comment', () => {
  it('a plan', () => {
    expect(planMarkdown(record({ plan: dnsPlan }), { applyCommand })).toMatchInlineSnapshot(`
      "<!-- trueup:plan dns-records -->
      ### \`dns-records\`: 1 delete, 2 create, 1 update (41 owned)

      4 changes: 4 caused by this range, 0 drift.

      #### Delete (1)

      - \`example.com/old/A\`: \`value: 10.0.0.9\`

      #### Create (2)

      - \`example.com/api/A\`: \`value: 10.0.0.12\`
      - \`example.com/www/CNAME\`: \`value: api.example.com\`

      #### Update (1)

      - \`example.com/mail/A\`
        - \`value\`: \`10.0.0.4\` → \`10.0.0.5\`

      To apply exactly this plan:

      \`\`\`sh
      trueup apply dns-records --expect-plan 71c2b04e9d33a1f05b6c7d8e9f00112233445566778899aabbccddeeff001122
      \`\`\`
      "
    `)
  })

  it('blocked, with lines that changed', () => {
    const changes = [
      change({ action: 'delete', key: 'etc/`odd`', cause: 'drift' }),
      change({
        action: 'update',
        key: 'etc/motd',
        fields: [{ path: 'content', before: 'a\n```\nb\n', after: 'a\n```\nc\n' }],
      }),
    ]
    expect(planMarkdown(record({ plan: plan(changes, { foreign: 1 }), limits: [limit()] }), { applyCommand }))
      .toMatchInlineSnapshot(`
        "<!-- trueup:plan dns-records -->
        ### \`dns-records\`: **blocked**: 1 delete, 1 update (41 owned)

        2 changes: 1 caused by this range, 1 drift.

        **Blocked** (\`max-deletes\`): this plan deletes 12 of 41 objects (29 %); dns-records allows 10 %.

        1 listed object belongs to no target and is left alone.

        #### Delete (1)

        - \`\` etc/\`odd\` \`\` (drift)

        #### Update (1)

        - \`etc/motd\`
          - \`content\`: 1 line removed, 1 added

            \`\`\`\`diff
            @@ line 2 @@
             \`\`\`
            -b
            +c
            \`\`\`\`


        If that is meant, this allows exactly this plan:

        \`\`\`sh
        trueup apply dns-records --expect-plan 71c2b04e9d33a1f05b6c7d8e9f00112233445566778899aabbccddeeff001122 --max-deletes 12
        \`\`\`
        "
      `)
  })

  it('nothing to do, skipped and failed take one line each, after the marker', () => {
    const rest = (sample: RunRecord): string => planMarkdown(sample, { applyCommand }).split('\n').slice(1).join('\n')
    expect(rest(record({ plan: plan([]) }))).toBe('`dns-records`: no changes, 41 objects as desired.\n')
    const skip = decision({ action: 'skip', reason: 'inputs-unchanged', explanation: 'nothing differs' })
    expect(rest(record({ decision: skip }))).toBe('`dns-records`: skipped (`inputs-unchanged`): nothing differs\n')
    const error = { code: 'desired-invalid', message: 'data/a_b.yaml:1:2: @you <b>', details: {} } as const
    expect(rest(record({ error }))).toBe(
      '### `dns-records`: failed\n\n**Failed** (`desired-invalid`): data/a\\_b.yaml:1:2: `@you` &lt;b&gt;\n',
    )
  })

  it('after an apply: what is not in place, then the changes, no command', () => {
    const outcomes = [
      outcome({ key: 'a' }),
      outcome({ key: 'example.com/api/A', result: 'failed', error: '409 name is taken' }),
    ]
    const text = planMarkdown(record({ run: { mode: 'apply' }, plan: dnsPlan, outcomes }), { applyCommand })
    expect(text).toContain('### `dns-records`: applied 1 of 2 changes: 1 delete')
    expect(text).toContain('- create `example.com/api/A`: failed: 409 name is taken\n')
    expect(text).not.toContain('--expect-plan')
  })

  it('has a marker that is the same for one target and no other, and that nothing can close early', () => {
    expect(marker('dns-records')).toBe('<!-- trueup:plan dns-records -->')
    expect(marker('a--> b--')).toBe('<!-- trueup:plan a%2D-%3E%20b%2D%2D -->')
  })
})

describe('the budget', () => {
  it('is never exceeded, and every delete is there unless the deletes alone exceed it', () => {
    fc.assert(
      fc.property(anyRecord, fc.integer({ min: 0, max: 6000 }), (sample, budget) => {
        const text = planMarkdown(sample, { budget, applyCommand })
        expect(text.length).toBeLessThanOrEqual(budget)
        const deletes = sample.plan?.changes.filter(({ action }) => action === 'delete') ?? []
        const lines = deletes.map(
          ({ key, shard }) => `- ${codeSpan(key)}${shard === null ? '' : ` in ${codeSpan(shard)}`}`,
        )
        // The marker, the first line, the header of the deletes and the note of what was left out.
        const needed = lines.reduce((sum, line) => sum + line.length + 1, 0) + 400
        if (needed <= budget) for (const { key } of deletes) expect(text).toContain(`- ${codeSpan(key)}`)
      }),
    )
  })

  it('gives deletes the room before failures and reasons', () => {
    const deletes = Array.from({ length: 20 }, (_, index) => change({ action: 'delete', key: `gone/${index}` }))
    const outcomes = Array.from({ length: 200 }, (_, index) =>
      outcome({ key: `k/${index}`, result: 'failed', error: 'no' }),
    )
    const text = planMarkdown(record({ plan: plan(deletes), outcomes }), { budget: 900, applyCommand })
    expect(text.match(/^- `gone/gm)).toHaveLength(20)
    expect(text).toMatch(/Left out for length: 1\d\d failure/)
  })

  it('cuts whole items and counts them: creates go first, deletes last', () => {
    const many = (action: ChangeAction, amount: number): ReturnType<typeof change>[] =>
      Array.from({ length: amount }, (_, index) =>
        change({
          action,
          key: `${action}/${String(index).padStart(4, '0')}`,
          fields: [{ path: 'value', before: 'old', after: 'new' }],
        }),
      )
    const big = record({ plan: plan([...many('create', 3000), ...many('update', 3000), ...many('delete', 1000)]) })
    const text = planMarkdown(big, { applyCommand })
    expect(text.length).toBeLessThanOrEqual(60_000)
    expect(text.match(/^- `delete\//gm)).toHaveLength(1000)
    const creates = text.match(/^- `create\/\d{4}`/gm)?.length ?? 0
    expect(creates).toBeGreaterThan(500)
    expect(text).toContain(`**Left out for length: ${3000 - creates} create, 3000 update.**`)
    expect(text).toContain(`--expect-plan ${planDigest}`)
    const few = planMarkdown(big, { budget: 5000, applyCommand })
    const deletes = few.match(/^- `delete\/\d{4}`/gm)?.length ?? 0
    expect(deletes).toBeGreaterThan(150)
    expect(few).toContain(`**Left out for length: ${1000 - deletes} delete, 3000 create, 3000 update.**`)
  })
})

describe('data from outside', () => {
  it('leaves the Markdown whole: fences close, nothing of it stands outside code', () => {
    fc.assert(
      fc.property(anyRecord, (sample) => {
        const { text, closed } = outsideCode(planMarkdown(sample, { applyCommand }))
        expect(closed).toBe(true)
        expect(text.replace(/^<!-- trueup:plan \S+ -->$/m, '')).not.toMatch(
          /(?<!\\)`|<[a-z!/]|@\w|(?<!\\)\]\(|^::|##\[/im,
        )
      }),
    )
  })

  it('a code span gives back exactly what is shown', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[ `a]{1,12}$/), (data) => {
        const { text, spans } = outsideCode(codeSpan(data))
        expect(text).toBe('§')
        const [inner = ''] = spans
        const stripped = /^ .* $/.test(inner) && inner.trim() !== '' ? inner.slice(1, -1) : inner
        expect(stripped.trim() === '' ? stripped.trim() : stripped).toBe(data.trim() === '' ? '' : data)
      }),
    )
    expect(codeSpan('')).toBe('`""`')
  })

  it('fences outgrow the backticks inside and sentences lose their markup', () => {
    expect(fence(['-````', '+x'], { language: 'diff' })).toBe('`````diff\n-````\n+x\n`````\n')
    expect(prose('*a* [b](c) <i> #12 by @me\n::warning::')).toBe(
      '\\*a\\* \\[b\\](c) &lt;i&gt; `#12` by `@me` ::warning::',
    )
  })
})
