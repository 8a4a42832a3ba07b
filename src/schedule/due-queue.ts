// Keys with the time at which each is due come in; what is due next, and what is due by now, go out in order of time.
// Pure: no clock, no timer. It does not know what a key stands for.

/** A key and when it is due. */
export interface Due {
  readonly key: string
  /** UTC ms. */
  readonly at: number
}

export interface DueQueue {
  readonly size: number
  /**
   * Makes a key due at that time, or sooner where it was due sooner already: one entry a key, the sooner time wins.
   * @returns whether the queue changed
   * @throws RangeError for a time that is not finite
   */
  schedule(key: string, at: number): boolean
  /** Makes a key due at exactly that time, also where that is later than it was. */
  reschedule(key: string, at: number): void
  /** @returns whether it was there */
  remove(key: string): boolean
  /** When a key is due, UTC ms. */
  dueAt(key: string): number | undefined
  /** What is due first; of equal times, what was put there first. */
  next(): Due | undefined
  /** When something is due next, UTC ms, without making an object for it. */
  nextAt(): number | undefined
  /** Takes out what is due at `now` or before, in order of time, at most `limit`. */
  popDue(now: number, limit?: number): readonly Due[]
  clear(): void
  /** All keys, in no order. */
  keys(): IterableIterator<string>
}

/** Children of a node. Four are compared within one cache line; a heap of two has twice the levels. */
const ARITY = 4

/**
 * A heap with an index, ordered by (time, turn), where the turn is the order of scheduling. A key lives in a slot that it keeps; times and turns
 * lie in the order of the heap, so that the children of a node are compared side by side.
 * Beyond its keys an entry takes 32 bytes of arrays and its place in a Map.
 */
export function createDueQueue(): DueQueue {
  const slotOf = new Map<string, number>()
  const keyAt: (string | undefined)[] = []
  const free: number[] = []
  /** Slot → place in the heap. */
  let placeOf = new Int32Array(16)
  /** By place in the heap: slot, time, turn. */
  let slots = new Int32Array(16)
  let times = new Float64Array(16)
  let turns = new Float64Array(16)
  let size = 0
  let nextTurn = 0

  const at = (array: Float64Array | Int32Array, index: number): number => array[index] as number

  function put(place: number, slot: number, time: number, turn: number): void {
    slots[place] = slot
    times[place] = time
    turns[place] = turn
    placeOf[slot] = place
  }

  function copy(from: number, to: number): void {
    put(to, at(slots, from), at(times, from), at(turns, from))
  }

  /** Puts an entry where it belongs, beginning at a place that may be overwritten. */
  function settle(from: number, slot: number, time: number, turn: number): void {
    let place = from
    while (place > 0) {
      const parent = (place - 1) >> 2
      const above = at(times, parent)
      if (above < time || (above === time && at(turns, parent) < turn)) break
      copy(parent, place)
      place = parent
    }
    if (place === from) place = sunk(from, time, turn)
    put(place, slot, time, turn)
  }

  /** Moves smaller children up, and gives the place that is free then. */
  function sunk(from: number, time: number, turn: number): number {
    let place = from
    for (;;) {
      const first = place * ARITY + 1
      if (first >= size) return place
      const end = Math.min(first + ARITY, size)
      let least = first
      let leastTime = at(times, first)
      for (let child = first + 1; child < end; child += 1) {
        const childTime = at(times, child)
        if (childTime < leastTime || (childTime === leastTime && at(turns, child) < at(turns, least))) {
          least = child
          leastTime = childTime
        }
      }
      if (time < leastTime || (time === leastTime && turn < at(turns, least))) return place
      copy(least, place)
      place = least
    }
  }

  function move(slot: number, time: number): void {
    settle(at(placeOf, slot), slot, time, nextTurn++)
  }

  function grow(): void {
    const length = times.length * 2
    const larger = <T extends Float64Array | Int32Array>(array: T, empty: T): T => {
      empty.set(array)
      return empty
    }
    placeOf = larger(placeOf, new Int32Array(length))
    slots = larger(slots, new Int32Array(length))
    times = larger(times, new Float64Array(length))
    turns = larger(turns, new Float64Array(length))
  }

  function insert(key: string, time: number): void {
    const slot = free.pop() ?? size
    if (slot === times.length) grow()
    slotOf.set(key, slot)
    keyAt[slot] = key
    size += 1
    settle(size - 1, slot, time, nextTurn++)
  }

  /** Takes the slot out of the heap; what stood last takes its place. */
  function take(slot: number): string {
    const key = keyAt[slot] as string
    const place = at(placeOf, slot)
    size -= 1
    const last = at(slots, size)
    if (last !== slot) settle(place, last, at(times, size), at(turns, size))
    slotOf.delete(key)
    keyAt[slot] = undefined
    free.push(slot)
    return key
  }

  function checked(due: number): number {
    if (Number.isFinite(due)) return due
    throw new RangeError(`Internal error: ${String(due)} is no time at which anything is due`)
  }

  return {
    get size() {
      return size
    },
    schedule(key, due) {
      const slot = slotOf.get(key)
      if (slot === undefined) insert(key, checked(due))
      else if (checked(due) < at(times, at(placeOf, slot))) move(slot, due)
      else return false
      return true
    },
    reschedule(key, due) {
      const slot = slotOf.get(key)
      if (slot === undefined) insert(key, checked(due))
      else move(slot, checked(due))
    },
    remove(key) {
      const slot = slotOf.get(key)
      if (slot === undefined) return false
      take(slot)
      return true
    },
    dueAt(key) {
      const slot = slotOf.get(key)
      return slot === undefined ? undefined : at(times, at(placeOf, slot))
    },
    next() {
      if (size === 0) return undefined
      return { key: keyAt[at(slots, 0)] as string, at: at(times, 0) }
    },
    nextAt: () => (size === 0 ? undefined : at(times, 0)),
    popDue(now, limit = Infinity) {
      const due: Due[] = []
      while (size > 0 && due.length < limit) {
        const when = at(times, 0)
        if (when > now) break
        due.push({ key: take(at(slots, 0)), at: when })
      }
      return due
    },
    clear() {
      slotOf.clear()
      keyAt.length = 0
      free.length = 0
      size = 0
    },
    keys: () => slotOf.keys(),
  }
}
