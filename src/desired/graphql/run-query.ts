// A document, its variables and a bundle's index in, the GraphQL answer out. In this process, at once; reads nothing else.
import type { Json } from '../../event.js'
import type { BundleIndex } from './bundle-index.js'
import type { DataSchema } from './build-schema.js'
import {
  execute,
  getNamedType,
  GraphQLError,
  parse,
  print,
  TypeInfo,
  validate,
  visit,
  visitWithTypeInfo,
  type DocumentNode,
  type GraphQLFormattedError,
} from './graphql-js.js'
import { RESOURCE_TYPE } from './confs.js'
import type { QueryContext } from './resolve.js'

export interface QueryRequest {
  /** Text, or a parsed document. */
  readonly document: string | object
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined
  /** Which operation of a document of several. */
  readonly operation?: string | null | undefined
  /** Gets the `$schema`s of all files that were looked at: those of the answer, and those that only an argument or a type went by. @defaultValue nobody asks */
  readonly looked?: Set<string>
}

export interface Answer {
  /** Absent when the document or the variables were refused: nothing was asked of the data. */
  readonly data?: Json
  readonly errors?: readonly GraphQLFormattedError[]
  readonly extensions: { readonly schemas: readonly string[] }
}

/** Never throws for a mistake in the question: it is in `errors`. Empty objects in lists are left out of `data`, at any depth. */
export function runQuery(request: QueryRequest, { schema }: DataSchema, index: BundleIndex): Answer {
  const context: QueryContext = { index, schemas: new Set(), looked: request.looked ?? new Set() }
  const refused = (errors: readonly GraphQLError[]): Answer => ({
    errors: errors.map((error) => error.toJSON()),
    extensions: { schemas: [] },
  })
  let document: DocumentNode
  try {
    document = typeof request.document === 'string' ? parse(request.document) : (request.document as DocumentNode)
  } catch (thrown) {
    if (thrown instanceof GraphQLError) return refused([thrown])
    throw thrown
  }
  const invalid = validate(schema, document)
  if (invalid.length > 0) return refused(invalid)
  const result = execute({
    schema,
    document,
    rootValue: {},
    contextValue: context,
    variableValues: request.variables ?? null,
    operationName: request.operation ?? null,
  })
  if (result instanceof Promise) throw new Error('Internal error: a field of the data did not answer at once')
  const { data, errors } = result
  return {
    ...(data === undefined ? {} : { data: tidied(data as Json) }),
    ...(errors === undefined ? {} : { errors: errors.map((error) => error.toJSON()) }),
    extensions: { schemas: [...context.schemas] },
  }
}

/** Whether a query can read plain files, by the types that it goes through. A document that does not parse reads nothing. */
export function readsResources(document: string | object, { schema }: DataSchema): boolean {
  let reads = false
  const types = new TypeInfo(schema)
  try {
    const parsed = typeof document === 'string' ? parse(document) : (document as DocumentNode)
    const visitor = {
      Field() {
        const type = types.getType()
        if (type !== null && type !== undefined && getNamedType(type).name === RESOURCE_TYPE) reads = true
      },
    }
    visit(parsed, visitWithTypeInfo(types, visitor))
  } catch (thrown) {
    if (!(thrown instanceof GraphQLError)) throw thrown
  }
  return reads
}

/** The text of a document, however it is given: what a question is known by. */
export function documentText(document: string | object): string {
  return typeof document === 'string' ? document : print(document as DocumentNode)
}

/** Plain objects, without the empty ones in lists: those are the items that no fragment was about. */
function tidied(value: Json): Json {
  if (Array.isArray(value)) {
    const items = (value as readonly Json[]).map(tidied)
    return items.filter((item) => item === null || typeof item !== 'object' || Array.isArray(item) || hasKeys(item))
  }
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, tidied(item)]))
}

function hasKeys(value: object): boolean {
  for (const _ in value) return true
  return false
}
