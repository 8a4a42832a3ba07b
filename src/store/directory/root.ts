// The store folder itself: is it one, of a format that this version knows; and making it on the first write. It must not write into a folder that is something else.

import { dirname, join } from 'node:path'
import { TrueupError } from '../../errors.js'
import { formatName, formatVersion, objectsFolder, preparedFolder } from './layout.js'
import type { Disk } from './disk.js'

/** What may lie in a folder that is to become a store: begun stores, caches beside them, what file systems and desktops leave. */
const harmless = /^(?:(?:\.gitignore|format|swept)(?:\..*)?|objects|prepared|cache|lost\+found|\.DS_Store)$/

/**
 * `absent`: no folder, or one without anything of a store. Throws `store-refused` (a newer format, or a folder that holds other things) and
 * `store-corrupt` (objects without a readable format).
 */
export function inspectRoot(disk: Disk, root: string): 'absent' | 'ready' {
  const format = disk.read(join(root, formatName))
  if (format !== undefined) {
    checkFormat(Buffer.from(format).toString('utf8'), root)
    return 'ready'
  }
  const names = disk.names(root) ?? []
  const foreign = names.find((name) => !harmless.test(name))
  if (foreign !== undefined) {
    throw new TrueupError(
      'store-refused',
      `${root} is not a trueup store and not empty (it has ${foreign}). Name an empty or new folder, as in --store file:.trueup.`,
      { details: { path: root, found: foreign } },
    )
  }
  // The format is written before the first object; another process may have done both since we looked.
  if (names.includes('objects') && disk.read(join(root, formatName)) === undefined) {
    throw new TrueupError(
      'store-corrupt',
      `${root} has objects but no ${join(root, formatName)}. If a trueup of this version wrote it, put that file back: \`echo trueup-directory-store ${formatVersion} > ${join(root, formatName)}\`.`,
      { details: { path: root } },
    )
  }
  return 'absent'
}

/** Makes what is missing of a store folder; repeating it, alone or beside others, changes nothing. */
export async function prepareRoot(
  disk: Disk,
  root: string,
  facts: { readonly at: number; readonly id: string },
): Promise<void> {
  disk.makeFolders(root)
  const isReady = inspectRoot(disk, root) === 'ready'
  // The format goes first: with anything else and without it, the folder could not be told from somebody else's.
  if (!isReady)
    await replaceFile(disk, { root, name: formatName, text: `trueup-directory-store ${formatVersion}\n`, ...facts })
  if (disk.size(join(root, '.gitignore')) === undefined)
    await replaceFile(disk, { root, name: '.gitignore', text: '*\n', ...facts })
  if (disk.size(join(root, 'swept')) === undefined) await writeSweptAt(disk, root, facts)
  disk.makeFolder(preparedFolder(root))
  disk.makeFolder(objectsFolder(root))
  if (isReady) return
  await disk.sync(root)
  await disk.sync(dirname(root))
}

/** When the last sweep began, UTC ms; undefined when nobody knows. */
export function readSweptAt(disk: Disk, root: string): number | undefined {
  const bytes = disk.read(join(root, 'swept'))
  const text = bytes === undefined ? '' : Buffer.from(bytes).toString('utf8').trim()
  return /^-?\d+$/.test(text) ? Number(text) : undefined
}

export async function writeSweptAt(
  disk: Disk,
  root: string,
  facts: { readonly at: number; readonly id: string },
): Promise<void> {
  await replaceFile(disk, { root, name: 'swept', text: `${Math.trunc(facts.at)}\n`, ...facts })
}

/** The temporary files of this file, by name: when it was begun; undefined for any other. */
export function temporarySince(name: string): number | undefined {
  const since = /^(?:format|swept|\.gitignore)\.(-?\d+)-/.exec(name)?.[1]
  return since === undefined ? undefined : Number(since)
}

async function replaceFile(
  disk: Disk,
  file: {
    readonly root: string
    readonly name: string
    readonly text: string
    readonly at: number
    readonly id: string
  },
): Promise<void> {
  const temporary = join(file.root, `${file.name}.${Math.trunc(file.at)}-${file.id}`)
  // Gone: a sweep took it for a killed writer's, or somebody removed the folder. Going on without it would leave objects without a format.
  while (
    !(await disk.write(temporary, Buffer.from(file.text, 'utf8'), true)) ||
    disk.rename(temporary, join(file.root, file.name)) !== 'renamed'
  ) {
    disk.makeFolders(file.root)
  }
}

function checkFormat(text: string, root: string): void {
  const version = /^trueup-directory-store (\d+)\s*$/.exec(text)?.[1]
  if (version === undefined) {
    throw new TrueupError(
      'store-corrupt',
      `${join(root, formatName)} is not the format file of a trueup store. Restore it from a backup, or name another folder with --store file:<dir>.`,
      {
        details: { path: root },
      },
    )
  }
  if (Number(version) <= formatVersion) return
  throw new TrueupError(
    'store-refused',
    `The store in ${root} has format ${version}; this trueup knows up to ${formatVersion}. Upgrade trueup here, or name another folder with --store file:<dir>.`,
    { details: { path: root, format: Number(version), supported: formatVersion } },
  )
}
