// Rows of a query of a data bundle: 10,000 objects with three nested references each, one of them a back reference. Seconds and memory are of
// this machine; the ratio is against reading the same answer with plain loops over the same bundle.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('query-program.mjs', import.meta.url))

/** @type {readonly import('./command.mjs').Bench[]} */
export const queryBenches = [{ name: 'query', measure }]

function measure(place) {
  const args = ['--expose-gc', PROGRAM, place.built, String(Math.min(place.rounds, 10))]
  const answer = JSON.parse(
    execFileSync(process.execPath, args, { cwd: place.folder, env: place.env, encoding: 'utf8' }),
  )
  return [
    {
      label: 'query, 10,000 objects, three references, cold',
      value: answer.coldMs / 1000,
      unit: ' s',
      target: 1,
      note: 'schema, back references and query',
    },
    { label: 'query, 10,000 objects, three references, warm', value: answer.warmMs / 1000, unit: ' s', target: 1 },
    {
      label: 'query, against plain loops',
      value: answer.warmMs / answer.plainMs,
      unit: 'x',
      note: 'the price of GraphQL',
    },
    { label: 'query, memory over the bundle', value: answer.extraMiB, unit: ' MiB' },
  ]
}
