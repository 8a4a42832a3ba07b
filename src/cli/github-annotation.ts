// A fault with its place in, a line out that GitHub Actions shows beside that place in a pull request.
// https://docs.github.com/actions/reference/workflow-commands-for-github-actions#setting-an-error-message

export interface Placed {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly reason: string
  readonly message: string
}

export function annotation(
  { file, line, column, reason, message }: Placed,
  level: 'error' | 'warning' = 'error',
): string {
  const place = `file=${property(file)},line=${String(line)},col=${String(column)},title=${property(reason)}`
  return `::${level} ${place}::${data(message)}\n`
}

function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
}
