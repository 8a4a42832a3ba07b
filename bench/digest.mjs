// Rows of the digest of 10 MB of data, against the ways without our own: JSON.stringify (not canonical) and fast-json-stable-stringify.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('digest-program.mjs', import.meta.url))

/** @type {readonly import('./command.mjs').Bench[]} */
export const digestBenches = [{ name: 'digest', measure }]

function measure(place) {
  const args = ['--expose-gc', PROGRAM, place.built, String(place.rounds)]
  const results = JSON.parse(
    execFileSync(process.execPath, args, { cwd: place.folder, env: place.env, encoding: 'utf8' }),
  )
  return results.flatMap(({ name, megabytes, plain, stable, extraMiB }) => [
    {
      label: `digest, ${name}`,
      value: plain,
      unit: 'x',
      target: 1.6,
      note: `${megabytes.toFixed(1)} MB; against JSON.stringify + SHA-256`,
    },
    {
      label: `digest, ${name}`,
      value: stable,
      unit: 'x',
      target: 0.35,
      note: 'against fast-json-stable-stringify + SHA-256',
    },
    { label: `digest, ${name}, memory over the data`, value: extraMiB, unit: ' MiB', target: 20 },
  ])
}
