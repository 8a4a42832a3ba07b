// A path in, the path that it means after following symbolic links inside the snapshot out. Never looks at the disk.
import { posix } from 'node:path'
import { TrueupError } from '../errors.js'
import { escapeGlob } from './globs.js'
import type { Snapshot } from './source.js'

/** As Linux. */
const MAX_LINKS = 40

/**
 * Follows links, in every folder of the path too, until a path without links is reached; undefined when there is no such file.
 *
 * @throws TrueupError `desired-unreadable` for a link out of the repository, or after 40 links
 */
export async function resolveLink(
  snapshot: Pick<Snapshot, 'entries' | 'read'>,
  path: string,
): Promise<string | undefined> {
  let current = posix.normalize(path)
  for (let count = 0; count <= MAX_LINKS; count += 1) {
    const parts = current.split('/')
    const steps = parts.map((_, index) => parts.slice(0, index + 1).join('/'))
    const found = await snapshot.entries(steps.map(escapeGlob))
    // Sorted by path, so the first is the outermost: no file lies below another file.
    const first = found[0]
    if (first === undefined) return undefined
    if (first.mode !== '120000') return first.path === current ? current : undefined
    const content = await snapshot.read(first.path)
    if (content === undefined) return undefined
    const target = Buffer.from(content).toString('utf8')
    const landing = posix.normalize(posix.join(posix.dirname(first.path), target, current.slice(first.path.length + 1)))
    if (target.startsWith('/') || landing === '..' || landing.startsWith('../')) {
      throw new TrueupError(
        'desired-unreadable',
        `${path}: the symbolic link ${first.path} leads to ${target}, outside the repository`,
        {
          details: { path, link: first.path, target },
        },
      )
    }
    current = landing.endsWith('/') ? landing.slice(0, -1) : landing
  }
  throw new TrueupError(
    'desired-unreadable',
    `${path} goes through more than ${MAX_LINKS} symbolic links: they lead in a circle`,
    {
      details: { path },
    },
  )
}
