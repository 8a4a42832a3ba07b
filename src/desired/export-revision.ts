// A branch of a remote, or HEAD of this repository, in; its newest commit, and a private repository with exactly that commit checked out, out.
// Code cannot be reloaded in a process, and a working tree changes under it: what runs a revision runs in such a tree. Writes nothing to the
// repository that it was asked of.
import { existsSync, symlinkSync } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import { isAbsolute, join, resolve } from 'node:path'
import { TrueupError } from '../errors.js'
import { Git, type GitOptions } from './git.js'
import { locateRepository } from './git/locate.js'
import { watchHead, type HeadListener, type HeadWatch } from './git/watch-head.js'
import { Scratch } from './scratch.js'

export interface RevisionSource {
  /** What is asked: a name of people, without credentials. */
  readonly description: string
  /** `refs/heads/main` of the remote; null: HEAD of this repository. */
  readonly ref: string | null
  /** Tells when HEAD of this repository may have moved; null: a remote does not tell. */
  readonly watch: ((listener: HeadListener) => HeadWatch) | null
  /** The newest commit: its full id. */
  latest(): Promise<string>
  /**
   * The newest commit, checked out. `known`: a commit to compare with, had from the folder of an earlier export or from the remote; where it cannot
   * be had, the tree is without it.
   */
  exportTree(known?: { readonly commit: string; readonly folder: string | null }): Promise<RevisionTree>
}

export interface RevisionTree {
  /** Full id. */
  readonly commit: string
  /** Absolute: the top of the tree. */
  readonly folder: string
  readonly remove: () => Promise<void>
}

export interface RevisionSourceOptions extends Omit<GitOptions, 'place'> {
  /** Absolute: a folder of the repository. */
  readonly root: string
  /** A branch of the remote `origin`; null: HEAD of this repository. */
  readonly branch: string | null
  /** Paths from the top that are linked into each tree where the commit has none, such as node_modules. */
  readonly links: readonly string[]
}

/** A whole tree may be large and far away. */
const FETCH_TIMEOUT_MS = 900_000
/** Of the repository's own configuration, what fetching needs: it is given by environment, so that no credential is written anywhere. */
const FETCH_SETTINGS = '^(http|https|credential|url|core\\.(sshcommand|gitproxy)$)'

/** @throws source-unavailable where there is no repository, or no remote `origin` for a branch */
export async function openRevisions(options: RevisionSourceOptions): Promise<RevisionSource> {
  const { root, branch, links, ...gitOptions } = options
  const place = locateRepository(root)
  const home = new Git({ ...gitOptions, place })
  const url = branch === null ? place.root : await urlOfOrigin(home, branch)
  const ref = branch === null ? 'HEAD' : `refs/heads/${branch}`
  const where = branch === null ? `HEAD of ${place.root}` : `${branch} of origin (${withoutPassword(url)})`
  const environment = await fetchEnvironment(home)
  const scratch = new Scratch()

  async function latest(): Promise<string> {
    const { stdout } = await home.run(['ls-remote', '--quiet', url, ref], { environment })
    const commit = /^[0-9a-f]{40,64}(?=\t)/.exec(stdout.toString('utf8'))?.[0]
    if (commit !== undefined) return commit
    throw new TrueupError('source-unavailable', `${where}: there is no such branch, or it has no commit yet`)
  }

  return {
    description: where,
    ref: branch === null ? null : ref,
    watch: branch === null ? (listener) => watchHead(place, options.clock, listener) : null,
    latest,
    async exportTree(known) {
      const folder = await scratch.folder()
      try {
        const tree = { root: folder.path, gitDirectory: join(folder.path, '.git') }
        const git = new Git({
          ...gitOptions,
          place: { ...tree, commonDirectory: tree.gitDirectory },
          timeoutMs: FETCH_TIMEOUT_MS,
        })
        const fetch = (from: string, what: string): Promise<unknown> =>
          git.run(['fetch', '--quiet', '--no-tags', '--depth=1', '--no-recurse-submodules', from, what], {
            environment,
          })
        await git.run(['init', '--quiet'])
        if (known !== undefined) await fetch(known.folder ?? url, known.commit).catch(() => undefined)
        await fetch(url, ref)
        await git.run(['checkout', '--quiet', '--detach', 'FETCH_HEAD'])
        const { stdout } = await git.run(['rev-parse', 'HEAD'])
        await linkInto(folder.path, place.root, links)
        return { commit: stdout.toString('utf8').trim(), folder: folder.path, remove: folder.remove }
      } catch (error) {
        await folder.remove()
        throw error
      }
    },
  }
}

async function urlOfOrigin(git: Git, branch: string): Promise<string> {
  if (branch.startsWith('-') || /[\s~^:?*[\\]|\.\./.test(branch))
    throw new TrueupError('usage', `--ref takes the name of a branch, such as main, not "${branch}"`)
  const { exitCode, stdout } = await git.run(['remote', 'get-url', 'origin'], { expect: [0, 2, 128] })
  const url = stdout.toString('utf8').trim()
  if (exitCode !== 0 || url === '')
    throw new TrueupError(
      'source-unavailable',
      `--ref ${branch} is a branch of the remote origin, and ${git.place.root} has no such remote. Leave --ref out to serve HEAD of this repository, or: git remote add origin <url>`,
    )
  // A path is relative to the repository; an address with a scheme, or as ssh has it, is none.
  return /^[\w.+-]+:|^[^/]+@/.test(url) || isAbsolute(url) ? url : resolve(git.place.root, url)
}

async function fetchEnvironment(git: Git): Promise<Readonly<Record<string, string>>> {
  const { stdout } = await git.run(['config', '--local', '--null', '--get-regexp', FETCH_SETTINGS], { expect: [0, 1] })
  const pairs = stdout
    .toString('utf8')
    .split('\0')
    .filter((entry) => entry.includes('\n'))
    .map((entry) => [entry.slice(0, entry.indexOf('\n')), entry.slice(entry.indexOf('\n') + 1)] as const)
  return Object.fromEntries([
    ['GIT_CONFIG_COUNT', String(pairs.length)],
    ...pairs.flatMap(([key, value], at) => [
      [`GIT_CONFIG_KEY_${String(at)}`, key],
      [`GIT_CONFIG_VALUE_${String(at)}`, value],
    ]),
  ]) as Readonly<Record<string, string>>
}

async function linkInto(folder: string, from: string, links: readonly string[]): Promise<void> {
  for (const path of links) {
    const [there, here] = [join(from, path), join(folder, path)]
    if (!existsSync(there) || existsSync(here) || !existsSync(join(here, '..'))) continue
    symlinkSync(there, here)
    await appendFile(join(folder, '.git', 'info', 'exclude'), `/${path}\n`)
  }
}

/** For people and logs. */
function withoutPassword(url: string): string {
  return url.replace(/^([\w.+-]+:\/\/)[^/@]*@/, '$1')
}
