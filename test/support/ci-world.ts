// What a CI service works on: a bare origin with `main` and merge commits of pull requests, and fresh shallow clones of it. In: the store's URL.
// Out: commits, workspaces with this bin installed, and scripts run in them as a runner would. The target is called `site`.
import { spawnSync } from 'node:child_process'
import { chmod, copyFile, mkdir, mkdtemp, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bin, type Environment, type Files } from './rig.js'
import { createThings, integration, things, type Things } from './things.js'

export const checkout = fileURLToPath(new URL('../..', import.meta.url))
const ACTION = '.github/actions/trueup'

export interface CiStore {
  readonly url: string
  /** What a program needs to use it. */
  readonly env: Environment
}

export interface Merge {
  readonly commit: string
  /** What the branch was merged into. */
  readonly into: string
  /** Head of the branch. */
  readonly head: string
}

export interface ScriptRun {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface CiWorld extends AsyncDisposable {
  /** Variables of a job that gets no credentials for the store. */
  readonly withoutCredentials: Environment
  /** The repository of a person, who pushes to the origin. */
  readonly person: Things
  /** Commits to main and pushes. */
  push(files: Files): Promise<string>
  /** A branch off `main` with these files, merged with `main` as that is then; pushed to `ref`. `moves` comes to main between the two. */
  merge(ref: string, files: Files, moves?: Files): Promise<Merge>
  /** A clone of that one commit, `depth` deep, without history beyond; `npm ci` is a link to this bin. */
  workspace(ref: string, commit: string, depth: number): Promise<string>
  /** Lines of a script in one bash that ends with the first failure. */
  script(lines: readonly string[], options: { readonly cwd: string; readonly env: Environment }): ScriptRun
}

export async function createCiWorld(store: CiStore): Promise<CiWorld> {
  const person = await createThings({
    env: store.env,
    files: {
      'trueup.yaml': configOf(store.url),
      'integrations/site.mjs': integration({ name: 'site' }),
      'data/site/all.yaml': things({ a: 1, b: 2 }),
      ...Object.fromEntries(
        ['things', 'parts'].flatMap((name) => [
          [`integrations/${name}.mjs`, null],
          [`data/${name}/all.yaml`, null],
        ]),
      ),
    },
  })
  await mkdir(join(person.repo, ACTION), { recursive: true })
  for (const name of ['action.yml', 'run.sh'])
    await copyFile(join(checkout, ACTION, name), join(person.repo, ACTION, name))
  await chmod(join(person.repo, ACTION, 'run.sh'), 0o755)
  await person.commit('The action')
  const origin = join(person.root, 'origin.git')
  await person.git('init', '--quiet', '--bare', '--initial-branch=main', origin)
  await person.git('remote', 'add', 'origin', `file://${origin}`)
  await person.git('push', '--quiet', 'origin', 'main')

  const git = async (cwd: string, ...args: readonly string[]): Promise<string> => person.git('-C', cwd, ...args)
  const push = async (files: Files): Promise<string> => {
    await person.write(files)
    const commit = await person.commit()
    await person.git('push', '--quiet', 'origin', 'main')
    return commit
  }
  const noKeys = Object.fromEntries(Object.keys(store.env).map((name) => [name, undefined]))
  return {
    person,
    push,
    withoutCredentials: { ...noKeys, AWS_EC2_METADATA_DISABLED: 'true' },
    async merge(ref, files, moves) {
      await person.git('checkout', '--quiet', '--detach', 'main')
      await person.write(files)
      const head = await person.commit('branch')
      await person.git('checkout', '--quiet', 'main')
      if (moves !== undefined) await push(moves)
      const into = await person.git('rev-parse', 'main')
      await person.git('checkout', '--quiet', '--detach', 'main')
      await person.git('merge', '--quiet', '--no-ff', '-m', 'merge', head)
      const commit = await person.git('rev-parse', 'HEAD')
      await person.git('push', '--quiet', 'origin', `HEAD:${ref}`)
      await person.git('checkout', '--quiet', 'main')
      return { commit, into, head }
    },
    async workspace(ref, commit, depth) {
      const folder = await mkdtemp(join(person.root, 'workspace-'))
      // As the services check out: not a branch but a commit, and nothing else is fetched.
      await git(folder, 'init', '--quiet')
      await git(folder, 'remote', 'add', 'origin', `file://${origin}`)
      await git(folder, 'fetch', '--quiet', '--no-tags', `--depth=${depth}`, 'origin', `+${commit}:${remoteRef(ref)}`)
      await git(folder, 'checkout', '--quiet', '--detach', commit)
      await mkdir(join(folder, 'node_modules/.bin'), { recursive: true })
      await symlink(bin, join(folder, 'node_modules/.bin/trueup'))
      await chmod(bin, 0o755)
      return folder
    },
    script(lines, { cwd, env }) {
      const args = ['--noprofile', '--norc', '-e', '-o', 'pipefail', '-c', lines.join('\n')]
      const variables = Object.entries({ ...person.env, ...env }).filter(([, value]) => value !== undefined)
      const options = { cwd, env: Object.fromEntries(variables), encoding: 'utf8', timeout: 100_000 } as const
      const { status, stdout, stderr, error } = spawnSync('bash', args, options)
      if (error !== undefined) throw error
      if (process.env['SHOW_TEST_OUTPUT'] !== undefined) process.stderr.write(`${lines.join('\n')}\n${stdout}${stderr}`)
      return { code: status, stdout, stderr }
    },
    [Symbol.asyncDispose]: () => person[Symbol.asyncDispose](),
  }
}

/** trueup.yaml with the store, and with more about the target. */
export function configOf(url: string, more: object = {}): string {
  const targets = { site: { params: { greeting: 'hello' }, ...more } }
  return JSON.stringify({ version: 1, store: url, targets })
}

function remoteRef(ref: string): string {
  const [, name = ''] = /^refs\/(?:heads\/)?(.*)$/.exec(ref) ?? []
  return ref.startsWith('refs/heads/') ? `refs/remotes/origin/${name}` : `refs/remotes/${name}`
}
