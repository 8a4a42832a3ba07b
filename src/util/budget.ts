// How much may happen at once: one budget of places for all runs of a process. Whoever holds a place may lend it to the work that he waits for,
// so nested work never waits for ever. Must not: start anything by itself.
import { AsyncLocalStorage } from 'node:async_hooks'

/** A right to work. It is used once: by `run`, or given back unused. */
export interface Place {
  /** Runs `fn`; work asked for within it may use the place too, one at a time. The place is free again when `fn` has settled. */
  run<T>(fn: () => Promise<T>): Promise<T>
  giveBack(): void
}

export interface Asked {
  /** Undefined only after `cancel`; one that is given is to be run in or given back. */
  readonly place: Promise<Place | undefined>
  /** Waits no longer. A place that was given already stays given. */
  cancel(): void
}

export interface Budget {
  /** A place that is free now. */
  tryPlace(): Place | undefined
  /** The next place, in the order of asking. */
  ask(): Asked
}

/** Places of one kind: those of the budget, or the single one that a holder lends. */
interface Pool {
  free: number
  closed: boolean
  readonly waiting: Set<(pool: Pool) => void>
}

/** What is lent here, by the budget that it is of. One for all budgets: each such store that is in use costs every promise of the process. */
const lentHere = new AsyncLocalStorage<ReadonlyMap<Pool, Pool>>()

/** @param places - how many may work at once, from 1 */
export function createBudget(places: number): Budget {
  if (!Number.isInteger(places) || places < 1)
    throw new RangeError(`a budget must be a whole number from 1, not ${places}`)
  const all = poolOf(places)
  const poolsHere = (): readonly Pool[] => {
    const own = lentHere.getStore()?.get(all)
    // The caller's own place first: while it waits, that one does nothing.
    return own === undefined ? [all] : [own, all]
  }

  function placeOf(pool: Pool): Place {
    return {
      async run(fn) {
        const own = poolOf(1)
        try {
          return await lentHere.run(new Map(lentHere.getStore()).set(all, own), fn)
        } finally {
          own.closed = true
          give(pool)
        }
      },
      giveBack() {
        give(pool)
      },
    }
  }

  function tryPlace(): Place | undefined {
    const pool = poolsHere().find(({ free, closed }) => free > 0 && !closed)
    if (pool === undefined) return undefined
    pool.free -= 1
    return placeOf(pool)
  }

  return {
    tryPlace,
    ask() {
      const place = tryPlace()
      if (place !== undefined) return { place: Promise.resolve(place), cancel: () => undefined }
      const pools = poolsHere()
      let end = (_pool: Pool | undefined): void => undefined
      const promise = new Promise<Place | undefined>((resolve) => {
        end = (pool) => {
          for (const one of pools) one.waiting.delete(end)
          resolve(pool === undefined ? undefined : placeOf(pool))
        }
      })
      for (const pool of pools) pool.waiting.add(end)
      return {
        place: promise,
        cancel: () => {
          end(undefined)
        },
      }
    },
  }
}

/** For a loop that starts work one by one and waits for other things too: at most one place that is not yet used. */
export class PlaceInHand {
  readonly #budget: Budget
  #place: Place | undefined
  #asked: { readonly asked: Asked; readonly arrived: Promise<void> } | undefined

  constructor(budget: Budget) {
    this.#budget = budget
  }

  get isEmpty(): boolean {
    return this.#place === undefined
  }

  /** Takes a free place into the hand, unless there is one; false when none is free. */
  reach(): boolean {
    this.#place ??= this.#budget.tryPlace()
    return this.#place !== undefined
  }

  /** The place in the hand, to be used now. */
  take(): Place {
    const place = this.#place
    if (place === undefined) throw new Error('Internal error: there is no place in the hand')
    this.#place = undefined
    return place
  }

  /** Resolves when a place has come into the hand. */
  next(): Promise<void> {
    if (this.#asked === undefined) {
      const asked = this.#budget.ask()
      const arrived = asked.place.then((place) => {
        const isWanted = this.#asked?.asked === asked && this.#place === undefined
        if (isWanted) this.#place = place
        else place?.giveBack()
        if (this.#asked?.asked === asked) this.#asked = undefined
      })
      this.#asked = { asked, arrived }
    }
    return this.#asked.arrived
  }

  /** Gives back what is in the hand, and asks for nothing more. */
  open(): void {
    this.#place?.giveBack()
    this.#place = undefined
    this.#asked?.asked.cancel()
    this.#asked = undefined
  }
}

/** Runs `fn` as soon as there is a place for it. */
export async function inPlace<T>(budget: Budget, fn: () => Promise<T>): Promise<T> {
  const place = await budget.ask().place
  // Nobody cancels.
  if (place === undefined) throw new Error('Internal error: a place was asked for and not given')
  return place.run(fn)
}

function poolOf(free: number): Pool {
  return { free, closed: false, waiting: new Set() }
}

function give(pool: Pool): void {
  if (pool.closed) return
  const [next] = pool.waiting
  if (next === undefined) pool.free += 1
  else next(pool)
}
