// What the runs of a daemon say of relations comes in; who loads and who is given what goes out. One run loads, the others wait for it. In memory alone.
// Must not: hand out what was read before the asking run became due, or, to an apply, what was read before or while another apply changed something;
// keep an error; read what it keeps.
import { saidOf, type Reply, type Said } from './answer-messages.js'

export interface GuestOptions {
  /** The served tree: only runs of one tree have the same relations. */
  readonly tree: string
  readonly mode: 'apply' | 'dry-run'
  /** Monotonic: nothing later has made it due. */
  readonly since: number
  /** false: it is told to load whatever it asks for. */
  readonly takes: boolean
  readonly reply: (reply: Reply) => void
}

/** The process of one run, as the board knows it. */
export interface Guest {
  said(message: unknown): void
  /** It is over, or cannot be talked to. */
  left(): void
}

export interface AnswerBoard {
  admit(options: GuestOptions): Guest
  /** Forgets what was read in other trees. */
  only(tree: string): void
  /** Forgets all that was read: for when no run is going or due. */
  clear(): void
}

export interface BoardOptions {
  /** Monotonic. */
  readonly now: () => number
  /** Characters of all answers together; the oldest go first. @defaultValue 64 Mi */
  readonly most?: number
}

interface Visit extends GuestOptions {
  readonly loads: Map<number, Load>
}

interface Load {
  /** When it began at the earliest: monotonic. */
  readonly at: number
  readonly slot: Slot
  readonly waiting: Question[]
}

interface Question {
  readonly visit: Visit
  readonly n: number
}

/** One id of one relation in one tree. */
interface Slot {
  readonly tree: string
  readonly key: string
  /** Under way, the newest last. */
  readonly loads: Set<Load>
  /** The newest. */
  done: { readonly at: number; readonly text: string } | undefined
  /** What it gives cannot be handed on. */
  isOwn: boolean
}

const MOST = 64 * 1024 * 1024

export function createAnswerBoard({ now, most = MOST }: BoardOptions): AnswerBoard {
  const slots = new Map<string, Slot>()
  /** Runs that may be changing something. */
  const changing = new Set<Visit>()
  let changedAt = -Infinity
  let kept = 0

  /** Strictly later: of what happened at one time, nobody knows the order. */
  function mayTake({ since, mode, takes }: Visit, at: number): boolean {
    if (!takes || at <= since) return false
    return mode === 'dry-run' || (changing.size === 0 && at > changedAt)
  }

  function ask(question: Question, slot: Slot): void {
    const { visit, n } = question
    const { done } = slot
    if (done !== undefined && mayTake(visit, done.at)) {
      visit.reply({ kind: 'answer', n, text: done.text })
      return
    }
    const underWay = slot.isOwn ? undefined : [...slot.loads].findLast(({ at }) => mayTake(visit, at))
    if (underWay !== undefined) {
      underWay.waiting.push(question)
      return
    }
    const load: Load = { at: now(), slot, waiting: [] }
    slot.loads.add(load)
    visit.loads.set(n, load)
    visit.reply({ kind: 'load', n })
  }

  function end({ loads }: Visit, n: number, text?: string): void {
    const load = loads.get(n)
    if (load === undefined) return
    loads.delete(n)
    const { slot, at, waiting } = load
    slot.loads.delete(load)
    if (text !== undefined && at > (slot.done?.at ?? -Infinity)) keep(slot, { at, text })
    // Asked anew: they may not take any more what they waited for. The first of those loads, the others wait again.
    for (const question of waiting) ask(question, slot)
    dropIfEmpty(slot)
  }

  function keep(slot: Slot, done: NonNullable<Slot['done']>): void {
    forget(slot)
    slot.done = done
    kept += done.text.length
    // Behind what was kept before it.
    slots.delete(slot.key)
    slots.set(slot.key, slot)
    for (const one of slots.values()) {
      if (kept <= most) break
      if (one !== slot) forget(one)
      dropIfEmpty(one)
    }
  }

  function forget(slot: Slot): void {
    kept -= slot.done?.text.length ?? 0
    slot.done = undefined
  }

  function dropIfEmpty(slot: Slot): void {
    if (slot.done === undefined && !slot.isOwn && slot.loads.size === 0 && slots.get(slot.key) === slot)
      slots.delete(slot.key)
  }

  function slotOf({ tree }: Visit, { source, name, id }: Said & { readonly kind: 'ask' }): Slot {
    const key = JSON.stringify([tree, source, name, id])
    const slot = slots.get(key) ?? { tree, key, loads: new Set(), done: undefined, isOwn: false }
    slots.set(key, slot)
    return slot
  }

  function clear(isMeant: (slot: Slot) => boolean): void {
    for (const slot of slots.values()) {
      if (!isMeant(slot)) continue
      forget(slot)
      slot.isOwn = false
      dropIfEmpty(slot)
    }
  }

  return {
    admit(options) {
      const visit: Visit = { ...options, loads: new Map() }
      let isHere = true
      let hasSpoken = false

      function heard(said: Said): void {
        switch (said.kind) {
          case 'hello':
            return
          case 'ask':
            ask({ visit, n: said.n }, slotOf(visit, said))
            return
          case 'loaded':
            end(visit, said.n, said.text)
            return
          case 'own': {
            const slot = visit.loads.get(said.n)?.slot
            if (slot !== undefined) slot.isOwn = true
            end(visit, said.n)
            return
          }
          case 'failed':
            end(visit, said.n)
            return
          case 'changing':
            changing.add(visit)
            visit.reply({ kind: 'known', n: said.n })
        }
      }

      return {
        said(message) {
          const said = saidOf(message)
          if (said === undefined || !isHere) return
          hasSpoken = true
          heard(said)
        },
        left() {
          if (!isHere) return
          isHere = false
          // A tool of another version, which never says so, may have changed something.
          if (changing.delete(visit) || (visit.mode === 'apply' && !hasSpoken)) changedAt = now()
          for (const slot of slots.values())
            for (const { waiting } of slot.loads) remove(waiting, (one) => one.visit === visit)
          for (const n of [...visit.loads.keys()]) end(visit, n)
        },
      }
    },
    only(tree) {
      clear((slot) => slot.tree !== tree)
    },
    clear() {
      clear(() => true)
    },
  }
}

function remove<T>(list: T[], isMeant: (one: T) => boolean): void {
  for (let at = list.length - 1; at >= 0; at -= 1) {
    const one = list[at]
    if (one !== undefined && isMeant(one)) list.splice(at, 1)
  }
}
