// Two commits come in; which targets of the served one differ between them goes out, as `trueup affected` tells in its tree. Where it cannot tell: all.
import { isRecord } from '../../util/is-record.js'
import type { ChildResult } from './child-run.js'
import { within, type ServedTree } from './served-tree.js'

export interface AffectedTargets {
  /** Names, in the order of trueup.yaml. */
  readonly changed: (served: ServedTree, base: string) => Promise<readonly string[]>
  /** The others. Asked once for two commits. */
  readonly unaffectedSince: (served: ServedTree, base: string) => Promise<ReadonlySet<string>>
}

export function affectedTargets(
  child: (served: ServedTree, args: readonly string[]) => Promise<ChildResult>,
): AffectedTargets {
  const known = new WeakMap<ServedTree, Map<string, ReadonlySet<string>>>()

  async function unaffectedSince(served: ServedTree, base: string): Promise<ReadonlySet<string>> {
    const ofTree = known.get(served) ?? new Map<string, ReadonlySet<string>>()
    known.set(served, ofTree)
    const before = ofTree.get(base)
    if (before !== undefined) return before
    const { document } = await within(served, () => child(served, ['affected', '--base', base]))
    const targets = isRecord(document) && Array.isArray(document['targets']) ? document['targets'] : undefined
    if (targets === undefined) return new Set()
    const found = new Set(
      (targets as readonly unknown[]).flatMap((one) =>
        isRecord(one) && one['affected'] === false && typeof one['target'] === 'string' ? [one['target']] : [],
      ),
    )
    ofTree.set(base, found)
    return found
  }

  return {
    unaffectedSince,
    async changed(served, base) {
      const unaffected = await unaffectedSince(served, base)
      return [...served.targets.keys()].filter((name) => !unaffected.has(name))
    },
  }
}

/** For people. */
export function affectedText(changed: readonly string[]): string {
  if (changed.length === 0) return 'it affects no target'
  const more = changed.length > 5 ? ` and ${String(changed.length - 5)} more` : ''
  return `due now: ${changed.slice(0, 5).join(', ')}${more}`
}
