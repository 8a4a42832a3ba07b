// Checked types in, a graphql-js schema out whose fields answer from the bundle of the question they are asked in. Holds no data itself.
import { compareText } from '../../util/compare-text.js'
import { confFault, DATAFILE_INTERFACE, type Conf, type Field, type ScalarName } from './confs.js'
import {
  GraphQLBoolean,
  GraphQLFloat,
  GraphQLInt,
  GraphQLInterfaceType,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLScalarType,
  GraphQLSchema,
  GraphQLString,
  validateSchema,
  valueFromASTUntyped,
  type GraphQLFieldConfig,
} from './graphql-js.js'
import { resolverOf, typeOfObject, type QueryContext } from './resolve.js'
import type { DataObject } from './bundle-index.js'

/** A schema with the types it was made from. */
export interface DataSchema {
  readonly schema: GraphQLSchema
  readonly confs: ReadonlyMap<string, Conf>
}

/** Free-form values: a text of JSON on the way out, any value on the way in. */
export const JSON_TYPE = new GraphQLScalarType({
  name: 'JSON',
  description: 'Any value, as a text of JSON',
  serialize: (value) => JSON.stringify(value),
  parseValue: (value) => value,
  parseLiteral: (node, variables) => valueFromASTUntyped(node, variables),
})

const BUILT_IN: Readonly<Record<ScalarName, GraphQLScalarType>> = {
  string: GraphQLString,
  int: GraphQLInt,
  float: GraphQLFloat,
  boolean: GraphQLBoolean,
  json: JSON_TYPE,
}

/** @throws TrueupError `desired-invalid` with all that GraphQL does not take */
export function buildSchema(list: readonly Conf[]): DataSchema {
  const confs = new Map(list.map((conf) => [conf.name, conf]))
  const types = new Map<string, GraphQLObjectType | GraphQLInterfaceType>()
  for (const conf of list) {
    const shared = {
      name: conf.name,
      description: conf.description,
      fields: () => Object.fromEntries(conf.fields.map((field) => [field.name, fieldConfig(field)])),
    }
    types.set(
      conf.name,
      conf.rule === undefined
        ? new GraphQLObjectType<DataObject, QueryContext>({ ...shared, interfaces: () => interfacesOf(conf) })
        : new GraphQLInterfaceType({
            ...shared,
            resolveType: (value: DataObject, context: QueryContext) => typeOfObject(conf, value, { confs, context }),
          }),
    )
  }
  // A chain of schema interfaces ends at an object type; each object type is in the schema even if only an interface leads to it.
  function interfacesOf(conf: Conf): GraphQLInterfaceType[] {
    const own = conf.interface === undefined ? undefined : confs.get(conf.interface)
    const isFile = conf.datafile !== undefined || own?.datafile !== undefined
    const names = new Set([own?.name, isFile ? DATAFILE_INTERFACE : undefined])
    return [...names].flatMap((name) => {
      const type = name === undefined ? undefined : types.get(name)
      return type instanceof GraphQLInterfaceType ? [type] : []
    })
  }
  function fieldConfig(field: Field): GraphQLFieldConfig<DataObject, QueryContext> {
    const named = isScalar(field.type) ? BUILT_IN[field.type] : types.get(field.type)
    if (named === undefined) throw new Error(`Internal error: unchecked type ${field.type}`)
    const item = field.isList ? new GraphQLList(new GraphQLNonNull(named)) : named
    return {
      type: field.isRequired ? new GraphQLNonNull(item) : item,
      description: field.description,
      args: argumentsOf(field),
      resolve: resolverOf(field, confs),
    }
  }
  function argumentsOf(field: Field): Record<string, { type: GraphQLScalarType }> {
    if (field.resource === 'list') return { path: { type: GraphQLString }, schema: { type: GraphQLString } }
    if (field.datafileSchema === undefined) return {}
    const searchable = (confs.get(field.type)?.fields ?? []).filter(({ isSearchable }) => isSearchable)
    return {
      ...Object.fromEntries(searchable.map(({ name }) => [name, { type: GraphQLString }])),
      path: { type: GraphQLString },
      filter: { type: JSON_TYPE },
    }
  }
  const query = types.get('Query')
  if (!(query instanceof GraphQLObjectType)) throw new Error('Internal error: unchecked Query')
  const schema = new GraphQLSchema({ query, types: [...types.values()] })
  const faults = validateSchema(schema).map(({ message }) => message)
  if (faults.length > 0) throw confFault(faults.sort(compareText))
  return { schema, confs }
}

function isScalar(type: string): type is ScalarName {
  return Object.hasOwn(BUILT_IN, type)
}
