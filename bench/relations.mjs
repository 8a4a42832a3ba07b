// Rows of relations, in a process of their own: calls, not time.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('relations-program.mjs', import.meta.url))

/** @type {readonly import('./command.mjs').Bench[]} */
export const relationBenches = [{ name: 'relations', measure }]

function measure(place) {
  const { related, alone } = JSON.parse(
    execFileSync(process.execPath, [PROGRAM, place.built], { cwd: place.folder, env: place.env, encoding: 'utf8' }),
  )
  return [
    {
      label: 'relations, calls for 200 resources of 2,000 shards, of those without',
      value: related / alone,
      unit: 'x',
      target: 0.1,
      note: `${related} against ${alone}`,
    },
  ]
}
