// What the readers of data files say instead of a value: what is wrong, at which offset.

/** Becomes `desired-invalid` with file, line and column. */
export class DocumentFault extends Error {
  /** UTF-16 units from the start of the text. */
  readonly offset: number

  constructor(offset: number, message: string) {
    super(message)
    this.name = 'DocumentFault'
    this.offset = offset
  }
}

/**
 * Deeper nesting is refused before anything recurses into it: near the end of the stack Node may end the process without an exception
 * (compiling a regular expression there does).
 */
export const maxNesting = 500

/** The fault of nesting beyond {@link maxNesting}. */
export function nestedTooDeeply(offset: number): DocumentFault {
  return new DocumentFault(offset, `values are nested more than ${maxNesting} deep`)
}

/** Refuses what becomes another number by being read: two files that differ only there would count as equal, and the difference be skipped. */
export function checkWholeNumber(value: number, source: string, offset: number): void {
  if (!Number.isFinite(value))
    throw new DocumentFault(offset, `${source} is too large, or no number: JSON cannot hold it`)
  if (/^[-+]?(\d+|0x[\da-f]+|0o[0-7]+)$/i.test(source) && BigInt(source) !== BigInt(value)) {
    throw new DocumentFault(offset, `the whole number ${source} cannot be held exactly: write it in quotes`)
  }
}

/** The message for a key that an object has twice. */
export function duplicateKey(key: string, offset: number, first: string): DocumentFault {
  return new DocumentFault(
    offset,
    `the key ${JSON.stringify(key)} is there twice (first in ${first}): remove one of them`,
  )
}

/** 1-based line and column of an offset. */
export function lineAndColumn(text: string, offset: number): { line: number; column: number } {
  let line = 1
  let start = 0
  for (let next = text.indexOf('\n'); next !== -1 && next < offset; next = text.indexOf('\n', start)) {
    line += 1
    start = next + 1
  }
  return { line, column: offset - start + 1 }
}

/** Sets an own property, whatever its name: assigning `__proto__` would change the prototype instead. */
export function setKey<T>(object: Record<string, T>, key: string, value: T): void {
  if (key === '__proto__')
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true })
  else object[key] = value
}
