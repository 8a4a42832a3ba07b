// What a person typed for a revision in, a full commit id or a reason with what to do out. May fetch, once.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { TrueupError } from '../../errors.js'
import type { Git } from '../git.js'
import type { ResolvedRevision } from '../source.js'
import type { Trees } from './tree.js'

const FULL_ID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i

const ABBREVIATION = /^[0-9a-f]{4,63}$/i

/** As {@link Repository.resolve}. */
export async function resolveRevision(git: Git, trees: Trees, revision: string): Promise<ResolvedRevision> {
  // eslint-disable-next-line no-control-regex -- a newline would be a second question to git
  if (revision === '' || revision.startsWith('-') || /[\0-\x1f\x7f]/.test(revision)) {
    throw new TrueupError('usage', `'${revision}' is not a revision: give a commit id, a branch or a tag`, {
      details: { revision },
    })
  }
  const here = await trees.commit(revision)
  if (here.kind === 'found') return { kind: 'found', id: here.id, fetched: false }
  if (here.kind === 'ambiguous' || (ABBREVIATION.test(revision) && (await trees.isAmbiguous(revision)))) {
    return { kind: 'missing', reason: `${revision} is the beginning of several object ids: give the full commit id` }
  }
  const remote = await chooseRemote(git)
  const isShallow = existsSync(join(git.place.commonDirectory, 'shallow'))
  const failure =
    FULL_ID.test(revision) && remote !== undefined ? await fetch(git, remote, revision, isShallow) : undefined
  if (failure === 'fetched') {
    const now = await trees.commit(revision)
    if (now.kind === 'found') return { kind: 'found', id: now.id, fetched: true }
  }
  return { kind: 'missing', reason: reasonOf({ revision, remote, isShallow, failure }) }
}

async function fetch(git: Git, remote: string, commit: string, isShallow: boolean): Promise<string> {
  const { fetchCommit } = await import('../fetch-commit.js')
  const result = await fetchCommit({ git, remote, commit: commit.toLowerCase(), isShallow })
  return result.kind === 'fetched' ? 'fetched' : result.reason
}

interface Circumstances {
  readonly revision: string
  readonly remote: string | undefined
  readonly isShallow: boolean
  readonly failure: string | undefined
}

function reasonOf({ revision, remote, isShallow, failure }: Circumstances): string {
  const where = isShallow
    ? 'this clone is shallow and does not hold'
    : 'this clone is not shallow, yet it does not hold'
  const tried =
    failure === undefined || failure === 'fetched'
      ? ''
      : `; fetching it from ${remote ?? ''} failed (${oneLine(failure)})`
  const fix = remote === undefined ? 'add a remote that has it' : `run \`git fetch ${remote} ${revision}\``
  const checkout = isShallow
    ? ', or check out with its history (`fetch-depth: 0` for actions/checkout in GitHub Actions)'
    : ''
  return `${where} ${revision}${tried}: ${fix}${checkout}`
}

function oneLine(text: string): string {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .join(' · ')
    .slice(0, 500)
}

/** The current branch's remote, else `origin`, else the only one. */
async function chooseRemote(git: Git): Promise<string | undefined> {
  const { stdout } = await git.run(
    ['config', '-z', '--get-regexp', '^(branch\\..*\\.remote|remote\\..*\\.(url|fetch))$'],
    { expect: [0, 1] },
  )
  const settings = new Map<string, string>()
  const remotes = new Set<string>()
  for (const record of stdout.toString('utf8').split('\0')) {
    const newline = record.indexOf('\n')
    if (newline === -1) continue
    const name = record.slice(0, newline)
    settings.set(name, record.slice(newline + 1))
    const remote = /^remote\.(.+)\.[a-z]+$/s.exec(name)?.[1]
    if (remote !== undefined) remotes.add(remote)
  }
  const branch = /^ref: refs\/heads\/(.+)$/m.exec(headText(git))?.[1]
  const own = branch === undefined ? undefined : settings.get(`branch.${branch}.remote`)
  const chosen = [own, 'origin', remotes.size === 1 ? [...remotes][0] : undefined].find(
    (name) => name !== undefined && remotes.has(name),
  )
  // A name that git would read as an option can only come from a forged configuration.
  return chosen?.startsWith('-') === true ? undefined : chosen
}

function headText(git: Git): string {
  try {
    return readFileSync(join(git.place.gitDirectory, 'HEAD'), 'utf8')
  } catch {
    return ''
  }
}
