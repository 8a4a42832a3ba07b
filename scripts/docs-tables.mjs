// In: the built code. Out: the tables of README.md and docs, by the name of their markers; scripts/write-docs.mjs puts them in,
// test/docs.test.ts holds the pages against them. Writes nothing.
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { createJiti } from 'jiti'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Reasons as event.ts has them. What is not here yet has no row: the test names it. */
export const REASONS = {
  'no-comparison-asked': ['run', 'no `--base` was given'],
  forced: ['run', '`--force` was given'],
  'config-changed': [
    'run',
    'the target is configured otherwise than at the base, or a declared variable or secret differs',
  ],
  'code-changed': [
    'run',
    "the integration's code, what it imports or a locked package it uses differs, or trueup itself does",
  ],
  'code-unknown': ['run', 'what the integration imports cannot be told, so nothing can be promised'],
  'inputs-unchanged': ['skip', 'git has the same files at both sides; nothing was evaluated'],
  'desired-unchanged': ['skip', 'files differ, but the desired state they give does not'],
  'desired-changed': ['run', 'the desired state differs; `trueup why` shows the first difference'],
  'base-missing': ['run', 'the base commit cannot be had (shallow clone)'],
  'base-failed': ['run', 'the desired state of the base cannot be read'],
  'base-not-applied': ['run', 'nothing changed since the base, but this destination was not brought to it'],
  'cache-hit': ['skip', 'the same run converged a short while ago, and nothing was applied since; its log is replayed'],
  'cache-miss': ['run', 'no run with the same key has converged in this trust zone'],
  'cache-expired': ['run', 'one has, but longer ago than `--ttl`'],
  'cache-stale': ['run', 'one has, but something was applied since, or the last apply did not complete'],
  'cache-untrusted': ['run', 'the entry is damaged, forged, not signed with a known key, or of a newer trueup'],
  'cache-error': ['run', 'the run cache could not be asked; the run went on without it'],
  held: ['none', 'a hold stops applies of the target: exit 75; `trueup release` ends it'],
  'lease-held': ['none', 'another apply holds the destination: exit 75'],
  'head-failed': ['none', 'the head cannot be loaded or read'],
  'store-failed': ['none', 'the store cannot be read or must not be used'],
  'precondition-failed': ['none', 'what a flag demands is not so: `--require-compare`, `--committed`'],
  interrupted: ['none', 'a signal or `--timeout` came first'],
}

const VARIABLES = [
  ['`TRUEUP_<FLAG>`', 'a setting, as the table of flags says; a flag wins over it, it wins over `trueup.yaml`'],
  ['`TRUEUP_SECRET_<PATH>`', 'a secret: a text, or a JSON object of fields (`dns/api` is `TRUEUP_SECRET_DNS_API`)'],
  [
    '`TRUEUP_QUEUE`',
    'where the replicas of `serve` share their targets, `postgres://…`; goes before `queue` of `trueup.yaml`; not handed to runs',
  ],
  ['`TRUEUP_TOKEN`', 'what makes a target due through the API of `serve`; not handed to runs'],
  ['`TRUEUP_HOOK_SECRET`', 'what pushes to `serve` are signed with; not handed to runs'],
  ['`TRUEUP_EVENT`', 'set by `serve` for a run that an event asked for: why, for its record'],
  [
    '`TRUEUP_ANSWERS`',
    'set by `serve` for its runs: the process that they ask for what other runs have loaded of relations',
  ],
  ['`CI`', 'set: logs are JSON lines, and an apply does not start with an empty `file:` store'],
  ['`NO_COLOR`, `FORCE_COLOR`, `TERM`', 'colour and symbols'],
  [
    '`XDG_CACHE_HOME`, `HOME`',
    'where compiled code and declarations are kept between runs; removing them loses time only',
  ],
]

/** @returns {Promise<Record<string, string>>} Markdown tables with a final newline */
export async function tables() {
  const load = (file) => import(pathToFileURL(join(root, 'dist/src', file)).href)
  const [{ optionsMarkdown }, { EXIT_CODES }, { SERVE_METRICS }] = await Promise.all(
    ['cli/options-docs.js', 'exit-codes.js', 'report/serve-metrics.js'].map(load),
  )
  return {
    flags: optionsMarkdown(),
    variables: table(['variable', 'meaning'], VARIABLES),
    'exit codes': table(
      ['code', 'meaning'],
      EXIT_CODES.map(({ code, meaning }) => [String(code), meaning]),
    ),
    reasons: table(
      ['reason', 'action', 'meaning'],
      Object.entries(REASONS).map(([reason, [action, meaning]]) => [`\`${reason}\``, action, meaning]),
    ),
    metrics: table(
      ['metric', 'meaning'],
      Object.entries(SERVE_METRICS).map(([name, meaning]) => [`\`${name}\``, meaning]),
    ),
    decisions: table(['note', 'decision'], await decisions()),
    faults: await faults(),
  }
}

/** Pages that hold tables. */
export const PAGES = ['README.md', 'docs/decisions/index.md', 'docs/faults.md', 'docs/serve.md']

/** The text with every table between its markers put anew. */
export function withTables(text, all) {
  return text.replace(/<!-- table: ([a-z ]+) -->\n[\s\S]*?<!-- end -->/g, (whole, name) => {
    if (all[name] === undefined) throw new Error(`there is no table called ${name}`)
    return `<!-- table: ${name} -->\n\n<!-- prettier-ignore -->\n${all[name]}\n<!-- end -->`
  })
}

/** Each row is a test: test/fault-matrix.test.ts. */
async function faults() {
  const { FAULT_ROWS, FAULT_TEXT, STEP_TEXT } = await createJiti(import.meta.url).import(
    join(root, 'test/support/fault-rows.ts'),
  )
  return table(
    ['while …', 'what goes wrong', 'the run', 'the next run'],
    FAULT_ROWS.map(({ step, faults: struck, where, text: [run, next] }) => [
      [STEP_TEXT[step], where].filter((part) => part !== undefined).join(', '),
      struck.map((fault) => FAULT_TEXT[fault]).join(' · '),
      run,
      next,
    ]),
  )
}

async function decisions() {
  const folder = join(root, 'docs/decisions')
  const names = (await readdir(folder)).filter((name) => /^\d{3}-.*\.md$/.test(name)).sort()
  return Promise.all(
    names.map(async (name) => {
      const [title = ''] = (await readFile(join(folder, name), 'utf8')).split('\n')
      return [`[${name.slice(0, 3)}](${name})`, title.replace(/^# \d{3}: /, '')]
    }),
  )
}

function table(head, rows) {
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`
  return `${line(head)}|${head.map(() => '---|').join('')}\n${rows.map(line).join('')}`
}
