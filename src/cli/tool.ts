// Which trueup this is: version from package.json, build from the built files. Read once, when asked.
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Tool {
  readonly version: string
  /** Digest of the built files; `source` where nothing is built. */
  readonly build: string
  /** Absolute folder of the package. */
  readonly root: string
}

export function readTool(): Tool {
  // Both src/cli and dist/cli lie two folders below the package.
  const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  let build = 'source'
  try {
    build = (JSON.parse(readFileSync(join(root, 'dist', 'build.json'), 'utf8')) as { build: string }).build
  } catch {
    // Not built: run from its sources.
  }
  return { version, build, root }
}

/** Absolute paths of the package's doors, for integrations that have no trueup of their own. */
export function doors(tool: Tool): { readonly main: string; readonly testing: string } {
  return { main: join(tool.root, 'dist/src/index.js'), testing: join(tool.root, 'dist/src/testing.js') }
}
