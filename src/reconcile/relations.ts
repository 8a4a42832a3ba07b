// Relations that integrations declare, and who asks for them, come in; each is loaded once for an id, and the answer goes to all who ask. Out: the answers,
// and how often was asked and loaded. Must not: remember an error, or tell a relation who asks.
import { isTrueupError, toError, TrueupError } from '../errors.js'
import type { RelationUse } from '../event.js'
import type { Related, Relation, RelationContext } from '../relation-types.js'
import { compareText } from '../util/compare-text.js'
import { deepFreeze } from '../util/freeze.js'
import { relationMade } from './made-relations.js'
import type { SharedAnswers } from './shared-answers.js'

/**
 * Declares something of the outside that several shards or targets need, by its id. Declare it once, at the top of a module: what is the same value is
 * one relation.
 *
 * @param load - gives it; called once for each id, however many ask. It must read alone, and depend on nothing but the id
 */
export function relation<T>(name: string, load: Relation<T>['load']): Relation<T> {
  const made: Relation<T> = { kind: 'relation', name, load }
  relationMade(made)
  return made
}

/** Answers by relation and id, those under way among them. Of dry runs, one for all runs of a process. */
export type Answers = Map<Relation<unknown>, Map<string, Promise<unknown>>>

export interface Relations {
  /** @param planning - whether the run is planning now */
  for(asker: {
    readonly integration: string
    readonly context: RelationContext
    readonly planning: () => boolean
  }): Related
  /** From now on it takes nothing that other processes have loaded. */
  alone(): void
  /** By name; undefined while nothing was asked. */
  counts(): readonly RelationUse[] | undefined
}

export interface RelationsOptions {
  /** Those of other runs of this process too. @defaultValue its own alone */
  readonly answers?: Answers | undefined
  /** Those of other processes. @defaultValue none */
  readonly shared?: SharedAnswers | undefined
}

/** Of one run. */
export function createRelations({ answers = new Map(), shared }: RelationsOptions = {}): Relations {
  let others = shared
  const uses = new Map<string, RelationUse>()
  function count(name: string, what: 'asked' | 'loaded'): void {
    const before = uses.get(name) ?? { name, asked: 0, loaded: 0 }
    uses.set(name, { ...before, [what]: before[what] + 1 })
  }
  return {
    for({ integration, context, planning }) {
      return <T>(asked: Relation<T>, id: string): Promise<T> => {
        const fault = faultOf(asked, id) ?? (planning() ? undefined : LATE)
        if (fault !== undefined)
          return Promise.reject(new TrueupError('integration-invalid', `${integration}: ctx.related() ${fault}`))
        const known = answers.get(asked) ?? new Map<string, Promise<unknown>>()
        answers.set(asked, known)
        const before = known.get(id)
        count(asked.name, 'asked')
        // Kept under the relation that gave it.
        if (before !== undefined) return before as Promise<T>
        const own = (): Promise<T> => {
          count(asked.name, 'loaded')
          return load(asked, id, context)
        }
        const loading = others === undefined ? own() : others.ask(asked, id, own).then(deepFreeze)
        known.set(id, loading)
        loading.catch(() => {
          if (known.get(id) === loading) known.delete(id)
        })
        return loading
      }
    },
    alone() {
      others = undefined
    },
    counts() {
      return uses.size === 0 ? undefined : [...uses.values()].sort((a, b) => compareText(a.name, b.name))
    },
  }
}

const LATE = 'is for planning: what a handler needs of it is kept in a variable of run()'

function faultOf(asked: unknown, id: unknown): string | undefined {
  const isRelation = typeof asked === 'object' && asked !== null && 'kind' in asked && asked.kind === 'relation'
  if (!isRelation) return 'takes what relation() made, and an id'
  return typeof id === 'string' ? undefined : `takes an id that is a text, not ${typeof id}`
}

async function load<T>({ name, load: given }: Relation<T>, id: string, context: RelationContext): Promise<T> {
  try {
    return deepFreeze(await given(id, context))
  } catch (thrown) {
    const error = toError(thrown)
    if (isTrueupError(error)) throw error
    throw new TrueupError('current-unreadable', `${name} ${JSON.stringify(id)} could not be loaded: ${error.message}`, {
      cause: error,
      details: { relation: name, id },
    })
  }
}
