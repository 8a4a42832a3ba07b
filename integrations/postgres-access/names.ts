// Names and texts come in, their place in a statement goes out: quoted, whatever they hold. Pure.

const LONGEST_NAME = 63

/** What is wrong with a name of an object in PostgreSQL, to follow it in a sentence; undefined for a good one. */
export function nameProblem(name: string): string | undefined {
  if (name === '') return 'is empty'
  if (name.includes('\0')) return 'holds a NUL character'
  // A longer one is cut off by the server, and would then be another name.
  const bytes = Buffer.byteLength(name, 'utf8')
  if (bytes > LONGEST_NAME) return `has ${String(bytes)} bytes; PostgreSQL keeps ${String(LONGEST_NAME)}`
  return undefined
}

/** As {@link nameProblem}, for roles that are to be managed. */
export function roleNameProblem(name: string): string | undefined {
  if (name.startsWith('pg_')) return 'begins with pg_, which PostgreSQL keeps for its own roles'
  // They stand for something else wherever a role is named.
  if (['public', 'none'].includes(name)) return 'is not a name that a role can have'
  return nameProblem(name)
}

/** `a"b` → `"a""b"`. */
export function identifier(name: string): string {
  const problem = nameProblem(name)
  if (problem !== undefined) throw new Error(`Internal error: a name ${problem}`)
  return `"${name.replaceAll('"', '""')}"`
}

/** `it's` → `'it''s'`, whatever standard_conforming_strings says. */
export function literal(text: string): string {
  if (text.includes('\0')) throw new Error('Internal error: a text holds a NUL character')
  const quoted = `'${text.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`
  return text.includes('\\') ? ` E${quoted}` : quoted
}
