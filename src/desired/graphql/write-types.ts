// GraphQL files and the schema that they are for in, TypeScript files with their types and a function a query out. Owner of GraphQL Code Generator's
// plugin, which is heavy. Writes nothing.
import { plugin } from '@graphql-codegen/typescript-operations'
import { toError, TrueupError } from '../../errors.js'
import type { DataSchema } from './build-schema.js'
import {
  Kind,
  OperationTypeNode,
  parse,
  print,
  validate,
  visit,
  type DocumentNode,
  type FragmentDefinitionNode,
  type OperationDefinitionNode,
} from './graphql-js.js'

export interface GraphqlFile {
  /** For messages, and to tell files apart. */
  readonly path: string
  readonly text: string
}

export interface TypesFile {
  /** The path of the GraphQL file with `.ts` behind it. */
  readonly path: string
  readonly text: string
}

interface ParsedFile {
  readonly path: string
  readonly document: DocumentNode
  readonly fragments: readonly FragmentDefinitionNode[]
  readonly operations: readonly OperationDefinitionNode[]
}

/** JSON is a text on the way out; what a filter takes is any value. */
const CONFIG = {
  scalars: { JSON: { input: 'unknown', output: 'string' } },
  immutableTypes: true,
  skipTypename: true,
  useTypeImports: true,
} as const

/**
 * Fragments may be used in every file, whichever of them defines them.
 *
 * @throws TrueupError `integration-invalid` with all that is wrong in all files, each `file:line:column`
 */
export async function writeTypes(files: readonly GraphqlFile[], { schema }: DataSchema): Promise<readonly TypesFile[]> {
  const faults: string[] = []
  const parsed = files.flatMap((file) => parseFile(file, faults))
  const shared = new Map<string, FragmentDefinitionNode>()
  for (const { path, fragments } of parsed) {
    for (const fragment of fragments) {
      const { value: name } = fragment.name
      if (shared.has(name)) faults.push(`${placeOf(path, fragment)}: the fragment ${name} is defined twice`)
      shared.set(name, fragment)
    }
  }
  if (faults.length === 0) {
    for (const file of parsed) {
      const whole = { ...file.document, definitions: [...file.document.definitions, ...foreign(file, shared)] }
      // What several files use is checked with one that uses it, or alone.
      for (const { message, nodes } of validate(schema, whole)) {
        const isUnused = /^Fragment "\w+" is never used/.test(message)
        if (!isUnused) faults.push(`${placeOf(file.path, nodes?.[0])}: ${message}`)
      }
    }
  }
  if (faults.length > 0) {
    throw new TrueupError('integration-invalid', [...new Set(faults)].join('\n'), { details: { errors: faults } })
  }
  return Promise.all(
    parsed.map(async (file) => ({ path: `${file.path}.ts`, text: await typesOf(file, schema, shared) })),
  )
}

async function typesOf(
  file: ParsedFile,
  schema: DataSchema['schema'],
  shared: ReadonlyMap<string, FragmentDefinitionNode>,
): Promise<string> {
  const externalFragments = foreign(file, shared).map((node) => ({
    name: node.name.value,
    onType: node.typeCondition.name.value,
    node,
    isExternal: true,
  }))
  const path = `${file.path}.ts`
  const documents = [{ location: file.path, document: file.document }]
  const generated = await plugin(schema, documents, { ...CONFIG, externalFragments }, { outputFile: path })
  const { prepend = [], content } = typeof generated === 'string' ? { content: generated } : generated
  const name = file.path.slice(file.path.lastIndexOf('/') + 1)
  const functions = file.operations.map((operation) => functionOf(operation, shared))
  return [
    `// Made from ${name} by \`trueup data types\`: change that file, not this one.`,
    '/* eslint-disable */',
    ...(functions.length === 0 ? [] : ["import type { Source } from 'trueup'"]),
    '',
    ...prepend,
    content.trim(),
    ...functions.map((text) => `\n${text}`),
    '',
  ].join('\n')
}

function functionOf(operation: OperationDefinitionNode, shared: ReadonlyMap<string, FragmentDefinitionNode>): string {
  const { value: name } = operation.name as { value: string }
  const type = `${typeName(name)}Query`
  const isOptional = (operation.variableDefinitions ?? []).every(
    ({ type: { kind }, defaultValue }) => kind !== Kind.NON_NULL_TYPE || defaultValue !== undefined,
  )
  const document = [operation, ...used(operation, shared)].map((node) => print(node)).join('\n\n')
  return `const ${name}Document = ${JSON.stringify(document)}

/** Asks \`query ${name}\` of the data of a revision: \`ctx.source\`. */
export function query${name.charAt(0).toUpperCase()}${name.slice(1)}(source: Pick<Source, 'query'>, variables: ${type}Variables${isOptional ? ' = {}' : ''}): Promise<${type}> {
  return source.query<${type}, ${type}Variables>(${name}Document, variables)
}`
}

/** As the plugin names types: words, each with a capital. */
function typeName(name: string): string {
  return name
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('_')
}

function parseFile({ path, text }: GraphqlFile, faults: string[]): ParsedFile[] {
  let document: DocumentNode
  try {
    document = parse(text)
  } catch (thrown) {
    const [place] = (thrown as { locations?: readonly { line: number; column: number }[] }).locations ?? []
    faults.push(`${path}:${String(place?.line ?? 1)}:${String(place?.column ?? 1)}: ${toError(thrown).message}`)
    return []
  }
  const fragments = document.definitions.filter((node): node is FragmentDefinitionNode => 'typeCondition' in node)
  const operations = document.definitions.filter((node): node is OperationDefinitionNode => 'operation' in node)
  for (const node of document.definitions) {
    if (!('selectionSet' in node)) faults.push(`${placeOf(path, node)}: only queries and fragments belong here`)
    else if ('operation' in node && node.operation !== OperationTypeNode.QUERY)
      faults.push(`${placeOf(path, node)}: ctx.source.query only reads: write a query`)
    else if (node.name === undefined)
      faults.push(`${placeOf(path, node)}: the query needs a name, which its function and types are called after`)
  }
  return [{ path, document, fragments, operations }]
}

/** The fragments of other files that a file needs, those that they need too. */
function foreign(
  file: ParsedFile,
  shared: ReadonlyMap<string, FragmentDefinitionNode>,
): readonly FragmentDefinitionNode[] {
  const own = new Set(file.fragments.map(({ name }) => name.value))
  return used(file.document, shared).filter(({ name }) => !own.has(name.value))
}

function used(
  start: DocumentNode | OperationDefinitionNode,
  shared: ReadonlyMap<string, FragmentDefinitionNode>,
): readonly FragmentDefinitionNode[] {
  const found = new Map<string, FragmentDefinitionNode>()
  const look = (node: DocumentNode | OperationDefinitionNode | FragmentDefinitionNode): void => {
    visit(node, {
      FragmentSpread({ name: { value } }) {
        const fragment = shared.get(value)
        if (fragment === undefined || found.has(value)) return
        found.set(value, fragment)
        look(fragment)
      },
    })
  }
  look(start)
  return [...found.values()]
}

function placeOf(path: string, node: { readonly loc?: DocumentNode['loc'] } | undefined): string {
  const start = node?.loc?.startToken
  return `${path}:${String(start?.line ?? 1)}:${String(start?.column ?? 1)}`
}
