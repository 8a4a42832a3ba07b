// Rows of durable functions on the directory store and of `ctx.state` on S3, each side in one process: against the same synced writes done by
// hand, against a cache that looks up, runs and stores, and against bare requests of the AWS client.
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { besideVersitygw, KEYS } from './versitygw.mjs'

const CALLS = fileURLToPath(new URL('durable-program.mjs', import.meta.url))
const STATE = fileURLToPath(new URL('durable-state-program.mjs', import.meta.url))

/** @type {readonly import('./command.mjs').Bench[]} */
export const durableBenches = [
  { name: 'durable-call', measure: measureCalls },
  { name: 'durable-state', measure: measureState },
]

function measureCalls(place) {
  const folder = join(place.folder, 'durable')
  mkdirSync(folder)
  const { hitUs, missMs, handMs, syncs, lookup } = run(place, place.env, [
    CALLS,
    place.built,
    String(place.rounds),
    folder,
  ])
  const against = (own, other, unit) =>
    `${own.toFixed(unit === 'us' ? 0 : 2)} ${unit} against ${other.toFixed(unit === 'us' ? 0 : 2)} ${unit}`
  return [
    {
      label: 'durable hit',
      value: hitUs,
      unit: ' us',
      target: 400,
      note: 'asynchronous; there is no synchronous path',
    },
    {
      label: 'durable first call, against its writes by hand',
      value: missMs / handMs,
      unit: 'x',
      target: 1.3,
      note: `${against(missMs, handMs, 'ms')}, of which ${String(syncs)} fsync`,
    },
    {
      label: 'durable hit, against look up, run, store',
      value: hitUs / lookup.hitUs,
      unit: 'x',
      note: against(hitUs, lookup.hitUs, 'us'),
    },
    {
      label: 'durable first call, against look up, run, store',
      value: missMs / lookup.missMs,
      unit: 'x',
      note: `${against(missMs, lookup.missMs, 'ms')}, which has one fsync and no claim`,
    },
  ]
}

async function measureState(place) {
  const found = await besideVersitygw((endpoint) =>
    run(place, { ...place.env, ...KEYS, ENDPOINT: endpoint }, [STATE, place.built, String(place.rounds)]),
  )
  if (found === undefined)
    return [
      {
        label: 'state on S3, against bare requests',
        note: 'no versitygw here: test/servers/versitygw.sh npm run bench -- --only durable installs it',
      },
    ]
  return found.map(({ label, ownMs, bareMs }) => ({
    label: `state on S3, ${label}`,
    value: ownMs / bareMs,
    unit: 'x',
    target: 1.2,
    note: `${ownMs.toFixed(2)} ms against ${bareMs.toFixed(2)} ms of the AWS client`,
  }))
}

function run({ folder }, env, args) {
  return JSON.parse(execFileSync(process.execPath, args, { cwd: folder, env, encoding: 'utf8' }))
}
