// What people do at the pages of a daemon comes in; it is done in the store as the commands do it, and who did it is recorded there and told. Knows
// nothing of requests.
import type { RunActor } from '../../event.js'
import { resolveCall } from '../../durable/list-calls.js'
import type { Acts } from '../../schedule/http/page/acts.js'
import { allHolds, endHold, placeHold, tidyHolds } from '../../store/holds.js'
import type { ObjectStore } from '../../store/object-store.js'
import type { Clock } from '../../util/clock.js'
import { formatDuration } from '../../util/duration.js'
import { listDoubts } from '../doubts.js'
import { heldThing } from '../hold-forms.js'
import type { Daemon } from './daemon.js'
import type { Told } from './told.js'

export interface PageActsOptions {
  readonly daemon: Daemon
  readonly store: ObjectStore
  readonly clock: Clock
  readonly told: Told
  /** Of this process: its host, and the tool. */
  readonly self: RunActor
  /** A lease that is held is waited for so long, ms. */
  readonly waitMs: number
  readonly stop: AbortSignal
  /** The store is another now. */
  readonly onChange: () => void
}

export function pageActs({ daemon, store, clock, told, self, waitMs, stop, onChange }: PageActsOptions): Acts {
  const actorOf = (name: string): RunActor => ({ ...self, actor: name, url: null })
  const placeOf = (name: string): Pick<RunActor, 'actor' | 'host' | 'url'> => ({
    actor: name,
    host: self.host,
    url: null,
  })
  const tell = (act: string, message: string, fields: Readonly<Record<string, unknown>>): void => {
    told.line('info', message, { act, ...fields })
  }

  return {
    async run(target, by) {
      if (daemon.current()?.targets.has(target) !== true) return false
      if (!(await daemon.scheduler.trigger(target, { reason: 'run now, at the page', by, key: null }))) return false
      tell('run', `${target} is due now: ${by} asked for it`, { target, actor: by })
      return true
    },
    async hold({ target, reason, forMs, by }) {
      const isKnown = daemon.current()?.targets.has(target) === true
      if (!isKnown && !(await allHolds(store)).some((hold) => hold.target === target)) return false
      await placeHold(store, { target, reason, forMs, by: placeOf(by) })
      await tidyHolds(store)
      tell('hold', `${target} is held for ${formatDuration(forMs)} by ${by}: ${reason}`, {
        target,
        actor: by,
        forMs,
        reason,
      })
      onChange()
      return true
    },
    async release({ target, part, by }) {
      const released = await endHold(store, target, part)
      await tidyHolds(store)
      onChange()
      if (released === undefined) return false
      const ofPart = part === undefined ? {} : { part }
      tell('release', `the hold of ${heldThing(released)} was ended by ${by}`, { target, ...ofPart, actor: by })
      return true
    },
    async resolve({ id, as, by }) {
      const doubt = (await listDoubts(store)).find((one) => one.id === id)
      if (doubt === undefined) return false
      if (doubt.kind === 'durable') {
        const who = { ...placeOf(by), at: clock.now() }
        if (!(await resolveCall(store, doubt.listed, { as, by: who }))) return false
      } else {
        const [{ resolveChange }, { wireOwned }] = await Promise.all([
          import('../../run-resolve.js'),
          import('../wiring.js'),
        ])
        const warn = (message: string): void => {
          told.line('warn', message)
        }
        await resolveChange(wireOwned({ store, by: actorOf(by), waitMs, warn, stop }), doubt.change, as)
      }
      tell('resolve', `the doubt ${id.slice(0, 8)} is resolved as ${as} by ${by}`, { doubt: id, as, actor: by })
      onChange()
      return true
    },
    refused(why) {
      told.line('warn', `something that was sent to a page was refused: ${why}`)
    },
  }
}
