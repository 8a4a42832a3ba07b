// The text of one data file comes in, plain JSON data with the place of every value goes out. YAML is read by yaml-document.ts.
// Must not: bend anything. What plain JSON cannot hold, and what two readers could understand differently, is an error with its place.
import { TrueupError } from '../errors.js'
import type { Json } from '../event.js'
import type { JsonPath } from '../util/json-path.js'
import { DocumentFault, lineAndColumn } from './document-fault.js'
import { parseJson } from './json-document.js'

/** 1-based; columns count UTF-16 units. */
export interface Position {
  readonly line: number
  readonly column: number
}

export interface ParsedDocument {
  readonly value: Json
  /** Where the value at `path` is written; of a value that is not there, where the nearest one around it is. */
  locate(path: JsonPath): Position
}

/**
 * Reads a `.yaml`, `.yml` (YAML 1.2, core schema, one document) or `.json` file. An empty YAML file is null.
 *
 * @param path for the ending and for messages
 * @throws TrueupError `desired-invalid`, as `file:line:column: …` with `details` of file, line and column: syntax errors, duplicate keys,
 * merge keys, unknown tags, more than 500 levels, NaN and infinities, whole numbers that a double cannot hold exactly, aliases that go in a circle or multiply too much.
 */
export async function parseDocument(path: string, text: string): Promise<ParsedDocument> {
  // Without the byte order mark offsets and columns are those that an editor shows.
  const content = text.startsWith('\uFEFF') ? text.slice(1) : text
  const kind = /\.(ya?ml|json)$/i.exec(path)?.[1]?.toLowerCase()
  try {
    if (kind === undefined)
      throw new DocumentFault(0, 'only .yaml, .yml and .json files can be loaded; take ctx.source.read for other texts')
    // Imported here, so that a run that reads no YAML never loads its parser.
    const document = kind === 'json' ? parseJson(content) : (await import('./yaml-document.js')).parseYaml(content)
    return { value: document.value, locate: (inside) => lineAndColumn(content, document.offsetOf(inside)) }
  } catch (error) {
    if (!(error instanceof DocumentFault)) throw error
    const { line, column } = lineAndColumn(content, error.offset)
    throw new TrueupError('desired-invalid', `${path}:${line}:${column}: ${error.message}`, {
      details: { file: path, line, column },
    })
  }
}
