// Marks code that the types say cannot run. Takes the impossible value, throws a plain (bug) error.

/** Proves at compile time that every member of a union was handled. */
export function unreachable(value: never): never {
  throw new Error(`Internal error: unhandled case ${JSON.stringify(value)}`)
}
