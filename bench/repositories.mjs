// In: how many files, of which how many are a target's inputs. Out: a real repository of that shape, checked out; made once a run.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'

const INTEGRATION = `export default {
  name: 'plain',
  version: '1.0.0',
  inputs: ['data/plain/*.json'],
  deletePolicy: 'owned',
  async desiredState(ctx) {
    return await ctx.source.loadAll('data/plain/*.json')
  },
  run() {
    throw new Error('what is skipped does not run')
  },
}
`

const CONFIG = 'version: 1\ntargets:\n  plain:\n    integration: ./integrations/plain.mjs\n'

/** Beside the inputs: trueup.yaml, .gitignore, the integration, README.md. */
const OTHER_FILES = 4

/**
 * A repository of two commits, of which the second changes README.md only, so that nothing that the target reads differs.
 * @param {{ folder: string, env: NodeJS.ProcessEnv }} place
 * @param {{ files: number, inputs: number }} shape
 * @returns {string} its folder
 */
export function repositoryOf({ folder, env }, { files, inputs }) {
  const path = join(folder, `repository-${String(files)}-${String(inputs)}`)
  if (existsSync(path)) return path
  mkdirSync(path)
  const git = (args, input) =>
    execFileSync('git', args, { cwd: path, env, stdio: ['pipe', 'ignore', 'inherit'], input })
  git(['init', '--quiet', '--initial-branch=main'])
  git(['fast-import', '--quiet'], historyOf({ files, inputs }))
  git(['reset', '--quiet', '--hard', 'main'])
  return path
}

/** As `git fast-import` reads it. */
function historyOf({ files, inputs }) {
  const first = [
    fileOf('trueup.yaml', CONFIG),
    fileOf('.gitignore', '.trueup/\n'),
    fileOf('integrations/plain.mjs', INTEGRATION),
    fileOf('README.md', 'one\n'),
  ]
  for (let index = 0; index < inputs; index++) {
    const record = { name: `record-${String(index)}`, value: 'x'.repeat(500) }
    first.push(fileOf(`data/plain/${String(index)}.json`, `${JSON.stringify(record, null, 2)}\n`))
  }
  for (let index = 0; index < files - inputs - OTHER_FILES; index++) {
    const path = `services/s${String(index % 100)}/f${String(Math.floor(index / 100))}.yaml`
    first.push(fileOf(path, `name: service-${String(index)}\n${'setting: a value of this service\n'.repeat(20)}`))
  }
  return commitOf('first', 1_767_225_600, first) + commitOf('second', 1_767_225_660, [fileOf('README.md', 'two\n')])
}

export function commitOf(message, seconds, changes) {
  const who = `trueup bench <bench@example.com> ${String(seconds)} +0000`
  return `commit refs/heads/main\ncommitter ${who}\ndata ${String(message.length)}\n${message}\n${changes.join('')}\n`
}

export function fileOf(path, text) {
  return `M 100644 inline ${path}\ndata ${String(Buffer.byteLength(text))}\n${text}\n`
}
