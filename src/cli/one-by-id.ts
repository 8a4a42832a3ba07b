// Finds one thing by a shortened id, as git does; says clearly when there is none, or several. Knows nothing of the things.
import { TrueupError } from '../errors.js'

const SHORTEST = 4

/** @param noun `doubt`; `list` the command that shows the ids. @throws run-unknown */
export function oneById<T extends { readonly id: string }>(
  all: readonly T[],
  id: string,
  { noun, list }: { readonly noun: string; readonly list: string },
): T {
  const wanted = id.toLowerCase()
  const matching = wanted.length < SHORTEST ? [] : all.filter((one) => one.id.startsWith(wanted))
  const [first] = matching
  if (first === undefined) throw new TrueupError('run-unknown', `there is no ${noun} "${id}"; \`${list}\` shows all`)
  if (matching.length === 1) return first
  const some = matching.slice(0, 4).map((one) => one.id.slice(0, 16))
  throw new TrueupError(
    'run-unknown',
    `"${id}" could be ${String(matching.length)}: ${some.join(', ')}${matching.length > 4 ? ' …' : ''}; give more of the id`,
  )
}
