// Writes files that must not be there yet; all or none.
import { mkdir, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { TrueupError } from '../../errors.js'

/** @throws usage when one of them exists: nothing is written then */
export async function writeNew(directory: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const name of Object.keys(files)) {
    if ((await stat(join(directory, name)).catch(() => undefined)) !== undefined) {
      throw new TrueupError('usage', `${name} is there already; nothing was written. Move it away first`)
    }
  }
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true })
    await writeFile(join(directory, name), text, { flag: 'wx' })
  }
}
