// Facts of files in, lines of a pack out, and back in parts: of tens of thousands of files every check needs the beginning and what leads to other
// files, and neither has to be held after it was looked at.
import type { BlobPack } from './blob-pack.js'
import type { Facts, ReferenceFact } from './facts.js'
import type { SchemaDigests } from './schema-digests.js'

/** What stays known of a file. */
export interface KnownFacts extends Pick<Facts, 'schema' | 'rootIdentifier' | 'findings'> {
  readonly id: string
  /** Of data files: there is a value, kept under the same id. */
  readonly hasValue: boolean
}

/** Where references of one kind lead: enough to see that nothing is wrong with them. `expected` and `isItem` as in {@link ReferenceFact}. */
export type Lead = readonly [expected: ReferenceFact[2], isItem: number, ...to: readonly string[]]

/** What a file says that others have to fit to; of its references the short form. */
export interface Links extends Pick<Facts, 'resources' | 'uniques'> {
  readonly leads: readonly Lead[]
}

/** Where in a file its references are, and what bundling adds to it and its schemas. */
export type Details = Pick<Facts, 'references' | 'lists' | 'patches'>

/** Tuples, since names of parts would be half of the text. `digest` is of what the facts depend on, `final` where that is no schema. */
type Head = readonly [
  digest: string,
  hasValue: number,
  Facts['schema'],
  Facts['rootIdentifier'],
  ...findings: Facts['findings'],
]
type LinksTuple = readonly [Links['leads'], Facts['resources'], Facts['uniques']]
type DetailsTuple = readonly [Facts['references'], Facts['lists'], Facts['patches']]

/** Between the parts, as the pack cuts them: JSON text holds none. */
const CUT = '\t'

export class KeptFacts {
  readonly #pack: BlobPack
  readonly #digests: SchemaDigests
  /** One text for all files of a schema. */
  readonly #schemas = new Map<string, string>()

  constructor(pack: BlobPack, digests: SchemaDigests) {
    this.#pack = pack
    this.#digests = digests
  }

  put(id: string, facts: Facts, { hasValue, isFinal }: { hasValue: boolean; isFinal: boolean }): KnownFacts {
    const { schema, rootIdentifier, findings, references, resources, uniques, lists, patches } = facts
    const digest = isFinal ? 'final' : this.#digests.of(schema)
    const head: Head = [digest, hasValue ? 1 : 0, schema, rootIdentifier, ...findings]
    const links: LinksTuple = [leadsOf(references), resources, uniques]
    const details: DetailsTuple = [references, lists, patches]
    this.#pack.put(id, [head, links, details].map((part) => JSON.stringify(part)).join(CUT))
    return { id, schema: this.#shared(schema), rootIdentifier, findings, hasValue }
  }

  /** `isStale`: there are facts, and what they depend on has changed. */
  find(id: string): { readonly known: KnownFacts; readonly isStale: boolean } | undefined {
    const text = this.#pack.get(id, 0)
    if (text === undefined) return undefined
    const head = JSON.parse(text) as Head
    const [digest, hasValue, schema, rootIdentifier, ...findings] = head
    return {
      known: { id, schema: this.#shared(schema), rootIdentifier, findings, hasValue: hasValue === 1 },
      isStale: digest !== 'final' && digest !== this.#digests.of(schema),
    }
  }

  links({ id }: KnownFacts): Links {
    const [leads, resources, uniques] = this.#part(id, 1) as LinksTuple
    return { leads, resources, uniques }
  }

  details({ id }: KnownFacts): Details {
    const [references, lists, patches] = this.#part(id, 2) as DetailsTuple
    return { references, lists, patches }
  }

  #part(id: string, index: 1 | 2): unknown {
    const text = this.#pack.get(id, index)
    if (text === undefined) throw new Error(`Internal error: the facts of ${id} are not there`)
    return JSON.parse(text)
  }

  #shared(schema: string | null): string | null {
    if (schema === null) return null
    const known = this.#schemas.get(schema)
    if (known !== undefined) return known
    this.#schemas.set(schema, schema)
    return schema
  }
}

function leadsOf(references: Facts['references']): readonly Lead[] {
  const groups = new Map<string, [ReferenceFact[2], number, Set<string>]>()
  for (const [, to, expected, isItem] of references) {
    const key = JSON.stringify([expected, isItem])
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [expected, isItem, new Set([to])])
    else group[2].add(to)
  }
  return [...groups.values()].map(([expected, isItem, to]) => [expected, isItem, ...to])
}
