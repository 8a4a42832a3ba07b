// Finds entries of the run cache by shortened ids, as in git; says clearly when there is none, or several.
import { TrueupError } from '../errors.js'
import type { EntryPlace } from '../early-exit/run-cache-list.js'

const SHORTEST = 4

/** @throws entry-unknown */
export function oneEntry<E extends EntryPlace>(entries: readonly E[], id: string): E {
  const wanted = id.toLowerCase()
  if (!/^[0-9a-f]+$/.test(wanted) || wanted.length < SHORTEST)
    throw unknown(`"${id}" is no id of a cache entry: give ${String(SHORTEST)} of its hex digits or more`)
  const found = entries.filter((entry) => entry.id.startsWith(wanted))
  const [first] = found
  if (first === undefined) throw unknown(`there is no cache entry "${id}"; \`trueup cache list\` shows those that are`)
  if (found.length === 1) return first
  const shown = found
    .slice(0, 4)
    .map((entry) => `${entry.id.slice(0, 12)} (${entry.target}, ${entry.mode}, zone ${entry.zone})`)
  throw unknown(
    `"${id}" could be ${String(found.length)} entries: ${shown.join(', ')}${found.length > 4 ? ' …' : ''}; give more of the id`,
  )
}

function unknown(message: string): TrueupError {
  return new TrueupError('entry-unknown', message)
}
