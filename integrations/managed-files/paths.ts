// Which paths may be managed. Pure: text in, what is wrong with it out.

/** The file inside a root that says which root it is. */
export const ID_FILE = '.trueup-root'
/** Names that begin so are managed-files' own: the id, and drafts of files that are being written. */
const OWN_PREFIX = '.trueup-'

/** What is wrong with a path, to follow its name; undefined for one that lies below the root, whatever the root is. */
export function pathProblem(path: string): string | undefined {
  if (path === '') return 'is empty'
  if (path.startsWith('/')) return 'is absolute; paths start at root'
  if (path.includes('\0')) return 'holds a NUL character'
  if (path.includes('\\')) return 'holds a backslash; folders are separated by /'
  const parts = path.split('/')
  if (parts.includes('..')) return 'leaves the root'
  if (parts.includes('.') || parts.includes('')) return 'is not in its shortest form'
  if (parts.some((part) => part.startsWith(OWN_PREFIX))) {
    return `has a name that begins with ${OWN_PREFIX}, which managed-files keeps for itself`
  }
  return undefined
}

export interface PlacedPath {
  readonly path: string
  /** The data file that says so. */
  readonly from: string
}

/** Paths that cannot all be files: one twice, or one inside another. The first such, as a sentence; undefined when there is none. */
export function clash(placed: readonly PlacedPath[]): string | undefined {
  const known = new Map<string, string>()
  for (const { path, from } of placed) {
    const before = known.get(path)
    if (before === from) return `${from}: the path "${path}" is there twice`
    if (before !== undefined) return `the path "${path}" is in ${before} and in ${from}`
    known.set(path, from)
  }
  for (const { path, from } of placed) {
    const parts = path.split('/')
    for (let depth = 1; depth < parts.length; depth += 1) {
      const folder = parts.slice(0, depth).join('/')
      const file = known.get(folder)
      if (file !== undefined) return `"${folder}" (${file}) cannot be a file and the folder of "${path}" (${from})`
    }
  }
  return undefined
}

/** Whether a name is that of a draft. */
export function isDraftName(name: string): boolean {
  return /^\.trueup-[0-9a-f]{16}$/.test(name)
}
