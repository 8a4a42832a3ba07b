// Holds as commands show them to people: a line, and the command that ends it.
import { holdText } from '../run-hold.js'
import type { Style } from '../report/style.js'
import type { Hold } from '../store/holds.js'

/** `billing-db is held until … by jane on ci-7: the release is cut`, `All targets are held …`. */
export function holdLine(hold: Hold, style: Style): string {
  return `${hold.target === null ? 'All targets are' : `${style.data(hold.target)} is`} held ${style.data(holdText(hold, style.utc))}`
}

/** `trueup release billing-db`, with the flags that say where. */
export function releaseHint({ target }: Pick<Hold, 'target'>, place: string): string {
  return `trueup release ${target ?? '--all'}${place}`
}
