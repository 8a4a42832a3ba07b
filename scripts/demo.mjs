// In: the built checkout (or another copy of bin/trueup.js, as the only argument). Out: the main job, step by step, in a real git
// repository: each command with its real output. Exits 1 as soon as a step is not what it announces. Leaves nothing behind.
import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const bin = resolve(process.argv[2] ?? join(dirname(dirname(fileURLToPath(import.meta.url))), 'bin/trueup.js'))
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'trueup-demo-')))
const [repository, home, site] = ['repository', 'home', 'site'].map((name) => join(folder, name))
const pages = ['about', 'blog', 'contact', 'docs', 'faq', 'home', 'jobs', 'legal', 'news', 'press', 'shop', 'team']

process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }))
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
]) {
  process.on(signal, () => process.exit(code))
}

try {
  tour()
  say(`\nEvery step did what it announced. What to read next: README.md`)
} catch (error) {
  process.stderr.write(`\ndemo: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

function tour() {
  say(`A git repository says which ${pages.length} files a web site has. trueup keeps a folder that way.`)
  prepare()

  step('A dry run shows what an apply would do, and changes nothing.')
  trueup('plan site', { prints: [`Plan for site (managed-files): ${pages.length} create`, 'Nothing was changed.'] })

  step('An apply does it. (--init-store: this store is new, and in CI that has to be meant.)')
  trueup('apply site --init-store', { prints: [`Applied ${pages.length} changes to site`] })

  step('Planned again, there is nothing to do.')
  trueup('plan site', { prints: [`No changes: ${pages.length} objects are as they should be.`] })

  step('A commit changes only a comment in the data. What is wanted is the same: the apply is skipped.')
  writePages({ comment: '# All pages of the site.' })
  git('commit --all --message', 'Say what the file is for')
  trueup('apply site --base HEAD~1', { prints: ['decision=skip reason=desired-unchanged', 'Skipped:'] })

  step('A commit changes one page: one change.')
  const text = { team: 'The team, now complete.' }
  writePages({ comment: '# All pages of the site.', text })
  git('commit --all --message', 'Complete the team')
  trueup('apply site --base HEAD~1', { prints: ['decision=run reason=desired-changed', 'Applied 1 change to site'] })

  step('Somebody edits a page by hand. A plan finds it, and an apply puts it right.')
  say(`$ sed -i 's/The home page/Hacked/' site/home.html`)
  writeFileSync(join(site, 'home.html'), '<h1>home</h1>\n<p>Hacked.</p>\n')
  trueup('plan site', { prints: ['1 update', '- <p>Hacked.</p>', '+ <p>The home page.</p>'] })
  trueup('apply site', { prints: ['Applied 1 change to site'] })

  step('A commit loses half of the pages. Deleting more than 30 % of what it owns is not done without being asked for.')
  writePages({ comment: '# All pages of the site.', text, names: pages.slice(pages.length / 2) })
  git('commit --all --message', 'Lose half of the pages')
  trueup('apply site', {
    exits: 3,
    prints: ['Plan for site (managed-files): 6 delete (12 owned)', 'Blocked (max-deletes)', '--max-deletes 6'],
  })

  step('If it is meant, the limit of this one run is raised; the record says so.')
  trueup('apply site --base HEAD~1 --max-deletes 6', { prints: ['Applied 6 changes to site'] })

  step('Why did it run?')
  trueup('why site', { prints: ['site ran at', 'differs', 'First difference:', 'data/managed-files/pages.yaml:'] })
}

function prepare() {
  for (const path of [home, join(repository, 'data/managed-files')]) mkdirSync(path, { recursive: true })
  writeFileSync(
    join(repository, 'trueup.yaml'),
    `version: 1\ntargets:\n  site: { integration: managed-files, params: { root: '${site}' } }\n`,
  )
  writePages({})
  git('init --quiet')
  git('add --all')
  git('commit --message', 'All pages')
}

function writePages({ comment, text = {}, names = pages }) {
  const files = names.map((name) => ({
    path: `${name}.html`,
    content: `<h1>${name}</h1>\n<p>${text[name] ?? `The ${name} page.`}</p>\n`,
  }))
  const items = files.map((file) => `  - ${JSON.stringify(file)}\n`).join('')
  writeFileSync(
    join(repository, 'data/managed-files/pages.yaml'),
    `${comment === undefined ? '' : `${comment}\n`}files:\n${items}`,
  )
}

/** Runs the real command line, prints command and output, and compares with what was announced. */
function trueup(words, { exits = 0, prints }) {
  say(`$ trueup ${words}`)
  // One file for both streams keeps their order.
  const log = join(folder, 'output')
  const descriptor = openSync(log, 'w')
  const { status, signal } = run(process.execPath, [bin, ...words.split(' ')], ['ignore', descriptor, descriptor])
  closeSync(descriptor)
  const output = readFileSync(log, 'utf8')
  say(output.trimEnd())
  if (exits !== 0) say(`(exit ${exits})`)
  if (status !== exits) throw new Error(`\`trueup ${words}\` ended with ${status ?? signal}, not with ${exits}`)
  const missing = prints.find((text) => !output.includes(text))
  if (missing !== undefined) throw new Error(`\`trueup ${words}\` did not print ${JSON.stringify(missing)}`)
}

function git(words, ...last) {
  const identity = ['-c', 'user.name=trueup demo', '-c', 'user.email=demo@trueup.invalid']
  const { status, stderr } = run('git', [...identity, ...words.split(' '), ...last], 'pipe')
  if (status !== 0) throw new Error(`git ${words} ended with ${status}: ${stderr}`)
  if (words.startsWith('commit')) say(`$ git commit -m '${last[0]}'`)
}

/** Nothing of this machine's settings gets in, but for what says that this is CI. */
function run(command, args, stdio) {
  const { PATH, TMPDIR, CI, NO_COLOR } = process.env
  const env = { PATH, TMPDIR, CI, NO_COLOR, HOME: home, GIT_CONFIG_NOSYSTEM: '1', TRUEUP_LOG_FORMAT: 'pretty' }
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined))
  const result = spawnSync(command, args, { cwd: repository, env: given, stdio, encoding: 'utf8', timeout: 60_000 })
  if (result.error !== undefined) throw new Error(`${command} could not be run: ${result.error.message}`)
  return result
}

function step(text) {
  say(`\n# ${text}`)
}

function say(text) {
  process.stdout.write(`${text}\n`)
}
