// A data bundle made by hand, for tests of what asks one. Keys are sorted as a loaded bundle has them.
import { createHash } from 'node:crypto'
import type { DataBundle, DataFile } from '../../src/desired/data/bundle.js'
import type { Json } from '../../src/event.js'
import { compareText } from '../../src/util/compare-text.js'

export interface BundleParts {
  readonly data?: Readonly<Record<string, Json>>
  /** Content by path; `$schema` is taken from a first line that says it. */
  readonly resources?: Readonly<Record<string, string>>
  readonly schemas?: Readonly<Record<string, Json>>
  readonly graphql?: Json
  readonly gitCommit?: string
}

export function bundleOf(parts: BundleParts): DataBundle {
  const sorted = <T>(values: Readonly<Record<string, T>> = {}): [string, T][] =>
    Object.entries(values).sort(([a], [b]) => compareText(a, b))
  return {
    data: new Map(sorted(parts.data).map(([path, value]) => [path, Object.freeze(value) as DataFile])),
    resources: new Map(
      sorted(parts.resources).map(([path, content]) => [
        path,
        {
          path,
          content,
          $schema: /^\$schema: (\S+\.ya?ml)$/m.exec(content)?.[1] ?? null,
          sha256sum: createHash('sha256').update(content).digest('hex'),
          backrefs: [],
        },
      ]),
    ),
    schemas: new Map(sorted(parts.schemas)),
    graphql: parts.graphql ?? null,
    gitCommit: parts.gitCommit ?? '',
    gitCommitTimestamp: '1767225600',
  }
}
