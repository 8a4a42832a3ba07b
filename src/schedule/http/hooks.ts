// Signed pushes come in, at POST /hooks/git; that there may be a new commit goes out. Must not believe what a push says of itself: it only makes
// the daemon look. Tells an unknown sender nothing.
import type { Clock } from '../../util/clock.js'
import { createRemembered } from '../../util/remembered.js'
import { fault, json } from './answer.js'
import { deliveryOf, hookContent, isSigned } from './hook-forms.js'
import type { Route } from './server.js'

type HookResult = 'accepted' | 'ignored' | 'duplicate' | 'refused' | 'unreadable'

export interface HookOptions {
  /** What the sender signs with; undefined or empty: hooks are not taken. */
  readonly secret: string | undefined
  /** `refs/heads/main`; null: HEAD of a repository here, which a push of any branch may have moved. */
  readonly ref: string | null
  /** Looks for a newer commit. A storm may ask for it: it must be one at a time. Rejects where that failed. */
  readonly refresh: () => Promise<void>
  readonly clock: Clock
  readonly onResult: (result: HookResult) => void
}

/** A push that names some thousand commits with their files fits. */
const MOST_BYTES = 5 * 1024 * 1024
const DELIVERY_TTL_MS = 3_600_000
const MOST_DELIVERIES = 10_000

export function hookRoutes({ secret, ref, refresh, clock, onResult }: HookOptions): readonly Route[] {
  const deliveries = createRemembered<true>({ clock, ttlMs: DELIVERY_TTL_MS, most: MOST_DELIVERIES })

  /** A delivery that led to nothing may be sent again. */
  async function look(delivery: string | undefined): Promise<void> {
    if (delivery !== undefined) deliveries.set(delivery, true)
    try {
      await refresh()
    } catch {
      if (delivery !== undefined) deliveries.forget(delivery)
    }
  }

  const answer: Route['answer'] = async (asked) => {
    const { headers } = asked
    const done = (result: HookResult, more: object = {}) => {
      onResult(result)
      return json(202, { result, ...more })
    }
    if (secret === undefined || secret === '') {
      onResult('refused')
      return fault(403, 'forbidden', 'TRUEUP_HOOK_SECRET is not set for this daemon, so it takes no hooks')
    }
    const sent = { headers, body: await asked.body(MOST_BYTES) }
    if (!isSigned(sent, { secret, now: clock.now() })) {
      onResult('refused')
      return fault(401, 'unauthorized', 'the signature is missing or wrong')
    }
    const content = hookContent(sent)
    if (content.kind === 'unreadable') {
      onResult('unreadable')
      return fault(400, 'usage', `this is no push: ${content.why}`)
    }
    if (content.kind === 'other') return done('ignored', { reason: `only a push is followed, not ${content.event}` })
    if (ref !== null && content.ref !== ref)
      return done('ignored', { reason: `${content.ref} is not served, but ${ref}` })
    const delivery = deliveryOf(headers)
    if (delivery !== undefined && deliveries.get(delivery) === true) return done('duplicate')
    void look(delivery)
    return done('accepted', { ref: content.ref, commit: content.commit })
  }

  return [{ method: 'POST', path: '/hooks/git', answer }]
}
