// Rows of what a run costs that finds nothing to do, against a Node that does nothing: the whole process, as a shell sees it.
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { interleaved, timeChild } from './measure.mjs'
import { repositoryOf } from './repositories.mjs'

const BASE = ['--base', 'HEAD~1']

/** @type {readonly import('./command.mjs').Bench[]} */
export const skipBenches = [
  {
    name: 'start-up',
    measure: (place) => ratioRow(place, { label: 'trueup --version', target: 1.35, args: ['--version'] }),
  },
  ...[10, 50_000].map((files) => ({
    name: `skip-${String(files)}`,
    measure: (place) =>
      skipRow(place, { label: 'skip, --committed', shape: { files, inputs: 6 }, target: 1.6, committed: true }),
  })),
  ...[34, 50_000].map((files) => ({
    name: `skip-worktree-${String(files)}`,
    measure: (place) =>
      skipRow(place, {
        label: 'skip, working tree of 30 inputs',
        shape: { files, inputs: 30 },
        target: 1.8,
        committed: false,
      }),
  })),
  ...[10, 50_000].map((files) => ({
    name: `skip-cold-${String(files)}`,
    measure: (place) =>
      skipRow(place, {
        label: 'skip, --committed, no cache',
        shape: { files, inputs: 6 },
        target: 2.6,
        committed: true,
        cold: true,
      }),
  })),
]

async function skipRow(place, { label, shape, target, committed, cold = false }) {
  const repository = repositoryOf(place, shape)
  const args = ['plan', 'plain', ...BASE, ...(committed ? ['--committed'] : [])]
  refuseOtherThanSkip(place, repository, args)
  const before = () => {
    if (!cold) return
    for (const folder of [place.env.XDG_CACHE_HOME, join(repository, '.trueup')])
      rmSync(folder, { recursive: true, force: true })
    mkdirSync(place.env.XDG_CACHE_HOME)
  }
  return ratioRow(place, {
    label: `${label}, ${shape.files.toLocaleString('en')} files`,
    target,
    args,
    cwd: repository,
    before,
  })
}

/** What is timed must be what is claimed. */
function refuseOtherThanSkip(place, cwd, args) {
  const { stdout, stderr } = spawnSync(process.execPath, [place.bin, ...args, '-o', 'json'], {
    cwd,
    env: place.env,
    encoding: 'utf8',
  })
  const decision = stdout.startsWith('{') ? JSON.parse(stdout).runs[0]?.decision : undefined
  if (decision?.action !== 'skip' || decision.reason !== 'inputs-unchanged') {
    throw new Error(`not a git-only skip: ${decision?.explanation ?? stdout}\n${stderr}`)
  }
}

async function ratioRow(place, { label, target, args, cwd = place.folder, before }) {
  const empty = join(place.folder, 'empty.mjs')
  writeFileSync(empty, '')
  const options = { cwd, env: place.env }
  const { own, node } = await interleaved(
    {
      node: { run: () => timeChild(process.execPath, [empty], options) },
      own: {
        run: () => timeChild(process.execPath, [place.bin, ...args], options),
        ...(before === undefined ? {} : { before }),
      },
    },
    { rounds: place.rounds },
  )
  const cpu =
    own.cpuMs === undefined || node.cpuMs === undefined || node.cpuMs === 0
      ? ''
      : `, processor time ${(own.cpuMs / node.cpuMs).toFixed(2)}x`
  return [
    {
      label,
      value: own.ms / node.ms,
      unit: 'x',
      target,
      note: `${own.ms.toFixed(0)} ms against ${node.ms.toFixed(0)} ms of an empty program${cpu}`,
    },
  ]
}
