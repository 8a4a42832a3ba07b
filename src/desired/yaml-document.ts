// YAML text comes in, plain JSON data and the offset of every part go out. The only file that knows the `yaml` package.
// The package parses; the data is built here, so that keys, numbers and aliases mean one thing only.
import {
  Composer,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Parser,
  type Alias,
  type CST,
  type Node,
  type Scalar,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml'
import type { Json } from '../event.js'
import {
  checkWholeNumber,
  DocumentFault,
  duplicateKey,
  lineAndColumn,
  maxNesting,
  nestedTooDeeply,
  setKey,
} from './document-fault.js'
import type { DocumentWithOffsets } from './json-document.js'

/** What all aliases of a file together may add: 10 for each value, and the length of its text. */
const aliasBudget = 2_000_000

/** @throws DocumentFault at the first thing that is wrong */
export function parseYaml(text: string): DocumentWithOffsets {
  const { value } = parseWhole(text)
  // Offsets are asked for when something is wrong, and what they come of is ten times the text: parsed again then, not kept till then.
  let again: DocumentWithOffsets | undefined
  return { value, offsetOf: (path) => (again ??= parseWhole(text)).offsetOf(path) }
}

function parseWhole(text: string): DocumentWithOffsets {
  const tokens = [...new Parser().parse(text)]
  checkNesting(tokens)
  // Duplicate keys are found while building: the package compares every key with every other.
  const composer = new Composer({
    version: '1.2',
    schema: 'core',
    merge: false,
    uniqueKeys: false,
    resolveKnownTags: false,
    prettyErrors: false,
  })
  const [document, second] = composer.compose(tokens, true, text.length)
  if (document === undefined) return { value: null, offsetOf: () => 0 }
  const first = [...document.errors, ...document.warnings].sort((one, other) => one.pos[0] - other.pos[0])[0]
  if (first !== undefined) throw new DocumentFault(first.pos[0], first.message)
  if (second !== undefined) {
    throw new DocumentFault(second.range[0], 'a file holds one document: put the others into files of their own')
  }
  if (document.directives.yaml.explicit === true && document.directives.yaml.version !== '1.2') {
    throw new DocumentFault(
      0,
      `YAML ${document.directives.yaml.version} is not read: remove the %YAML line, the file then is YAML 1.2`,
    )
  }
  const builder = new JsonBuilder(text)
  const root = document.contents as Node | null
  return { value: root === null ? null : builder.build(root), offsetOf: (path) => builder.offsetOf(root, path) }
}

/** Without recursion, unlike the composer. */
function checkNesting(tokens: readonly CST.Token[]): void {
  // Level by level, and of scalars only that they are there: a file may have a million.
  let level = tokens.flatMap((token) => (token.type === 'document' ? (token.value ?? []) : token))
  for (let depth = 1; level.length > 0; depth += 1) {
    const below: CST.Token[] = []
    for (const token of level) {
      if (!('items' in token)) continue
      for (const { key, value } of token.items) {
        if (depth > maxNesting && (key ?? value)) throw nestedTooDeeply(key?.offset ?? offsetIn(value))
        if (key && 'items' in key) below.push(key)
        if (value && 'items' in value) below.push(value)
      }
    }
    level = below
  }
}

function offsetIn(token: CST.Token | undefined): number {
  return token !== undefined && 'offset' in token ? token.offset : 0
}

class JsonBuilder {
  readonly #text: string
  readonly #anchors = new Map<string, Node>()
  /** Bound when first seen: an anchor of the same name may follow. */
  readonly #targets = new Map<Alias, Node>()
  readonly #open = new Set<Node>()
  #aliasDepth = 0
  #aliasCost = 0

  constructor(text: string) {
    this.#text = text
  }

  build(node: Node): Json {
    if (isAlias(node)) return this.#alias(node)
    if (this.#aliasDepth > 0) this.#spend(node)
    else if ((isScalar(node) || isMap(node) || isSeq(node)) && node.anchor !== undefined)
      this.#anchors.set(node.anchor, node)
    if (isScalar(node)) return this.#scalar(node)
    this.#open.add(node)
    const value = isMap(node) ? this.#map(node) : isSeq(node) ? this.#sequence(node) : null
    this.#open.delete(node)
    return value
  }

  offsetOf(root: Node | null, path: readonly (string | number)[]): number {
    let offset = root === null ? 0 : offsetOf(root)
    let node = root
    for (const part of path) {
      if (isAlias(node)) node = this.#targets.get(node) ?? null
      const next = isSeq(node)
        ? (node.items[Number(part)] as Node | undefined)
        : isMap(node)
          ? this.#partOf(node, String(part))
          : undefined
      if (next === undefined) break
      offset = offsetOf(next)
      node = next
    }
    return offset
  }

  #partOf(map: YAMLMap, key: string): Node | undefined {
    const pair = map.items.find((item) => this.#key(item.key) === key)
    return (pair?.value ?? pair?.key) as Node | undefined
  }

  #map(map: YAMLMap): Json {
    const value: Record<string, Json> = {}
    const seen = new Map<string, number>()
    for (const item of map.items) {
      const key = this.#key(item.key)
      const offset = offsetOf(item.key as Node)
      const first = seen.get(key)
      if (first !== undefined) throw duplicateKey(key, offset, `line ${lineAndColumn(this.#text, first).line}`)
      seen.set(key, offset)
      setKey(value, key, item.value === null ? null : this.build(item.value as Node))
    }
    return value
  }

  #sequence(sequence: YAMLSeq): Json {
    return sequence.items.map((item) => this.build(item as Node))
  }

  /** A key as JSON has it: a text. Numbers and words count as written, where that is how they would be printed. */
  #key(key: unknown): string {
    if (!isScalar(key)) {
      const offset = isAlias(key) || isMap(key) || isSeq(key) ? offsetOf(key) : 0
      throw new DocumentFault(offset, 'a key must be a text: lists, maps and aliases as keys are not JSON')
    }
    if (this.#aliasDepth === 0 && key.anchor !== undefined) this.#anchors.set(key.anchor, key)
    if (typeof key.value === 'string') {
      if (key.value === '<<' && key.type === 'PLAIN') {
        throw new DocumentFault(
          offsetOf(key),
          'merge keys (<<) are not part of YAML 1.2: write the keys out, or give the whole value by an alias',
        )
      }
      return key.value
    }
    const source = key.source ?? ''
    if (String(key.value) !== source) {
      throw new DocumentFault(
        offsetOf(key),
        `the key ${source === '' ? 'is empty' : `${source} is not a text`}: write it in quotes`,
      )
    }
    return source
  }

  #scalar(scalar: Scalar): Json {
    const { value } = scalar
    if (typeof value === 'number') {
      checkWholeNumber(value, scalar.source ?? String(value), offsetOf(scalar))
      // -0 and 0 have one canonical text.
      return value === 0 ? 0 : value
    }
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
    throw new DocumentFault(offsetOf(scalar), `a value of type ${typeof value} is not JSON`)
  }

  #alias(alias: Alias): Json {
    const target = this.#targets.get(alias) ?? this.#anchors.get(alias.source)
    if (target === undefined)
      throw new DocumentFault(offsetOf(alias), `the alias *${alias.source} has no anchor &${alias.source} before it`)
    if (this.#open.has(target))
      throw new DocumentFault(offsetOf(alias), `the alias *${alias.source} is part of what it stands for`)
    this.#targets.set(alias, target)
    this.#aliasDepth += 1
    try {
      return this.build(target)
    } finally {
      this.#aliasDepth -= 1
    }
  }

  #spend(node: Node): void {
    this.#aliasCost += 10 + (isScalar(node) && typeof node.value === 'string' ? node.value.length : 0)
    if (this.#aliasCost > aliasBudget)
      throw new DocumentFault(offsetOf(node), 'the aliases of this file multiply its content too much')
  }
}

function offsetOf(node: Node): number {
  return node.range?.[0] ?? 0
}
