// Text of one module in, the modules and files it refers to out. Owner of oxc-parser, which is loaded only for text that
// can refer to anything. Must not resolve, read or run anything.

/** How a module names another: `import` (static or dynamic), `require`, or `url` (`new URL('./x', import.meta.url)`). */
export interface ModuleReference {
  readonly kind: 'import' | 'require' | 'url'
  readonly specifier: string
  /** 1-based. */
  readonly line: number
}

/** `unknown`: it may load more than these, which its text does not name, or cannot be parsed; `line` is 1-based. */
export type ModuleReferences =
  | { readonly kind: 'known'; readonly references: readonly ModuleReference[] }
  | {
      readonly kind: 'unknown'
      readonly references: readonly ModuleReference[]
      readonly line: number
      readonly reason: string
    }

interface Node {
  readonly type: string
  readonly start: number
  readonly [key: string]: unknown
}

const CODE = /\.[cm]?[jt]sx?$/
const DECLARATION = /\.d\.[cm]?ts$/

/** Whether a file of this name is parsed for references. */
export function isCode(path: string): boolean {
  return CODE.test(path) && !DECLARATION.test(path)
}

/** Everything that one JavaScript or TypeScript module refers to by a literal; type-only imports are left out. */
export async function findReferences(path: string, text: string): Promise<ModuleReferences> {
  if (!/import|require|from/i.test(text)) return { kind: 'known', references: [] }
  const { parseSync } = await import('oxc-parser')
  const extension = path.slice(path.lastIndexOf('.') + 1)
  const lang = extension.endsWith('tsx') ? 'tsx' : extension.endsWith('ts') ? 'ts' : 'jsx'
  const sourceType = extension.startsWith('c') ? 'commonjs' : extension.startsWith('m') ? 'module' : 'unambiguous'
  let result = parseSync(path, text, { lang, sourceType, preserveParens: false })
  // A script with a top-level await is a module to Node; a module it also is to the parser the second time.
  if (result.errors.some(isFatal) && sourceType === 'unambiguous') {
    result = parseSync(path, text, { lang, sourceType: 'module', preserveParens: false })
  }
  const error = result.errors.find(isFatal)
  if (error !== undefined) {
    const line = lineAt(text, error.labels[0]?.start ?? 0)
    return { kind: 'unknown', references: [], line, reason: `cannot be parsed: ${error.message}` }
  }
  return new ReferenceFinder(text).find(result.program as unknown as Node)
}

function isFatal(error: { readonly severity: string }): boolean {
  return error.severity === 'Error'
}

/** 1-based line of a UTF-16 offset. */
function lineAt(text: string, offset: number): number {
  let line = 1
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) line += 1
  return line
}

class ReferenceFinder {
  readonly #text: string
  readonly #references: ModuleReference[] = []
  /** Names that call like `require`, and names that make such functions. */
  readonly #requires = new Set(['require'])
  readonly #makers = new Set(['createRequire'])
  /** Identifiers and calls already accounted for by the node around them. */
  readonly #seen = new Set<Node>()
  #problem: { start: number; reason: string } | undefined

  constructor(text: string) {
    this.#text = text
  }

  find(program: Node): ModuleReferences {
    for (const statement of nodes(program['body'])) this.#readStatement(statement)
    // Static imports stand at the top level; the rest of the tree is walked only for what else can load something.
    if (/import\s*[(.]|import\s*\/|require|URL/i.test(this.#text)) {
      if (this.#text.includes('createRequire'))
        walk(program, (node) => {
          this.#readMaker(node)
        })
      walk(program, (node) => {
        this.#readExpression(node)
      })
    }
    if (this.#problem !== undefined) {
      const { start, reason } = this.#problem
      return { kind: 'unknown', references: this.#references, line: lineAt(this.#text, start), reason }
    }
    return { kind: 'known', references: this.#references }
  }

  #add(kind: ModuleReference['kind'], node: Node, argument: Node | undefined, what: string): void {
    const specifier = literalText(argument)
    if (specifier !== undefined) this.#references.push({ kind, specifier, line: lineAt(this.#text, node.start) })
    else this.#fail(node, `${what} with a computed name`)
  }

  #fail(node: Node, reason: string): void {
    if (this.#problem === undefined || node.start < this.#problem.start) this.#problem = { start: node.start, reason }
  }

  #readStatement(node: Node): void {
    if (node.type === 'ImportDeclaration') {
      // `import { type A }` stays: where types are only stripped, the module is still loaded.
      if (node['importKind'] !== 'type') this.#add('import', node, child(node, 'source'), 'import')
      for (const specifier of nodes(node['specifiers'])) {
        if (nameOf(child(specifier, 'imported')) === 'createRequire')
          this.#makers.add(nameOf(child(specifier, 'local')) ?? '')
      }
    } else if (node.type === 'ExportAllDeclaration' || node.type === 'ExportNamedDeclaration') {
      const from = child(node, 'source')
      if (from !== undefined && node['exportKind'] !== 'type') this.#add('import', node, from, 'export')
    } else if (node.type === 'TSImportEqualsDeclaration') {
      const reference = child(node, 'moduleReference')
      if (node['importKind'] !== 'type' && reference?.type === 'TSExternalModuleReference') {
        this.#add('require', node, child(reference, 'expression'), 'require')
      }
    }
  }

  /** `const load = createRequire(import.meta.url)` makes `load` one more `require`. */
  #readMaker(node: Node): void {
    if (
      node.type === 'Property' &&
      nameOf(child(node, 'key')) === 'createRequire' &&
      nameOf(child(node, 'value')) !== 'createRequire'
    ) {
      this.#fail(node, 'createRequire under another name')
    }
    if (node.type !== 'VariableDeclarator') return
    const made = child(node, 'init')
    const name = nameOf(child(node, 'id'))
    if (made === undefined || name === undefined || !this.#makesRequire(made)) return
    this.#requires.add(name)
    this.#seen.add(made)
    const id = child(node, 'id')
    if (id !== undefined) this.#seen.add(id)
  }

  #makesRequire(node: Node): boolean {
    if (node.type !== 'CallExpression') return false
    const callee = child(node, 'callee')
    const name = callee?.type === 'MemberExpression' ? nameOf(child(callee, 'property')) : nameOf(callee)
    if (name === undefined || !this.#makers.has(name)) return false
    const base = nodes(node['arguments'])[0]
    return nameOf(base) === '__filename' || isImportMeta(base, 'url') || isImportMeta(base, 'filename')
  }

  #readExpression(node: Node): void {
    switch (node.type) {
      case 'ImportExpression':
        this.#add('import', node, child(node, 'source'), 'import()')
        break
      case 'CallExpression':
        this.#readCall(node)
        break
      case 'NewExpression': {
        const [path, base] = nodes(node['arguments'])
        if (nameOf(child(node, 'callee')) === 'URL' && isImportMeta(base, 'url'))
          this.#add('url', node, path, 'new URL()')
        break
      }
      case 'UnaryExpression':
        if (node['operator'] === 'typeof') this.#markSeen(child(node, 'argument'))
        break
      case 'MemberExpression':
        this.#readMember(node)
        break
      case 'Property':
      case 'MethodDefinition':
      case 'PropertyDefinition':
        if (node['computed'] !== true && node['shorthand'] !== true) this.#markSeen(child(node, 'key'))
        break
      case 'Identifier':
        if (this.#requires.has(nameOf(node) ?? '') && !this.#seen.has(node)) this.#fail(node, 'require used as a value')
        break
    }
  }

  #readCall(node: Node): void {
    const callee = child(node, 'callee')
    if (callee === undefined) return
    const argument = nodes(node['arguments'])[0]
    const name = nameOf(callee)
    if (name !== undefined && this.#requires.has(name)) {
      this.#seen.add(callee)
      this.#add('require', node, argument, `${name}()`)
    } else if (this.#makesRequire(callee)) {
      this.#seen.add(callee)
      this.#add('require', node, argument, 'createRequire()')
    } else if (callee.type === 'MemberExpression') {
      const object = child(callee, 'object')
      const property = nameOf(child(callee, 'property'))
      if (isImportMeta(callee, 'resolve')) this.#add('import', node, argument, 'import.meta.resolve()')
      else if (property === 'resolve' && this.#requires.has(nameOf(object) ?? ''))
        this.#add('require', node, argument, 'require.resolve()')
      else if (property === 'require' && nameOf(object) === 'module')
        this.#add('require', node, argument, 'module.require()')
      else if (property !== undefined && this.#makers.has(property) && !this.#seen.has(node))
        this.#fail(node, 'createRequire for another file')
    } else if (name !== undefined && this.#makers.has(name) && !this.#seen.has(node)) {
      this.#fail(node, 'createRequire for another file')
    }
  }

  #readMember(node: Node): void {
    if (node['computed'] !== true) this.#markSeen(child(node, 'property'))
    // `require.cache`, `.main` and the like load nothing; `.resolve` does only when it is called, which readCall sees.
    if (node['computed'] !== true) this.#markSeen(child(node, 'object'))
  }

  #markSeen(node: Node | undefined): void {
    if (node !== undefined) this.#seen.add(node)
  }
}

/** Parents before children, so that a parent can account for a child first. */
function walk(node: Node, visit: (node: Node) => void): void {
  visit(node)
  for (const value of Object.values(node)) {
    for (const next of nodes(value)) walk(next, visit)
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
}

function nodes(value: unknown): readonly Node[] {
  if (Array.isArray(value)) return value.filter(isNode)
  return isNode(value) ? [value] : []
}

/** A child without the wrappers that exist only for types. */
function child(node: Node, key: string): Node | undefined {
  return nodes(node[key]).map(unwrap)[0]
}

function unwrap(node: Node): Node {
  const wrapped = /^(TSAsExpression|TSNonNullExpression|TSSatisfiesExpression|TSTypeAssertion|ChainExpression)$/.test(
    node.type,
  )
  return wrapped ? (child(node, 'expression') ?? node) : node
}

function nameOf(node: Node | undefined): string | undefined {
  return node?.type === 'Identifier' && typeof node['name'] === 'string' ? node['name'] : undefined
}

function isImportMeta(node: Node | undefined, property: string): boolean {
  return (
    node?.type === 'MemberExpression' &&
    child(node, 'object')?.type === 'MetaProperty' &&
    nameOf(child(node, 'property')) === property
  )
}

function literalText(given: Node | undefined): string | undefined {
  if (given === undefined) return undefined
  const node = unwrap(given)
  if (node.type === 'Literal' && typeof node['value'] === 'string') return node['value']
  const quasi = nodes(node['quasis'])
  if (node.type !== 'TemplateLiteral' || nodes(node['expressions']).length > 0 || quasi.length !== 1) return undefined
  const value = quasi[0]?.['value'] as { cooked?: unknown } | undefined
  return typeof value?.cooked === 'string' ? value.cooked : undefined
}
