// A process of its own. In: folder of the built library, rounds. Out: JSON with times and memory of one query of a generated bundle.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { interleaved, timed } from './measure.mjs'

const [built, rounds] = process.argv.slice(2)
const load = (path) => import(pathToFileURL(join(built, path)).href)
const { openBundleQueries } = await load('desired/graphql/bundle-queries.js')

const USERS = 10_000
const TEAMS = 500

const string = (name, more) => ({ name, type: 'string', ...more })
const FILE = [string('path', { isRequired: true }), string('schema', { isRequired: true }), string('name')]
const back = { schema: '/user-1.yml', subAttr: 'team' }
const graphql = [
  { name: 'User_v1', datafile: '/user-1.yml', fields: [...FILE, string('mail'), { name: 'team', type: 'Team_v1' }] },
  {
    name: 'Team_v1',
    datafile: '/team-1.yml',
    fields: [
      ...FILE,
      { name: 'unit', type: 'Unit_v1' },
      { name: 'members', type: 'User_v1', isList: true, synthetic: back },
    ],
  },
  { name: 'Unit_v1', datafile: '/unit-1.yml', fields: [...FILE, { name: 'head', type: 'User_v1' }] },
  {
    name: 'Query',
    fields: [
      { name: 'users', type: 'User_v1', isList: true, datafileSchema: '/user-1.yml' },
      { name: 'teams', type: 'Team_v1', isList: true, datafileSchema: '/team-1.yml' },
    ],
  },
]
const data = new Map()
const put = (kind, index, fields) =>
  data.set(`/${kind}s/${index}.yml`, { $schema: `/${kind}-1.yml`, name: `${kind} ${index}`, ...fields })
const ref = (kind, index) => ({ $ref: `/${kind}s/${index}.yml` })
for (let index = 0; index < 50; index++) put('unit', index, { head: ref('user', index) })
for (let index = 0; index < TEAMS; index++) put('team', index, { unit: ref('unit', index % 50) })
for (let index = 0; index < USERS; index++)
  put('user', index, { mail: `u${index}@example.com`, team: ref('team', index % TEAMS) })
const bundle = { data, resources: new Map(), schemas: new Map(), graphql, gitCommit: '', gitCommitTimestamp: '' }

const document = '{ users { path name team { name unit { name head { name mail } } } } teams { members { path } } }'
function plain() {
  const at = (reference) => data.get(reference.$ref)
  const users = [...data].filter(([, { $schema }]) => $schema === '/user-1.yml')
  const members = new Map()
  for (const [path, { team }] of users) members.set(team.$ref, [...(members.get(team.$ref) ?? []), { path }])
  return {
    users: users.map(([path, { name, team }]) => {
      const unit = at(at(team).unit)
      const { name: head, mail } = at(unit.head)
      return { path, name, team: { name: at(team).name, unit: { name: unit.name, head: { name: head, mail } } } }
    }),
    teams: [...data].flatMap(([path, { $schema }]) =>
      $schema === '/team-1.yml' ? [{ members: members.get(path) ?? [] }] : [],
    ),
  }
}

globalThis.gc()
const before = process.memoryUsage.rss()
let queries
const coldMs = await timed(() => {
  queries = openBundleQueries(bundle)
  return queries.answer({ document })
})
const extraMiB = (process.memoryUsage.rss() - before) / 1024 / 1024
const { data: found } = queries.answer({ document })
if (JSON.stringify(found) !== JSON.stringify(plain())) throw new Error('the query does not answer as plain loops do')
const side = (work) => ({ run: () => timed(work) })
const times = await interleaved(
  { query: side(() => queries.answer({ document })), plain: side(plain) },
  { rounds: Number(rounds) },
)
console.log(JSON.stringify({ coldMs, warmMs: times.query.ms, plainMs: times.plain.ms, extraMiB }))
