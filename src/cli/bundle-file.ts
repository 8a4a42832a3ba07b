// A bundle as `data bundle --out` writes it, or the bundler of that format: its file in, the bundle and its id out.
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { DataBundle } from '../desired/data/bundle.js'
import { isTrueupError, toError, TrueupError } from '../errors.js'
import { digestBytes } from '../util/digest.js'
import type { Project } from './project.js'

/** @throws usage for a file that cannot be read, desired-invalid for one that is no bundle */
export async function readBundleFile(
  { workingDirectory }: Project,
  file: string,
): Promise<{ readonly id: string; readonly bundle: DataBundle }> {
  const bytes = await readFile(resolve(workingDirectory, file)).catch((cause: unknown) => {
    const why = toError(cause).message
    throw new TrueupError(
      'usage',
      `the bundle ${file} cannot be read: ${why}. To write one: trueup data bundle --out ${file}`,
      { cause },
    )
  })
  const { readBundleJson } = await import('../desired/data/bundle-json.js')
  try {
    // Its id is of the bytes that somebody gave it, in whichever order they are.
    return { id: digestBytes(bytes), bundle: readBundleJson(bytes.toString('utf8')) }
  } catch (thrown) {
    if (isTrueupError(thrown)) throw new TrueupError(thrown.code, `${file}: ${thrown.message}`, { cause: thrown })
    throw thrown
  }
}
