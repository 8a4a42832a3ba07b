// Which paths may be managed. Pure: text in, what is wrong with it out.

/** The file inside a root that says which root it is. */
export const ID_FILE = '.trueup-root'

/** Undefined for a path that lies below the root, whatever the root is. */
export function checkPath(path: string): string | undefined {
  if (path.startsWith('/')) return 'is absolute; paths start at root'
  if (path.includes('\0')) return 'holds a NUL character'
  if (path.includes('\\')) return 'holds a backslash; folders are separated by /'
  const parts = path.split('/')
  if (parts.includes('..')) return 'leaves the root'
  if (parts.includes('.') || parts.includes('')) return 'is not in its shortest form'
  if (path === ID_FILE) return 'is where managed-files keeps the id of the root'
  return undefined
}
