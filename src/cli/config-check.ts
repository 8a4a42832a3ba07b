// A parsed YAML document and the shape it must have in, plain values or every problem with its place out.
// Knows YAML nodes, not what the keys mean. The yaml library is handed in, since it loads only when there is a file to read.
import type { Document, LineCounter, Node, Pair, Scalar, YAMLMap } from 'yaml'
import type { Json } from '../event.js'
import type { Shape } from './config-shape.js'
import { amountOf, durationOf, expectedOf } from './config-shape.js'

/** One thing that is wrong. `word` and `candidates` are there for keys that do not exist. */
export interface ConfigProblem {
  readonly offset: number
  readonly message: string
  readonly word?: string
  readonly candidates?: readonly string[]
}

export interface CheckedDocument {
  readonly value: Json | undefined
  readonly problems: readonly ConfigProblem[]
  /** 1-based line of each key by its path (`targets.files-prod.limits`); not inside of parameters. */
  readonly lines: Readonly<Record<string, number>>
}

type Yaml = typeof import('yaml')
type YamlNode = Node | Pair | null | undefined

/** Aliases may repeat content, but not multiply it: more than this many in one file are refused. */
const MAX_ALIASES = 1000
const MAX_DEPTH = 64

/** Checks a whole document; all problems are found, not only the first. */
export function checkDocument(
  yaml: Yaml,
  document: Document.Parsed,
  counter: LineCounter,
  shape: Shape,
): CheckedDocument {
  const walk = new Walk(yaml, document, counter)
  const value = walk.check(document.contents, shape, '', 0)
  return { value, problems: walk.problems, lines: walk.lines }
}

class Walk {
  readonly problems: ConfigProblem[] = []
  readonly lines: Record<string, number> = {}
  readonly #yaml: Yaml
  readonly #document: Document.Parsed
  readonly #counter: LineCounter
  #aliases = 0

  constructor(yaml: Yaml, document: Document.Parsed, counter: LineCounter) {
    this.#yaml = yaml
    this.#document = document
    this.#counter = counter
  }

  /** The value, or undefined where there is none or it is wrong (a problem was noted). `at` is the offset to blame where the node is empty. */
  check(node: YamlNode, shape: Shape, path: string, at: number): Json | undefined {
    const found = this.#resolved(node, at)
    if (found === undefined) return undefined
    const { node: real, offset } = found
    switch (shape.kind) {
      case 'object':
      case 'map':
        // A key with nothing behind it (all its entries commented out) is an empty mapping.
        if (this.#isEmpty(real)) return shape.kind === 'object' ? this.#object([], shape, path, offset) : {}
        if (!this.#yaml.isMap(real)) return this.#wrong(path, shape, real, offset)
        return shape.kind === 'object'
          ? this.#object(this.#entries(real), shape, path, offset)
          : this.#map(real, shape, path)
      case 'list':
        if (!this.#yaml.isSeq(real)) return this.#wrong(path, shape, real, offset)
        return real.items.map(
          (item, index) => this.check(item as YamlNode, shape.of, `${path}[${index}]`, offset) ?? null,
        )
      case 'text-or-object': {
        if (this.#yaml.isMap(real)) return this.check(real, shape.object, path, at)
        const text = this.#yaml.isScalar(real) ? scalarOf(real.value, shape.text) : undefined
        return text ?? this.#wrong(path, shape, real, offset)
      }
      case 'json':
        return this.#json(real, path, offset, 0)
      case 'text':
      case 'count':
      case 'boolean':
      case 'amount':
      case 'duration': {
        const value = this.#yaml.isScalar(real) ? scalarOf(real.value, shape) : undefined
        return value ?? this.#wrong(path, shape, real, offset)
      }
    }
  }

  #object(entries: readonly Entry[], shape: Extract<Shape, { kind: 'object' }>, path: string, offset: number): Json {
    const value: Record<string, Json> = {}
    const names = Object.keys(shape.keys)
    for (const { key, keyOffset, node } of entries) {
      const inner = Object.hasOwn(shape.keys, key) ? shape.keys[key] : undefined
      if (inner === undefined) {
        const where = path === '' ? '' : ` in ${path}`
        this.problems.push({
          offset: keyOffset,
          message: `there is no key "${key}"${where}.`,
          word: key,
          candidates: names,
        })
        continue
      }
      const checked = this.check(node, inner, this.#noted(path, key, keyOffset), keyOffset)
      if (checked !== undefined) value[key] = checked
    }
    const { depends } = shape
    if (depends !== undefined) {
      const wanted = value[depends.on] === depends.is
      const entry = entries.find(({ key }) => key === depends.key)
      if (wanted && entry === undefined)
        this.problems.push({
          offset: entries.find(({ key }) => key === depends.on)?.keyOffset ?? offset,
          message: `${path}.${depends.on}: ${depends.is} needs the key "${depends.key}" beside it`,
        })
      if (!wanted && entry !== undefined)
        this.problems.push({
          offset: entry.keyOffset,
          message: `${path}.${depends.key} belongs to ${depends.on}: ${depends.is}`,
        })
    }
    for (const name of shape.required ?? []) {
      if (!entries.some((entry) => entry.key === name))
        this.problems.push({ offset, message: `the key "${name}" is missing` })
    }
    const { exactlyOne } = shape
    if (exactlyOne !== undefined && entries.filter(({ key }) => exactlyOne.includes(key)).length !== 1)
      this.problems.push({ offset, message: `${path} needs one of the keys ${quotedOr(exactlyOne)}, and not two` })
    return value
  }

  #map(node: YAMLMap, shape: Extract<Shape, { kind: 'map' }>, path: string): Json {
    const pattern = shape.keys === undefined ? undefined : new RegExp(shape.keys.pattern)
    const pairs: [string, Json][] = []
    for (const { key, keyOffset, node: inner } of this.#entries(node)) {
      if (pattern?.test(key) === false) {
        this.problems.push({
          offset: keyOffset,
          message: `the name "${key}" in ${path} must be ${shape.keys?.expected ?? ''}`,
        })
        continue
      }
      const checked = this.check(inner, shape.of, this.#noted(path, key, keyOffset), keyOffset)
      if (checked !== undefined) pairs.push([key, checked])
    }
    // fromEntries makes own properties, also of a key such as __proto__.
    return Object.fromEntries(pairs)
  }

  #json(node: YamlNode, path: string, at: number, depth: number): Json | undefined {
    const found = this.#resolved(node, at)
    if (found === undefined) return undefined
    const { node: real, offset } = found
    if (depth > MAX_DEPTH) {
      this.problems.push({ offset, message: `${path} is nested too deeply (more than ${MAX_DEPTH} levels)` })
      return undefined
    }
    if (this.#yaml.isSeq(real))
      return real.items.map(
        (item, index) => this.#json(item as YamlNode, `${path}[${index}]`, offset, depth + 1) ?? null,
      )
    if (this.#yaml.isMap(real)) {
      const entries = this.#entries(real)
      const pairs = entries.map(
        ({ key, keyOffset, node: inner }) =>
          [key, this.#json(inner, `${path}.${key}`, keyOffset, depth + 1) ?? null] as const,
      )
      return Object.fromEntries(pairs)
    }
    const value = this.#yaml.isScalar(real) ? real.value : null
    if (value === null || value === undefined) return null
    if (typeof value === 'string' || typeof value === 'boolean') return value
    if (
      typeof value === 'number' &&
      Number.isFinite(value) &&
      (!Number.isInteger(value) || Number.isSafeInteger(value))
    )
      return value
    this.problems.push({
      offset,
      message: `${path} must be a value that JSON can hold exactly; put quotes around it to have it as text`,
    })
    return undefined
  }

  #entries(node: YAMLMap): readonly Entry[] {
    return node.items.flatMap((pair) => {
      const key = pair.key as YamlNode
      const keyOffset = offsetOf(key) ?? offsetOf(node) ?? 0
      if (this.#yaml.isScalar(key)) return [{ key: String(key.value), keyOffset, node: pair.value as YamlNode }]
      this.problems.push({ offset: keyOffset, message: 'a key must be a plain text' })
      return []
    })
  }

  #noted(path: string, key: string, offset: number): string {
    const inner = path === '' ? key : `${path}.${key}`
    this.lines[inner] = this.#counter.linePos(offset).line
    return inner
  }

  /** What an alias stands for, blamed on the place of the alias; undefined when that cannot be followed. */
  #resolved(node: YamlNode, at: number): { readonly node: YamlNode; readonly offset: number } | undefined {
    const offset = offsetOf(node) ?? at
    if (!this.#yaml.isAlias(node)) return { node, offset }
    this.#aliases += 1
    if (this.#aliases === MAX_ALIASES + 1)
      this.problems.push({
        offset,
        message: `there are too many aliases (more than ${MAX_ALIASES}), or one that contains itself`,
      })
    if (this.#aliases > MAX_ALIASES) return undefined
    const meant = node.resolve(this.#document)
    if (meant === undefined) this.problems.push({ offset, message: `nothing before this is marked &${node.source}` })
    return meant === undefined ? undefined : { node: meant, offset }
  }

  #isEmpty(node: YamlNode): boolean {
    return node === null || node === undefined || (this.#yaml.isScalar(node) && node.value === null)
  }

  #wrong(path: string, shape: Shape, node: YamlNode, offset: number): Json | undefined {
    const name = path === '' ? 'the file' : path
    this.problems.push({ offset, message: `${name} must be ${expectedOf(shape)}, not ${this.#shown(node)}` })
    return undefined
  }

  #shown(node: YamlNode): string {
    if (this.#isEmpty(node)) return 'nothing'
    if (this.#yaml.isSeq(node)) return 'a list'
    if (this.#yaml.isMap(node)) return 'a mapping'
    const { value } = node as Scalar
    return typeof value === 'string' ? `"${value}"` : String(value)
  }
}

interface Entry {
  readonly key: string
  readonly keyOffset: number
  readonly node: YamlNode
}

function offsetOf(node: YamlNode): number | undefined {
  return node === null || node === undefined || !('range' in node) ? undefined : node.range?.[0]
}

function quotedOr(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(' or ')
}

type ScalarShape = Extract<Shape, { kind: 'text' | 'count' | 'boolean' | 'amount' | 'duration' }>

function scalarOf(value: unknown, shape: ScalarShape): Json | undefined {
  switch (shape.kind) {
    case 'text':
      if (typeof value !== 'string' || value.trim() === '') return undefined
      if (shape.choices?.includes(value) === false) return undefined
      return shape.pattern === undefined || new RegExp(shape.pattern).test(value) ? value : undefined
    case 'count':
      return typeof value === 'number' && Number.isInteger(value) && value >= shape.min && value <= shape.max
        ? value
        : undefined
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined
    case 'amount':
      return amountOf(value)
    case 'duration':
      return durationOf(value, shape.maxMs)
  }
}
