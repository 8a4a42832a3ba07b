// The schemas as read in, as they are in the bundle out: with the keys among their properties that bundling adds to data files.
import type { Json } from '../../event.js'
import { isRecord } from '../../util/is-record.js'
import { editableCopy, sortedAndFrozen } from './exact-json.js'
import { pathOf, type Facts, type PathText } from './facts.js'
import { valueAt } from './schema-set.js'

const CHECKSUM = { type: 'string', description: 'sha256sum of the datafile' }
const IDENTIFIER = { type: 'string' }

/** `patches`: as JSON text, the schema files and pointers of what gets an `__identifier`. */
export function patchedSchemas(
  schemas: ReadonlyMap<string, Json>,
  patches: ReadonlySet<string>,
): ReadonlyMap<string, Json> {
  const identifiers = new Map<string, Set<PathText>>()
  for (const patch of patches) {
    const [file, pointer] = JSON.parse(patch) as Facts['patches'][number]
    identifiers.set(file, (identifiers.get(file) ?? new Set<PathText>()).add(pointer))
  }
  const patched = new Map<string, Json>()
  for (const [path, schema] of schemas) {
    const copy = editableCopy(schema)
    if (isRecord(copy) && copy['$schema'] === '/metaschema-1.json') addProperty(copy, '$file_sha256sum', CHECKSUM)
    for (const pointer of identifiers.get(path) ?? []) {
      const part = valueAt(copy, pathOf(pointer))
      if (isRecord(part)) addProperty(part, '__identifier', IDENTIFIER)
    }
    patched.set(path, sortedAndFrozen(copy))
  }
  return patched
}

function addProperty(schema: Record<string, unknown>, name: string, property: Json): void {
  const properties = isRecord(schema['properties']) ? schema['properties'] : (schema['properties'] = {})
  if (isRecord(properties)) properties[name] = property
}
