// A bundle in, an answerer of GraphQL questions about it out. Types and tables are made once, when they are first needed.
import type { DataBundle } from '../data/bundle.js'
import { buildSchema, type DataSchema } from './build-schema.js'
import { indexBundle, type BundleIndex } from './bundle-index.js'
import { readConfs } from './confs.js'
import { inferConfs } from './infer-confs.js'
import { runQuery, type Answer, type QueryRequest } from './run-query.js'

/** Answers questions about one bundle. */
export interface BundleQueries {
  readonly bundle: DataBundle
  readonly index: BundleIndex
  readonly types: DataSchema
  answer(request: QueryRequest): Answer
}

/** @throws TrueupError `desired-invalid` when the types of the bundle are not usable */
export function openBundleQueries(bundle: DataBundle): BundleQueries {
  const types = buildSchema(bundle.graphql === null ? inferConfs(bundle.schemas) : readConfs(bundle.graphql))
  const index = indexBundle(bundle)
  return { bundle, index, types, answer: (request) => runQuery(request, types, index) }
}
