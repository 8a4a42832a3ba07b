// The bytes of one data file and the format in, its value out, or where and why it cannot be read; and the place of a part of it.
import { isTrueupError } from '../../errors.js'
import type { Json } from '../../event.js'
import type { JsonPath } from '../../util/json-path.js'
import { decodeText } from '../decode-text.js'
import { DocumentFault, lineAndColumn } from '../document-fault.js'
import { parseJson } from '../json-document.js'
import { parseExactJson } from './exact-json.js'
import type { DataFormat } from './schema-set.js'
import { CORE, PYYAML } from './yaml-dialects.js'
import { offsetInYaml, readYaml } from './yaml-reader.js'

export type DocumentKind = 'yaml' | 'json'

export type DocumentAnswer =
  | { readonly kind: 'value'; readonly value: Json }
  /** Nothing but comments, or null. */
  | { readonly kind: 'empty' }
  | { readonly kind: 'unreadable'; readonly message: string; readonly line: number; readonly column: number }

export interface DocumentToRead {
  readonly content: Uint8Array
  readonly kind: DocumentKind
  readonly format: DataFormat
}

export function readDocument({ content, kind, format }: DocumentToRead): DocumentAnswer {
  let text = ''
  try {
    text = textOf(content)
    const value = kind === 'yaml' ? readYaml(text, dialectOf(format)) : jsonOf(text, format)
    return value === undefined || value === null ? { kind: 'empty' } : { kind: 'value', value }
  } catch (error) {
    if (error instanceof DocumentFault)
      return { kind: 'unreadable', message: error.message, ...lineAndColumn(text, error.offset) }
    if (isTrueupError(error)) return { kind: 'unreadable', message: error.message, line: 1, column: 1 }
    throw error
  }
}

/** Where the key or value at `path` is written; of what is not there, where the nearest around it is. The document must be one that could be read. */
export function positionIn(
  { content, kind, format }: DocumentToRead,
  path: JsonPath,
  part: 'key' | 'value',
): { readonly line: number; readonly column: number } {
  const text = textOf(content)
  try {
    const offset = kind === 'yaml' ? offsetInYaml(text, dialectOf(format), path, part) : parseJson(text).offsetOf(path)
    return lineAndColumn(text, offset)
  } catch (error) {
    // JSON that Python reads and the strict reader does not: a key that is there twice.
    if (error instanceof DocumentFault) return { line: 1, column: 1 }
    throw error
  }
}

/** Without the byte order mark, offsets and columns are those that an editor shows. */
function textOf(content: Uint8Array): string {
  // The message names no path: whoever asks knows it.
  const text = decodeText('this file', content)
  return text.startsWith('\uFEFF') ? text.slice(1) : text
}

function dialectOf(format: DataFormat): typeof CORE {
  return format === 'qontract' ? PYYAML : CORE
}

function jsonOf(text: string, format: DataFormat): Json {
  if (format === 'default') return parseJson(text).value
  try {
    return parseExactJson(text)
  } catch (error) {
    // The strict reader says where.
    parseJson(text)
    throw error instanceof SyntaxError ? new DocumentFault(0, `this is not JSON: ${error.message}`) : error
  }
}
