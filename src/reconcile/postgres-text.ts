// The text of a statement comes in, the word goes out by which it would begin or end a transaction. Pure.

const TRANSACTION_WORDS = /^(begin|start|commit|end|rollback|abort|prepare|savepoint|release)(?![a-z0-9_$])/i

/** Upper case; undefined for any other statement. Spaces and comments before it do not hide it. */
export function transactionWord(text: string): string | undefined {
  return TRANSACTION_WORDS.exec(text.slice(firstWord(text)))?.[1]?.toUpperCase()
}

function firstWord(text: string): number {
  let at = 0
  for (;;) {
    const rest = text.slice(at)
    const space = /^(?:[\s;]|--[^\n\r]*)+/.exec(rest)?.[0].length ?? 0
    at += space
    if (!text.startsWith('/*', at)) return at
    at = commentEnd(text, at)
  }
}

/** Comments nest in PostgreSQL. */
function commentEnd(text: string, from: number): number {
  let depth = 0
  let at = from
  do {
    if (text.startsWith('/*', at)) [depth, at] = [depth + 1, at + 2]
    else if (text.startsWith('*/', at)) [depth, at] = [depth - 1, at + 2]
    else at += 1
  } while (depth > 0 && at < text.length)
  return at
}
