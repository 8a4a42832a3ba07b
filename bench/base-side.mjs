// Rows of reading the other revision of a large repository, against having git check it out.
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { interleaved, median, timeChild } from './measure.mjs'
import { repositoryOf } from './repositories.mjs'

const FILES = 50_000
const READER = fileURLToPath(new URL('base-side-reader.mjs', import.meta.url))

/** @type {readonly import('./command.mjs').Bench[]} */
export const baseSideBenches = [
  { name: 'base-500', measure: measureSome },
  { name: 'base-all', measure: measureAll },
]

/** Both sides are whole: a fresh repository object with its git process here, a fresh worktree there. */
async function measureSome(place) {
  const cwd = repositoryOf(place, { files: FILES, inputs: 6 })
  const commit = execFileSync('git', ['rev-parse', 'HEAD~1'], { cwd, env: place.env, encoding: 'utf8' }).trim()
  const worktree = join(place.folder, 'worktree')
  const removeWorktree = () => {
    rmSync(worktree, { recursive: true, force: true })
    execFileSync('git', ['worktree', 'prune'], { cwd, env: place.env })
  }
  // One folder of 499 or 500 files and one that completes it: few trees, as the inputs of a target are.
  const globs = ['services/s0/**', 'data/plain/0.json']
  const { own, git } = await interleaved(
    {
      own: { run: () => read(place, cwd, commit, globs, 500).ms },
      git: {
        before: removeWorktree,
        run: () =>
          timeChild('git', ['worktree', 'add', '--quiet', '--detach', worktree, commit], { cwd, env: place.env }),
      },
    },
    { rounds: Math.max(3, Math.ceil(place.rounds / 5)) },
  )
  removeWorktree()
  return [
    {
      label: 'base side of 500 files in 50,000',
      value: own.ms / git.ms,
      unit: 'x',
      target: 0.05,
      note: `${own.ms.toFixed(0)} ms against ${git.ms.toFixed(0)} ms of git worktree add`,
    },
  ]
}

async function measureAll(place) {
  const cwd = repositoryOf(place, { files: FILES, inputs: 6 })
  const runs = Array.from({ length: Math.max(3, Math.ceil(place.rounds / 5)) }, () =>
    read(place, cwd, 'HEAD~1', ['**'], FILES),
  )
  return [
    { label: 'base side of all 50,000 files', value: median(runs.map(({ ms }) => ms)) / 1000, unit: ' s', target: 1.3 },
    {
      label: 'the same, peak memory of the process',
      value: Math.max(...runs.map(({ peakMiB }) => peakMiB)),
      unit: ' MiB',
      target: 100,
      note: `of which Node itself ${String(Math.min(...runs.map(({ startMiB }) => startMiB)))} MiB`,
    },
  ]
}

function read(place, repository, revision, globs, expected) {
  const args = ['--no-warnings', READER, place.built, repository, revision, ...globs]
  const result = JSON.parse(execFileSync(process.execPath, args, { cwd: repository, env: place.env, encoding: 'utf8' }))
  if (Math.abs(result.files - expected) > 1)
    throw new Error(`read ${String(result.files)} files, not ${String(expected)}`)
  return result
}
