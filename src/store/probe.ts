// Tries on objects of its own what locking relies on: conditions, one caller at a time and many at once, and that what is written is read. In: a store. Out: what was
// tried, how often, and what was seen. It can find a fault, never show that there is none; it must not touch what is not its own.
import type { Clock } from '../util/clock.js'
import { newUlid } from '../util/ulid.js'
import { storeKey, storePrefix, type ObjectStore, type StoreKey } from './object-store.js'

export interface ProbeStep {
  readonly name:
    | 'create'
    | 'create-again'
    | 'read-after-write'
    | 'list-after-write'
    | 'replace'
    | 'stale-replace'
    | 'replace-absent'
    | 'delete-by-wrong-etag'
    | 'race-creates'
    | 'race-replaces'
    | 'delete'
    | 'clock'
  /** What was done, as a sentence without its end: `created an object that was not there`. */
  readonly tried: string
  /** `warn`: nothing that locking relies on. */
  readonly result: 'ok' | 'warn' | 'fail'
  /** What was seen, where it is not what must be. */
  readonly seen: string | null
}

export interface ProbeReport {
  readonly steps: readonly ProbeStep[]
  /** What the store does wrong, for a sentence "the store … <fault>"; null when no fault was seen. */
  readonly fault: string | null
  /** Store's clock less this one's, ms. */
  readonly skewMs: number
}

const ROUNDS = 16
const WRITERS = 8
const MOST_SKEW_MS = 5_000

export interface ProbeOptions {
  /** Of either race, with 8 writers each. @defaultValue 16 */
  readonly rounds?: number
}

export async function probeStore(store: ObjectStore, clock: Clock, options: ProbeOptions = {}): Promise<ProbeReport> {
  return new Probe(store, clock, options.rounds ?? ROUNDS).run()
}

class Probe {
  readonly #store: ObjectStore
  readonly #clock: Clock
  readonly #rounds: number
  readonly #id: string
  readonly #used = new Set<StoreKey>()
  readonly #steps: ProbeStep[] = []
  #fault: string | null = null

  constructor(store: ObjectStore, clock: Clock, rounds: number) {
    this.#store = store
    this.#clock = clock
    this.#rounds = rounds
    this.#id = newUlid(clock.now())
  }

  async run(): Promise<ProbeReport> {
    try {
      await this.#alone()
      // What one caller is refused wrongly or not at all, many are too.
      if (this.#fault === null) {
        await this.#raceCreates()
        await this.#raceReplaces()
      }
    } finally {
      await this.#tidy()
    }
    const skewMs = await this.#clockStep()
    return { steps: this.#steps, fault: this.#fault, skewMs }
  }

  async #alone(): Promise<void> {
    const store = this.#store
    const key = this.#key('alone')
    const created = await store.put(key, text('1'), { condition: { kind: 'if-absent' } })
    this.#note(
      'create',
      'created an object that was not there',
      created.kind === 'stored' ? null : told(created),
      'cannot create objects',
    )
    const again = await store.put(key, text('2'), { condition: { kind: 'if-absent' } })
    this.#note(
      'create-again',
      'created it once more, which must be refused',
      again.kind === 'exists' ? null : told(again),
      'ignores If-None-Match',
    )
    const first = await this.#read(key)
    this.#note(
      'read-after-write',
      'read it at once',
      first.text === '1' || again.kind !== 'exists' ? null : `it is ${first.text}`,
      'does not give back what was written last',
    )
    const listed = await this.#isListed(key)
    this.#note(
      'list-after-write',
      'listed it at once',
      listed ? null : 'it is not in the list',
      'does not list what was written last',
    )
    const replaced = await store.put(key, text('3'), { condition: { kind: 'if-etag', etag: first.etag } })
    this.#note(
      'replace',
      'replaced it by its etag',
      replaced.kind === 'stored' ? null : told(replaced),
      'cannot replace objects by their etag',
    )
    const stale = await store.put(key, text('4'), { condition: { kind: 'if-etag', etag: first.etag } })
    this.#note(
      'stale-replace',
      'replaced it by its former etag, which must be refused',
      stale.kind === 'conflict' ? null : told(stale),
      'ignores If-Match',
    )
    const absent = await store.put(this.#key('absent'), text('5'), { condition: { kind: 'if-etag', etag: first.etag } })
    this.#note(
      'replace-absent',
      'replaced by an etag what is not there, which must be refused',
      absent.kind === 'missing' ? null : told(absent),
      'ignores If-Match where there is no object',
    )
    const kept = await store.delete(key, { etag: first.etag })
    const isThere = (await store.head(key)).kind === 'found'
    this.#note(
      'delete-by-wrong-etag',
      'deleted it by its former etag, which must be refused',
      kept.kind === 'conflict' && isThere ? null : told(kept),
      'ignores If-Match on deletes',
    )
  }

  async #raceCreates(): Promise<void> {
    let wrong = 0
    for (let round = 0; round < this.#rounds; round += 1) {
      const key = this.#key(`create-${String(round)}`)
      const winners = await this.#race((writer) => ({ key, value: writer, condition: { kind: 'if-absent' } }))
      if (winners.length !== 1 || (await this.#read(key)).text !== winners[0]) wrong += 1
    }
    this.#noteRace('race-creates', 'created one object', wrong)
  }

  async #raceReplaces(): Promise<void> {
    const key = this.#key('replace')
    await this.#store.put(key, text('start'))
    let wrong = 0
    for (let round = 0; round < this.#rounds; round += 1) {
      const { etag } = await this.#read(key)
      const value = (writer: string): string => `${String(round)}-${writer}`
      const winners = await this.#race((writer) => ({
        key,
        value: value(writer),
        condition: { kind: 'if-etag', etag },
      }))
      if (winners.length !== 1 || (await this.#read(key)).text !== winners[0]) wrong += 1
    }
    this.#noteRace('race-replaces', 'replaced one object by the same etag', wrong)
  }

  /** The values of those who were told that theirs is stored. */
  async #race(
    write: (writer: string) => {
      readonly key: StoreKey
      readonly value: string
      readonly condition: { readonly kind: 'if-absent' } | { readonly kind: 'if-etag'; readonly etag: string }
    },
  ): Promise<readonly string[]> {
    const writes = Array.from({ length: WRITERS }, (_, writer) => write(String(writer)))
    const results = await Promise.all(
      writes.map(({ key, value, condition }) => this.#store.put(key, text(value), { condition })),
    )
    return results.flatMap(({ kind }, at) => (kind === 'stored' ? [writes[at]?.value ?? ''] : []))
  }

  async #clockStep(): Promise<number> {
    const before = this.#clock.now()
    const store = await this.#store.now()
    const after = this.#clock.now()
    // The store may tell whole seconds only.
    const skew = store < before - 1000 ? store - before + 1000 : store > after ? store - after : 0
    const seen =
      Math.abs(skew) > MOST_SKEW_MS
        ? `this clock and the store's differ by ${String(Math.round(Math.abs(skew) / 1000))} s`
        : null
    this.#steps.push({ name: 'clock', tried: 'asked for its time', result: seen === null ? 'ok' : 'warn', seen })
    return skew
  }

  async #tidy(): Promise<void> {
    try {
      for (const key of this.#used) await this.#store.delete(key)
      this.#steps.push({ name: 'delete', tried: 'deleted what the probe wrote', result: 'ok', seen: null })
    } catch (error) {
      const seen = error instanceof Error ? error.message : 'it failed'
      this.#steps.push({ name: 'delete', tried: 'deleted what the probe wrote', result: 'warn', seen })
    }
  }

  async #read(key: StoreKey): Promise<{ readonly text: string; readonly etag: string }> {
    const found = await this.#store.get(key)
    return found.kind === 'missing'
      ? { text: 'missing', etag: 'missing' }
      : { text: new TextDecoder().decode(found.value), etag: found.etag }
  }

  async #isListed(key: StoreKey): Promise<boolean> {
    for await (const entry of this.#store.list(storePrefix('probe', this.#id))) if (entry.key === key) return true
    return false
  }

  #key(name: string): StoreKey {
    const key = storeKey('probe', this.#id, name)
    this.#used.add(key)
    return key
  }

  #note(name: ProbeStep['name'], tried: string, seen: string | null, fault: string): void {
    this.#steps.push({ name, tried, result: seen === null ? 'ok' : 'fail', seen })
    if (seen !== null) this.#fault ??= fault
  }

  #noteRace(name: ProbeStep['name'], what: string, wrong: number): void {
    const seen =
      wrong === 0 ? null : `in ${String(wrong)} of ${String(this.#rounds)} rounds not exactly one of them won`
    const tried = `${what} ${String(WRITERS)} times at once, ${String(this.#rounds)} rounds`
    this.#note(
      name,
      tried,
      seen,
      `does not keep ${name === 'race-creates' ? 'If-None-Match' : 'If-Match'} when several write at once`,
    )
  }
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value)
}

function told({ kind }: { readonly kind: string }): string {
  return `the store said: ${kind}`
}
