// What is wrong with a target, each time it is looked at, comes in; each change of that is told once to everybody who wants to hear of it. Trouble
// with that is told in the log, and changes nothing else.
import { newUlid } from '../util/ulid.js'
import type { Delivery } from './delivery.js'
import { told } from './conditions.js'
import type { KeptNotices, NoticeKeeper, PendingNotice } from './keeper.js'
import type { Condition, Notice, NoticeKind } from './notice.js'

/** Who wants to hear of what. */
export interface Receiver {
  readonly name: string
  readonly on: readonly NoticeKind[]
  /** A target must have them all. */
  readonly labels: Readonly<Record<string, string>>
}

export interface Seen {
  readonly target: string
  readonly labels: Readonly<Record<string, string>>
  readonly summary: string
  readonly run: string | null
}

export interface NotifierOptions {
  readonly keeper: NoticeKeeper
  readonly delivery: Delivery
  /** As they are then. */
  readonly receivers: () => readonly Receiver[]
  /** UTC ms. */
  readonly now: () => number
  /** `result`: delivered, given-up. */
  readonly onResult: (to: string, notice: Notice, result: { readonly kind: string; readonly why?: string }) => void
  readonly onTrouble: (target: string, error: unknown) => void
}

export interface Notifier {
  /** `change` gives what is wrong now of what was before. Resolves when that is kept, not when it is delivered; never rejects. */
  saw(seen: Seen, change: (open: readonly Condition[]) => readonly Condition[]): Promise<void>
  forget(target: string): Promise<void>
  /** Sends what was on its way when the process ended. Never rejects. */
  resume(): Promise<void>
  /** Resolves when nothing is on its way and what became of it is kept. */
  settled(): Promise<void>
}

export function createNotifier(options: NotifierOptions): Notifier {
  const { keeper, delivery, receivers, now, onResult, onTrouble } = options
  /** Of one target, one after the other: what ended first is seen first. */
  const turns = new Map<string, Promise<void>>()
  const underWay = new Set<Promise<void>>()

  function inTurn(target: string, work: () => Promise<void>): Promise<void> {
    const turn = (turns.get(target) ?? Promise.resolve()).then(work).catch((thrown: unknown) => {
      onTrouble(target, thrown)
    })
    turns.set(target, turn)
    void turn.then(() => {
      if (turns.get(target) === turn) turns.delete(target)
    })
    return turn
  }

  async function see(seen: Seen, change: (open: readonly Condition[]) => readonly Condition[]): Promise<void> {
    let fresh: readonly PendingNotice[] = []
    await keeper.update(seen.target, (kept): KeptNotices | undefined => {
      const open = change(kept.open)
      fresh = told(kept.open, open).flatMap((kind) => pendingOf(seen, kind, kept.open))
      if (fresh.length === 0 && JSON.stringify(open) === JSON.stringify(kept.open)) return undefined
      return { open, pending: [...kept.pending, ...fresh] }
    })
    for (const one of fresh) send(one)
  }

  function pendingOf(seen: Seen, kind: NoticeKind, before: readonly Condition[]): readonly PendingNotice[] {
    const was = kind === 'recovered' ? before : []
    const notice: Notice = { id: newUlid(now()), kind, ...seen, at: now(), was }
    return receivers()
      .filter((receiver) => wants(receiver, notice))
      .map(({ name }) => ({ to: name, notice }))
  }

  function send(one: PendingNotice): void {
    const { to, notice } = one
    const work = delivery.send(to, notice).then(async (result) => {
      if (result.kind === 'stopped') return
      onResult(to, notice, result)
      await inTurn(notice.target, async () => {
        await keeper.update(notice.target, (kept) => {
          const pending = kept.pending.filter((other) => other.to !== to || other.notice.id !== notice.id)
          return pending.length === kept.pending.length ? undefined : { open: kept.open, pending }
        })
      })
    })
    underWay.add(work)
    void work.finally(() => underWay.delete(work))
  }

  return {
    saw: (seen, change) => inTurn(seen.target, () => see(seen, change)),
    forget: (target) => inTurn(target, () => keeper.forget(target)),
    async resume() {
      try {
        for (const one of await keeper.pending()) send(one)
      } catch (thrown) {
        onTrouble('', thrown)
      }
    },
    async settled() {
      while (turns.size > 0 || underWay.size > 0) await Promise.all([...turns.values(), ...underWay])
    },
  }
}

/** That all is well again is for those who heard that it was not. */
function wants({ on, labels }: Receiver, notice: Notice): boolean {
  const fits = Object.entries(labels).every(([name, value]) => notice.labels[name] === value)
  const heard = notice.was.length === 0 || notice.was.some((one) => on.includes(one))
  return fits && on.includes(notice.kind) && (heard || on.length === 1)
}
