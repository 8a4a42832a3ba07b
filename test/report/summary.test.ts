import { describe, expect, it } from 'vitest'
import { summaryText } from '../../src/report/summary.js'
import { createStyle } from '../../src/report/style.js'
import { decision, dnsPlan, limit, outcome, plan, record } from './samples.js'

const style = createStyle({ color: false, unicode: true, width: 80 })
const options = { style, retryCommand: 'trueup apply dns-records' }
const taken = 'the DNS service answered 409 "name is taken" (POST /records)'

describe('after an apply', () => {
  it('all applied', () => {
    const all = record({ run: { mode: 'apply' }, outcomes: [outcome({ key: 'a' }), outcome({ key: 'b' })] })
    expect(summaryText(all, options)).toBe('Applied 2 changes to dns-records in 2.1 s.')
  })

  it('some failed', () => {
    const outcomes = [
      outcome({ key: 'example.com/old/A', action: 'delete' }),
      outcome({ key: 'example.com/api/A', result: 'failed', error: taken }),
      outcome({ key: 'example.com/www/CNAME' }),
      outcome({ key: 'example.com/mail/A', action: 'update' }),
    ]
    const failed = record({
      run: { mode: 'apply' },
      outcomes,
      error: { code: 'apply-failed', message: '1 of 4 changes failed', details: {} },
      exitCode: 5,
    })
    expect(summaryText(failed, options)).toMatchInlineSnapshot(`
      "Applied 3 of 4 changes to dns-records in 2.1 s: 1 failed.
        ✗ example.com/api/A  create: the DNS service answered 409 "name is taken" (POST /records)
      The others are in place. Run again to retry what failed:
        trueup apply dns-records"
    `)
  })

  it('names every failure, however many', () => {
    const outcomes = Array.from({ length: 150_000 }, (_, index) =>
      outcome({ key: `k/${index}`, result: 'failed', error: 'no' }),
    )
    expect(summaryText(record({ outcomes }), options).match(/^ {2}✗ k/gm)).toHaveLength(150_000)
  })

  it('interrupted: unknown first, then failed, skipped and not started; nothing about exit codes', () => {
    const outcomes = [
      outcome({ key: 'a', result: 'not-attempted' }),
      outcome({ key: 'b', result: 'skipped', shard: 'eu', error: 'depends on c, which failed' }),
      outcome({ key: 'c', result: 'failed', error: 'boom\u001b[31m' }),
      outcome({ key: 'd', result: 'unknown', error: 'no answer within 30 s' }),
    ]
    const interrupted = record({
      run: { mode: 'apply' },
      outcomes,
      error: { code: 'interrupted', message: 'SIGTERM: nothing more was started.', details: {} },
      exitCode: 143,
    })
    expect(summaryText(interrupted, options)).toMatchInlineSnapshot(`
      "Applied 0 of 4 changes to dns-records in 2.1 s: 1 with unknown outcome, 1 failed, 1 skipped, 1 not started.
        ? d  create: no answer within 30 s
        ✗ c  create: boom\\x1b[31m
        - b [eu]  create: depends on c, which failed
        - a  create: not started
      trueup: SIGTERM: nothing more was started.
      What is unknown is looked at first by the next run:
        trueup apply dns-records"
    `)
  })
})

describe('without an apply', () => {
  it('skipped, in one line', () => {
    const explanation = 'nothing that dns-records reads differs between 1a2b3c4d and the working tree'
    const skipped = record({ decision: decision({ action: 'skip', reason: 'inputs-unchanged', explanation }) })
    expect(summaryText(skipped, options)).toBe(`Skipped: ${explanation}.`)
    const replayed = { records: [{ level: 'info', time: 0, message: 'x' } as const], dropped: 0, replayedFrom: '01JD' }
    expect(summaryText({ ...skipped, log: replayed }, options)).toBe(
      `Skipped: ${explanation}. Its log is that of run 01JD (1 record).`,
    )
  })

  it('failed: what, where, why, next, and that nothing was touched when it could have been', () => {
    const message = 'data/dns/example.com.yaml:14:12: records[3].type must be "A"\nor "CNAME"'
    const failed = record({ error: { code: 'desired-invalid', message, details: {} }, exitCode: 1 })
    expect(summaryText(failed, options)).toBe(`trueup: ${message.replace('\n', '\n  ')}`)
    expect(summaryText({ ...failed, run: { ...failed.run, mode: 'apply' } }, options)).toMatch(
      /\nNothing was changed\.$/,
    )
  })

  it('says nothing where the plan has said it all', () => {
    expect(summaryText(record({ plan: dnsPlan }), options)).toBe('')
    expect(summaryText(record({ run: { mode: 'apply' }, plan: plan([]) }), options)).toBe('')
    const error = { code: 'plan-blocked', message: 'blocked', details: {} } as const
    expect(summaryText(record({ plan: dnsPlan, limits: [limit()], error, exitCode: 3 }), options)).toBe('')
  })
})
