// The first half of the demo: files on disk as a git repository says. Each step is compared with what it announces.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

const pages = ['about', 'blog', 'contact', 'docs', 'faq', 'home', 'jobs', 'legal', 'news', 'press', 'shop', 'team']
const COMMENT = '# All pages of the site.'

/** @param {import('./stage.mjs').Stage} stage */
export async function filesTour({ folder, say, step, write, git, trueup }) {
  const site = join(folder, 'site')
  const writePages = (options) => write('data/managed-files/pages.yaml', pagesText(options))

  say(`A git repository says which ${pages.length} files a web site has. trueup keeps a folder that way.`)
  write(
    'trueup.yaml',
    `version: 1\ntargets:\n  site: { integration: managed-files, params: { root: '${site}' } }\n  access: { integration: postgres-access }\n`,
  )
  writePages({})
  await git('init --quiet')
  await git('add --all')
  await git('commit --message', 'All pages')

  step('A dry run shows what an apply would do, and changes nothing.')
  await trueup('plan site', {
    prints: [`Plan for site (managed-files): ${pages.length} create`, 'Nothing was changed.'],
  })

  step('An apply does it. (--init-store: this store is new, and in CI that has to be meant.)')
  await trueup('apply site --init-store', { prints: [`Applied ${pages.length} changes to site`] })

  step('Planned again, there is nothing to do.')
  await trueup('plan site', { prints: [`No changes: ${pages.length} objects are as they should be.`] })

  step('A commit changes only a comment in the data. What is wanted is the same: the apply is skipped.')
  writePages({ comment: COMMENT })
  await git('commit --all --message', 'Say what the file is for')
  await trueup('apply site --base HEAD~1', { prints: ['decision=skip reason=desired-unchanged', 'Skipped:'] })

  step('A commit changes one page: one change.')
  const text = { team: 'The team, now complete.' }
  writePages({ comment: COMMENT, text })
  await git('commit --all --message', 'Complete the team')
  await trueup('apply site --base HEAD~1', {
    prints: ['decision=run reason=desired-changed', 'Applied 1 change to site'],
  })

  step('Somebody edits a page by hand. A plan finds it, and an apply puts it right.')
  say(`$ sed -i 's/The home page/Hacked/' site/home.html`)
  writeFileSync(join(site, 'home.html'), '<h1>home</h1>\n<p>Hacked.</p>\n')
  await trueup('plan site', { prints: ['1 update', '- <p>Hacked.</p>', '+ <p>The home page.</p>'] })
  await trueup('apply site', { prints: ['Applied 1 change to site'] })

  step('A commit loses half of the pages. Deleting more than 30 % of what it owns is not done without being asked for.')
  writePages({ comment: COMMENT, text, names: pages.slice(pages.length / 2) })
  await git('commit --all --message', 'Lose half of the pages')
  await trueup('apply site', {
    exits: 3,
    prints: ['Plan for site (managed-files): 6 delete (12 owned)', 'Blocked (max-deletes)', '--max-deletes 6'],
  })

  step('If it is meant, the limit of this one run is raised; the record says so.')
  await trueup('apply site --base HEAD~1 --max-deletes 6', { prints: ['Applied 6 changes to site'] })

  step('Why did it run?')
  await trueup('why site', {
    prints: ['site ran at', 'differs', 'First difference:', 'data/managed-files/pages.yaml:'],
  })
}

function pagesText({ comment, text = {}, names = pages }) {
  const files = names.map((name) => ({
    path: `${name}.html`,
    content: `<h1>${name}</h1>\n<p>${text[name] ?? `The ${name} page.`}</p>\n`,
  }))
  const items = files.map((file) => `  - ${JSON.stringify(file)}\n`).join('')
  return `${comment === undefined ? '' : `${comment}\n`}files:\n${items}`
}
