// The keys of events that any replica has had, in the database that they share.
import { EVENT_KEY_TTL_MS, type EventKeys, type KeptEvent } from './event-keys.js'
import type { Database } from './postgres-database.js'

const TTL = `interval '${String(EVENT_KEY_TTL_MS)} ms'`

export function postgresEventKeys({ query }: Database, scope: string): EventKeys {
  return {
    async get(key) {
      const [found] = await query<KeptEvent & Record<string, unknown>>(
        `SELECT digest, targets FROM trueup.event_keys WHERE scope = $1 AND key = $2 AND kept_at > now() - ${TTL}`,
        [scope, key],
      )
      return found
    },
    async set(key, { digest, targets }) {
      await query(`DELETE FROM trueup.event_keys WHERE kept_at < now() - ${TTL}`)
      // Of two at once, the first.
      await query(
        `INSERT INTO trueup.event_keys AS k (scope, key, digest, targets) VALUES ($1, $2, $3, $4)
         ON CONFLICT (scope, key) DO NOTHING`,
        [scope, key, digest, targets],
      )
    },
  }
}
