import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  combine,
  coolDown,
  freezeBetween,
  gradualRollout,
  needsApproval,
  nextEvaluationTime,
  rolloutOrder,
  soakTime,
  type Policy,
} from '../../src/schedule/policies.js'
import { neverWithin, onlyWithin } from '../../src/schedule/windows.js'

const MINUTE = 60_000
const at = (text: string): number => Date.parse(text)
const shown = (policy: Policy, text: string): string => {
  const verdict = policy(at(text))
  return verdict.kind === 'wait' ? `wait ${new Date(verdict.until).toISOString()}` : verdict.kind
}

describe('policies', () => {
  it('soak after the most recent success in the environment before', () => {
    const soak = (succeededAt: number | null): Policy =>
      soakTime({ before: 'staging', succeededAt, soakMs: 30 * MINUTE })
    expect(soak(null)(0)).toEqual({ kind: 'deny', reason: 'staging has not succeeded yet' })
    expect(soak(0)(30 * MINUTE - 1)).toMatchObject({ kind: 'wait', until: 30 * MINUTE })
    expect(soak(0)(30 * MINUTE)).toEqual({ kind: 'allow' })
  })

  it('roll out linearly, and spread over a duration whatever the count', () => {
    const starts = (pace: Parameters<typeof gradualRollout>[0]['pace']): (number | undefined)[] =>
      [0, 1, 2, 3].map((position) => nextEvaluationTime(gradualRollout({ startedAt: 1000, position, pace })(0)))
    expect(starts({ kind: 'linear', intervalMs: 10 })).toEqual([1000, 1010, 1020, 1030])
    expect(starts({ kind: 'linear-normalised', durationMs: 100, count: 4 })).toEqual([1000, 1025, 1050, 1075])
    expect(gradualRollout({ startedAt: 0, position: 0, pace: { kind: 'linear', intervalMs: 9 } })(0).kind).toBe('allow')
  })

  it('order a rollout by hash: the same everywhere, another for another seed', () => {
    const keys = Array.from({ length: 50 }, (_, index) => `t${String(index)}`)
    const order = rolloutOrder(keys, 'abc')
    expect([...order.values()]).toEqual(keys.map((_, index) => index))
    expect([...rolloutOrder([...keys].reverse(), 'abc')]).toEqual([...order])
    expect([...rolloutOrder(keys, 'abd').keys()]).not.toEqual([...order.keys()])
  })

  it('ask for consent, from when and while it lasts', () => {
    const policy = needsApproval([
      { by: 'ops', from: at('2026-11-26T10:00:00Z'), until: at('2026-11-26T11:00:00Z') },
      { by: 'sre', from: at('2026-11-26T20:00:00Z'), until: at('2026-11-26T21:00:00Z') },
    ])
    expect(
      ['09:00', '10:00', '11:00', '11:01', '20:30', '21:01'].map((time) => shown(policy, `2026-11-26T${time}:00Z`)),
    ).toEqual(['wait 2026-11-26T10:00:00.000Z', 'allow', 'allow', 'wait 2026-11-26T20:00:00.000Z', 'allow', 'deny'])
    expect(policy(at('2026-11-27T00:00:00Z'))).toEqual({
      kind: 'deny',
      reason: 'the approval by sre expired at 2026-11-26T21:00:00.000Z',
    })
    expect(needsApproval([])(0)).toEqual({ kind: 'deny', reason: 'nobody has approved it' })
  })

  it('combine: deny beats wait, the latest wait wins, all reasons are kept', () => {
    const wait =
      (until: number): Policy =>
      () => ({ kind: 'wait', until, reason: `until ${String(until)}` })
    const deny: Policy = () => ({ kind: 'deny', reason: 'no' })
    const allow: Policy = () => ({ kind: 'allow' })
    expect(combine([wait(5), allow, wait(9), wait(7)], 0)).toEqual({
      verdict: { kind: 'wait', until: 9, reason: 'until 9' },
      reasons: ['until 5', 'until 9', 'until 7'],
    })
    expect(combine([wait(5), deny, wait(9)], 0).verdict).toEqual({ kind: 'deny', reason: 'no' })
    expect(combine([allow, allow], 0)).toEqual({ verdict: { kind: 'allow' }, reasons: [] })
    expect(combine([], 0).verdict.kind).toBe('allow')
  })
})

describe('windows and freezes', () => {
  const office = { cron: '0 9 * * 1-5', forMs: 8 * 60 * MINUTE, timeZone: 'Europe/Berlin' }

  it('open and close at local times', () => {
    const policy = onlyWithin([office])
    // 2026-11-26 is a Thursday; Berlin is one hour ahead of UTC in winter.
    expect(shown(policy, '2026-11-26T07:59:59.999Z')).toBe('wait 2026-11-26T08:00:00.000Z')
    expect(shown(policy, '2026-11-26T08:00:00Z')).toBe('allow')
    expect(shown(policy, '2026-11-26T15:59:59.999Z')).toBe('allow')
    expect(shown(policy, '2026-11-27T16:00:00Z')).toBe('wait 2026-11-30T08:00:00.000Z')
  })

  it('last their length of real time where clocks change', () => {
    const night = { cron: '30 2 * * *', forMs: 60 * MINUTE, timeZone: 'Europe/Berlin' }
    const policy = onlyWithin([night])
    // There is no 02:30 on this day: the window opens at 03:00, which is 01:00 UTC.
    expect(shown(policy, '2026-03-29T00:45:00Z')).toBe('wait 2026-03-29T01:00:00.000Z')
    expect(shown(policy, '2026-03-29T01:59:59Z')).toBe('allow')
    expect(shown(policy, '2026-03-29T02:00:00Z')).toBe('wait 2026-03-30T00:30:00.000Z')
    // There are two 02:30 on this one: it opens at the first, once.
    expect(shown(policy, '2026-10-25T00:30:00Z')).toBe('allow')
    expect(shown(policy, '2026-10-25T01:30:00Z')).toBe('wait 2026-10-26T01:30:00.000Z')
  })

  it('a freeze waits for the end of all that overlaps', () => {
    const policy = neverWithin([
      { cron: '0 10 * * *', forMs: 90 * MINUTE, reason: 'stand-up' },
      { cron: '0 11 * * *', forMs: 60 * MINUTE, reason: 'lunch' },
    ])
    expect(shown(policy, '2026-11-26T09:59:59Z')).toBe('allow')
    expect(policy(at('2026-11-26T10:00:00Z'))).toEqual({
      kind: 'wait',
      until: at('2026-11-26T12:00:00Z'),
      reason: 'stand-up',
    })
    expect(shown(policy, '2026-11-26T12:00:00Z')).toBe('allow')
  })

  it('without an end the policy is asked again, and never allows', () => {
    const policy = neverWithin([{ cron: '* * * * *', forMs: 60 * MINUTE, reason: 'always' }])
    const verdict = policy(at('2026-11-26T10:00:30Z'))
    expect(verdict.kind).toBe('wait')
    expect(policy(nextEvaluationTime(verdict) ?? 0).kind).toBe('wait')
  })

  it('refuse what cannot be read, and deny what never comes', () => {
    const fault =
      (cron: string, timeZone = 'UTC', forMs = MINUTE): (() => unknown) =>
      () =>
        onlyWithin([{ cron, forMs, timeZone }])
    expect(fault('61 * * * *')).toThrow(/"61 \* \* \* \*" \(UTC\) cannot be read: Invalid value for minute: 61/)
    expect(fault('0 9 * * *', 'Mars/Base')).toThrow(/Invalid (timezone|time zone)/)
    expect(fault('0 0 9 * * *')).toThrow(/five fields/)
    expect(fault('0 9 * * *', 'UTC', 0)).toThrow(/must last longer than 0 ms/)
    expect(onlyWithin([{ cron: '0 0 30 2 *', forMs: MINUTE }])(0)).toEqual({
      kind: 'deny',
      reason: 'no window is left',
    })
  })
})

/** What a policy is made of, in whole minutes; and a second way, slow and obvious, to say whether it allows. */
interface Case {
  readonly policy: Policy
  readonly allows: (minute: number) => boolean
}
const HORIZON = 360
const minutes = fc.integer({ min: 0, max: HORIZON })
const START = at('2026-03-29T00:00:00Z')
const ms = (minute: number): number => START + minute * MINUTE

/** Minute of the local day, by Intl and not by the library that windows use. */
const localMinute = new Map(
  ['UTC', 'Europe/Berlin', 'America/St_Johns'].map((timeZone) => {
    const format = new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
    const table = new Map<number, number>()
    for (let minute = -1440; minute <= 2 * HORIZON; minute += 1) {
      const [hours = 0, rest = 0] = format.format(ms(minute)).split(':').map(Number)
      table.set(minute, hours * 60 + rest)
    }
    return [timeZone, table] as const
  }),
)
function beganWithin(timeZone: string, hour: number, minute: number, length: number) {
  return (now: number): boolean => {
    const table = localMinute.get(timeZone)
    for (let start = now - length + 1; start <= now; start += 1) {
      const local = table?.get(start) ?? 0
      const before = table?.get(start - 1) ?? 0
      const wanted = hour * 60 + minute
      // Begins at that local minute, or where the clock leaps over it; and not once more where it is set back.
      const leapt = before !== 1439 && local > before + 1 && before < wanted && wanted < local
      if ((local === wanted && !isSecond(table, start, local)) || leapt) return true
    }
    return false
  }
}
function isSecond(table: ReadonlyMap<number, number> | undefined, start: number, local: number): boolean {
  return [30, 60, 120].some((back) => table?.get(start - back) === local)
}

const cases: fc.Arbitrary<Case> = fc.oneof(
  fc.tuple(minutes, minutes).map(([done, soak]): Case => ({
    policy: soakTime({ before: 'staging', succeededAt: ms(done - HORIZON), soakMs: soak * 2 * MINUTE }),
    allows: (now) => now >= done - HORIZON + soak * 2,
  })),
  fc
    .tuple(minutes, fc.integer({ min: 0, max: 9 }), fc.integer({ min: 1, max: 60 }))
    .map(([started, position, interval]): Case => ({
      policy: gradualRollout({
        startedAt: ms(started - HORIZON),
        position,
        pace: { kind: 'linear', intervalMs: interval * MINUTE },
      }),
      allows: (now) => now >= started - HORIZON + position * interval,
    })),
  fc.tuple(minutes, minutes).map(([start, length]): Case => ({
    policy: freezeBetween({ from: ms(start), until: ms(start + length), reason: 'freeze' }),
    allows: (now) => now < start || now >= start + length,
  })),
  fc.tuple(minutes, minutes).map(([ran, length]): Case => ({
    policy: coolDown({ appliedAt: ms(ran - HORIZON), coolDownMs: length * MINUTE }),
    allows: (now) => now >= ran - HORIZON + length,
  })),
  fc.array(fc.tuple(minutes, minutes), { minLength: 1, maxLength: 3 }).map((consents): Case => ({
    policy: needsApproval(
      consents.map(([start, length]) => ({ by: 'ops', from: ms(start), until: ms(start + length) })),
    ),
    allows: (now) => consents.some(([start, length]) => start <= now && now <= start + length),
  })),
  fc
    .tuple(
      fc.constantFrom('UTC', 'Europe/Berlin', 'America/St_Johns'),
      fc.integer({ min: 0, max: 7 }),
      fc.integer({ min: 0, max: 59 }),
      fc.integer({ min: 1, max: 300 }),
      fc.boolean(),
    )
    .map(([timeZone, hour, minute, length, isFreeze]): Case => {
      const recurring = { cron: `${String(minute)} ${String(hour)} * * *`, forMs: length * MINUTE, timeZone }
      const within = beganWithin(timeZone, hour, minute, length)
      return isFreeze
        ? { policy: neverWithin([{ ...recurring, reason: 'freeze' }]), allows: (now) => !within(now) }
        : { policy: onlyWithin([recurring]), allows: within }
    }),
)

describe('announced times', () => {
  it('asking only then acts exactly when asking every minute would', () => {
    fc.assert(
      fc.property(fc.array(cases, { minLength: 1, maxLength: 4 }), (all) => {
        const policies = all.map(({ policy }) => policy)
        const obvious = Array.from({ length: HORIZON }, (_, minute) => minute).find((minute) =>
          all.every(({ allows }) => allows(minute)),
        )
        let acted: number | undefined
        let now: number | undefined = START
        while (now !== undefined && now < ms(HORIZON)) {
          const { verdict } = combine(policies, now)
          if (verdict.kind === 'allow') {
            acted = (now - START) / MINUTE
            break
          }
          // Who is denied is asked again when data changes, which here never happens.
          const next = nextEvaluationTime(verdict)
          if (next !== undefined) expect(next).toBeGreaterThan(now)
          now = next
        }
        expect(acted).toBe(obvious)
      }),
      { numRuns: 500 },
    )
  })
})
