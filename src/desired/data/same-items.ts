// The named items of the lists of one file in, those that cannot be told apart out. Must not know where a name comes from.
import { formatPath } from '../../util/json-path.js'
import { pathOf, type PathText } from './facts.js'
import type { Finding } from './faults.js'
import type { Confs } from './graphql-confs.js'

export interface ListItem {
  readonly list: PathText
  readonly index: number
  readonly type: string
  readonly id: string
}

/** Of one file. */
export class SameItems {
  readonly #confs: Confs
  readonly #first = new Map<string, number>()

  constructor(confs: Confs) {
    this.#confs = confs
  }

  /** What is wrong with it beside those that were added before. */
  add({ list, index, type, id }: ListItem): Finding | undefined {
    const key = `${type} ${id} ${list}`
    const other = this.#first.get(key)
    if (other === undefined) {
      this.#first.set(key, index)
      return undefined
    }
    const [first, second] = [Math.min(other, index), Math.max(other, index)]
    const at = pathOf(list)
    const fields = this.#confs.types.get(type)?.contextUnique.join(', ') ?? ''
    return {
      kind: 'UNIQUE',
      reason: 'DUPLICATE_CONTEXT_UNIQUE_FIELD',
      at: [...at, second],
      message: `items ${String(first)} and ${String(second)} of ${formatPath(at)} are the same in ${fields}, which must tell them apart`,
      schema: null,
    }
  }
}
