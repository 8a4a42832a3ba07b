// Rows of relations: calls, not time. Shards of one process, and targets of a real `trueup serve`, each in a process of its own.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('relations-program.mjs', import.meta.url))
const TARGETS = 200
const RESOURCES = 20

/** @type {readonly import('./command.mjs').Bench[]} */
export const relationBenches = [
  { name: 'relations', measure },
  { name: 'relations-serve', measure: measureServed },
]

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

function measureServed(place) {
  const folder = mkdtempSync(join(place.folder, 'relations-'))
  const calls = join(folder, '.calls')
  const git = (...args) => execFileSync('git', args, { cwd: folder, env: place.env, stdio: 'ignore' })
  mkdirSync(join(folder, 'integrations'))
  const files = {
    'integrations/sharing.mjs': INTEGRATION,
    'trueup.yaml': `version: 1\ntargets:\n${Array.from({ length: TARGETS }, (_, index) => `  t${index}: { integration: sharing, params: { of: r${index % RESOURCES} } }\n`).join('')}`,
    '.gitignore': '.trueup/\n.calls\n',
  }
  for (const [path, text] of Object.entries(files)) writeFileSync(join(folder, path), text)
  git('init', '--quiet')
  git('add', '--all')
  git('-c', 'user.name=bench', '-c', 'user.email=bench@example.com', 'commit', '--quiet', '-m', 'first')
  execFileSync(process.execPath, [place.bin, 'serve', '--once'], {
    cwd: folder,
    env: { ...place.env, CALLS: calls },
    stdio: 'ignore',
  })
  const loads = readFileSync(calls, 'utf8').trim().split('\n').length
  return [
    {
      label: `relations, calls for ${RESOURCES} resources of ${TARGETS} targets of serve, of those without`,
      value: loads / TARGETS,
      unit: 'x',
      target: RESOURCES / TARGETS,
      note: `${loads} against ${TARGETS}`,
    },
  ]
}

const INTEGRATION = `import { appendFileSync } from 'node:fs'
import { defineIntegration, diff, listing, relation } from 'trueup'
const resource = relation('resource', (id, { env }) => {
  appendFileSync(env('CALLS'), id + '\\n')
  return { id }
})
export default defineIntegration({
  name: 'sharing', version: '1.0.0', deletePolicy: 'never', inputs: [], env: ['CALLS'],
  params: {
    '~standard': {
      version: 1, vendor: 'bench', validate: (value) => ({ value }),
      jsonSchema: {
        input: () => ({ type: 'object', properties: { of: { type: 'string' } } }),
        output: () => ({ type: 'object' }),
      },
    },
  },
  desiredState: () => [],
  run: async (ctx, desired) => {
    await ctx.related(resource, ctx.params.of)
    return ctx.plan(diff({ desired, current: listing.whole([]), key: (key) => key }), { create: () => {}, update: () => {} })
  },
})
`
