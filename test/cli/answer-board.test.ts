// The board of answers of a daemon: who loads, who waits, who is given what, over all orders in which runs come, load, change and end.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createAnswerBoard, type Guest } from '../../src/cli/serve/answer-board.js'
import type { Reply } from '../../src/cli/serve/answer-messages.js'

interface Seat extends Guest {
  readonly replies: Reply[]
  ask(n: number, id?: string, name?: string): void
}

/** Each look at the clock is later than the one before. */
function boardOf(most?: number) {
  let time = 0
  const now = (): number => (time += 1)
  const board = createAnswerBoard({ now, ...(most === undefined ? {} : { most }) })
  function seat(given: Partial<Parameters<typeof board.admit>[0]> = {}): Seat {
    const replies: Reply[] = []
    const guest = board.admit({
      tree: 'tree',
      mode: 'dry-run',
      since: now(),
      takes: true,
      reply: (reply) => void replies.push(reply),
      ...given,
    })
    guest.said({ kind: 'hello' })
    return {
      ...guest,
      replies,
      ask(n, id = 'x', name = 'network') {
        guest.said({ kind: 'ask', n, source: 'file', name, id })
      },
    }
  }
  return { board, seat, now }
}
const LOAD = { kind: 'load', n: 1 }
const answer = (text: string): Reply => ({ kind: 'answer', n: 1, text })
const loaded = (text: string): object => ({ kind: 'loaded', n: 1, text })

describe('the board of answers', () => {
  it('one loads, who asks meanwhile waits, and all are given what came of it', () => {
    const { seat } = boardOf()
    const [a, b, c] = [seat(), seat(), seat()]
    a.ask(1)
    b.ask(1)
    expect([a.replies, b.replies]).toEqual([[LOAD], []])
    a.said(loaded('v'))
    c.ask(1)
    expect([b.replies, c.replies]).toEqual([[answer('v')], [answer('v')]])
  })

  it('another id, relation or tree is another answer', () => {
    const { seat } = boardOf()
    const a = seat()
    a.ask(1)
    a.said(loaded('v'))
    const [b, c] = [seat({ since: 0 }), seat({ since: 0, tree: 'other' })]
    b.ask(1, 'y')
    b.ask(2, 'x', 'zone')
    c.ask(1)
    expect([...b.replies, ...c.replies].map(({ kind }) => kind)).toEqual(['load', 'load', 'load'])
  })

  it('who became due after a load began loads anew, be it over or not, and the others are given the newer', () => {
    const { seat } = boardOf()
    const [a, old] = [seat(), seat()]
    a.ask(1)
    const [later, latest] = [seat(), seat()]
    later.ask(1)
    a.said(loaded('v1'))
    latest.ask(1)
    expect([later.replies, latest.replies]).toEqual([[LOAD], []])
    later.said(loaded('v2'))
    old.ask(1)
    expect([latest.replies, old.replies]).toEqual([[answer('v2')], [answer('v2')]])
  })

  it('an older load that ends after a newer one does not replace it', () => {
    const { seat } = boardOf()
    const [a, b] = [seat(), seat({ since: 0 })]
    a.ask(1)
    const later = seat()
    later.ask(1)
    later.said(loaded('new'))
    a.said(loaded('old'))
    b.ask(1)
    expect(b.replies).toEqual([answer('new')])
  })

  it('applies share, until one says that it changes something: then each loads, and so what was read before or meanwhile is nobody’s', () => {
    const { seat } = boardOf()
    const apply = { mode: 'apply', since: 0 } as const
    const [a, b, changer] = [seat(apply), seat(apply), seat(apply)]
    a.ask(1)
    b.ask(1)
    changer.said({ kind: 'changing', n: 9 })
    a.said(loaded('before'))
    // It waited for what it may not take any more.
    expect([changer.replies, b.replies]).toEqual([[{ kind: 'known', n: 9 }], [LOAD]])
    const meanwhile = seat(apply)
    meanwhile.ask(1)
    expect(meanwhile.replies).toEqual([LOAD])
    b.said(loaded('meanwhile'))
    meanwhile.said(loaded('meanwhile'))
    changer.left()
    const [after, last, plan] = [seat(apply), seat(apply), seat({ since: 0 })]
    plan.ask(1)
    after.ask(1)
    expect([plan.replies, after.replies]).toEqual([[answer('meanwhile')], [LOAD]])
    after.said(loaded('after'))
    last.ask(1)
    expect(last.replies).toEqual([answer('after')])
  })

  it('applies that change nothing do not end the sharing; one that never spoke may have', () => {
    const { board, seat, now } = boardOf()
    const apply = { mode: 'apply', since: 0 } as const
    const a = seat(apply)
    a.ask(1)
    a.said(loaded('v'))
    a.left()
    const b = seat(apply)
    b.ask(1)
    expect(b.replies).toEqual([answer('v')])
    board.admit({ tree: 'tree', mode: 'apply', since: now(), takes: true, reply: () => undefined }).left()
    const c = seat(apply)
    c.ask(1)
    expect(c.replies).toEqual([LOAD])
  })

  it.each([
    ['fails', (one: Seat) => one.said({ kind: 'failed', n: 1 })],
    ['ends', (one: Seat) => one.left()],
  ])('where the one that loads %s, one of those that wait loads, and the others wait for that', (_what, end) => {
    const { seat } = boardOf()
    const [a, gone, b, c] = [seat(), seat(), seat(), seat()]
    for (const one of [a, gone, b, c]) one.ask(1)
    gone.left()
    end(a)
    expect([gone.replies, b.replies, c.replies]).toEqual([[], [LOAD], []])
    b.said(loaded('v'))
    expect(c.replies).toEqual([answer('v')])
  })

  it('what cannot be handed on is loaded by all, without waiting for each other', () => {
    const { board, seat } = boardOf()
    const [a, b, c, d] = [seat(), seat(), seat(), seat()]
    for (const one of [a, b, c]) one.ask(1)
    a.said({ kind: 'own', n: 1 })
    d.ask(1)
    expect([b.replies, c.replies, d.replies]).toEqual([[LOAD], [LOAD], [LOAD]])
    for (const one of [b, c, d]) one.left()
    board.clear()
    const [e, f] = [seat(), seat()]
    e.ask(1)
    f.ask(1)
    expect([e.replies, f.replies]).toEqual([[LOAD], []])
  })

  it('who does not take loads all the same for the others', () => {
    const { seat } = boardOf()
    const [a, b, plan] = [seat({ takes: false }), seat({ takes: false }), seat({ since: 0 })]
    a.ask(1)
    b.ask(1)
    plan.ask(1)
    expect([a.replies, b.replies, plan.replies]).toEqual([[LOAD], [LOAD], []])
    b.said(loaded('v'))
    expect(plan.replies).toEqual([answer('v')])
  })

  it('forgets other trees, everything when told to, and the oldest beyond its size', () => {
    const { board, seat } = boardOf(10)
    const kept = (ids: readonly string[], tree = 'tree'): readonly string[] => {
      const one = seat({ since: 0, tree })
      ids.forEach((id, n) => {
        one.ask(n, id)
      })
      const found = one.replies.filter(({ kind }) => kind === 'answer').map(({ n }) => ids[n] ?? '')
      one.left()
      return found
    }
    const fill = (id: string, text: string, tree = 'tree'): void => {
      const one = seat({ tree })
      one.ask(1, id)
      one.said(loaded(text))
    }
    for (const id of ['a', 'b', 'c']) fill(id, '12345')
    expect(kept(['a', 'b', 'c'])).toEqual(['b', 'c'])
    fill('a', '12345', 'other')
    expect([kept(['a', 'b', 'c']), kept(['a'], 'other')]).toEqual([['c'], ['a']])
    board.only('tree')
    expect([kept(['c']), kept(['a'], 'other')]).toEqual([['c'], []])
    board.clear()
    expect(kept(['c'])).toEqual([])
  })

  it('takes no notice of what is no message, or comes from one that has left', () => {
    const { seat } = boardOf()
    const [a, b] = [seat(), seat()]
    for (const message of [
      null,
      'x',
      {},
      { kind: 'ask', n: 1 },
      { kind: 'loaded', n: 1 },
      { kind: 'loaded', n: 7, text: '' },
    ])
      a.said(message)
    expect(a.replies).toEqual([])
    a.ask(1)
    b.ask(1)
    a.left()
    a.said(loaded('late'))
    expect(b.replies).toEqual([LOAD])
  })

  it('whatever the order: an answer is fresh enough for whom it is given, and nobody is forgotten', () => {
    const step = fc.tuple(
      fc.constantFrom('plan', 'apply', 'ask', 'ask', 'loaded', 'loaded', 'failed', 'changing', 'left'),
      fc.nat({ max: 7 }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const { seat, now } = boardOf()
        const people: {
          readonly seat: Seat
          readonly since: number
          readonly mode: string
          asked: boolean
          here: boolean
          changes: boolean
          seen: number
        }[] = []
        /** Begin and end of what applies have changed. */
        const changes: { readonly of: object; readonly from: number; until: number }[] = []
        const loadedAt = new Map<string, number>()
        const underWay = new Map<object, number>()
        function look(): void {
          for (const one of people)
            for (const reply of one.seat.replies.slice(one.seen)) {
              one.seen += 1
              if (reply.kind === 'load') underWay.set(one, now())
              if (reply.kind !== 'answer') continue
              const at = loadedAt.get(reply.text) ?? Infinity
              expect(at).toBeGreaterThan(one.since)
              if (one.mode === 'apply') expect(changes.filter(({ until }) => until >= at)).toEqual([])
            }
        }
        for (const [what, at] of steps) {
          const one = people[at]
          if (what === 'plan' || what === 'apply') {
            const mode = what === 'plan' ? 'dry-run' : 'apply'
            const since = now()
            people.push({ seat: seat({ mode, since }), since, mode, asked: false, here: true, changes: false, seen: 0 })
          }
          if (one?.here !== true) continue
          const began = underWay.get(one)
          if (what === 'ask' && !one.asked && !one.changes) {
            one.asked = true
            one.seat.ask(1)
          } else if (what === 'loaded' && began !== undefined) {
            underWay.delete(one)
            const text = String(now())
            loadedAt.set(text, began)
            one.seat.said(loaded(text))
          } else if (what === 'failed' && began !== undefined) {
            underWay.delete(one)
            one.seat.said({ kind: 'failed', n: 1 })
          } else if (what === 'changing' && one.mode === 'apply' && !one.changes) {
            one.changes = true
            changes.push({ of: one, from: now(), until: Infinity })
            one.seat.said({ kind: 'changing', n: 2 })
          } else if (what === 'left') {
            one.here = false
            underWay.delete(one)
            for (const change of changes) if (change.of === one) change.until = now()
            one.seat.left()
          }
          look()
        }
        // Whoever waits is told in the end, whatever became of those that load.
        for (let round = 0; round <= people.length; round += 1)
          for (const one of people.filter((each) => underWay.has(each))) {
            underWay.delete(one)
            one.seat.said({ kind: 'failed', n: 1 })
            look()
          }
        const told = (one: { readonly seat: Seat }): boolean => one.seat.replies.some(({ n }) => n === 1)
        expect(people.filter((one) => one.here && one.asked && !told(one))).toEqual([])
      }),
      { numRuns: 2000 },
    )
  })
})
