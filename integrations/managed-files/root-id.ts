// Which folder is this? A random id kept inside it. Reads it; gives one only when told to.
import { randomBytes, randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TrueupError } from 'trueup'
import { hasCode, messageOf } from './errors.js'
import { ID_FILE } from './paths.js'

/** `files:<id>`; undefined while the folder has none. `create` makes the folder and gives it one. */
export async function rootId(root: string, { create }: { readonly create: boolean }): Promise<string | undefined> {
  const file = join(root, ID_FILE)
  for (;;) {
    const id = await readId(file)
    if (id !== undefined || !create) return id
    await writeId(root, file)
  }
}

async function readId(file: string): Promise<string | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined
    throw new TrueupError('current-unreadable', `${file} cannot be read: ${messageOf(error)} (managed-files)`)
  }
  const id = text.trim()
  if (/^[0-9a-f-]{36}$/.test(id)) return `files:${id}`
  throw new TrueupError(
    'current-unreadable',
    `${file} does not hold the id of a root. If managed-files did not write it, choose another root; if it did, restore it`,
  )
}

async function writeId(root: string, file: string): Promise<void> {
  const draft = join(root, `.trueup-${randomBytes(8).toString('hex')}`)
  try {
    await mkdir(root, { recursive: true })
    // Written whole and linked into place, so that two first runs agree on one id.
    await writeFile(draft, `${randomUUID()}\n`, { flag: 'wx' })
    await link(draft, file)
  } catch (error) {
    if (hasCode(error, 'EEXIST') && (await readId(file)) !== undefined) return
    throw new TrueupError(
      'apply-failed',
      `the root ${root} cannot be made a root: ${messageOf(error)} (managed-files)`,
      { cause: error },
    )
  } finally {
    await rm(draft, { force: true }).catch(() => undefined)
  }
}
