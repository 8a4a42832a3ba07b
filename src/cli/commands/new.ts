// new integration <name>: a working integration with its test, to start from. Asks for the delete policy: it has no default.
import { relative, resolve } from 'node:path'
import { createRequire } from 'node:module'
import { TrueupError } from '../../errors.js'
import type { DeletePolicy } from '../../integration.js'
import type { CommandInput } from '../command.js'
import { openProject } from '../project.js'
import { question } from '../question.js'
import { exampleData, integrationFiles } from '../scaffold/integration-files.js'
import { writeNew } from '../scaffold/write-new.js'

const POLICIES = ['never', 'owned', 'all'] as const

export async function newIntegrationCommand(input: CommandInput): Promise<number> {
  const { context } = input
  const [name = ''] = input.positionals
  if (!/^[a-z][a-z0-9-]*$/.test(name)) {
    throw new TrueupError(
      'usage',
      `"${name}" cannot be an integration's name: lower-case letters, digits and dashes, starting with a letter`,
    )
  }
  const project = await openProject(context, input.settings)
  try {
    const deletePolicy = input.settings.deletePolicy.value ?? (await askForPolicy(input))
    const place = project.config.integrations?.[0] ?? 'integrations'
    const folder = relative(project.repository.root, resolve(project.directory, place, name))
      .split('\\')
      .join('/')
    const files = Object.entries(integrationFiles({ name, deletePolicy })).map(
      ([file, text]) => [`${folder}/${file}`, text] as const,
    )
    const data = `data/${name}/items.yaml`
    await writeNew(project.repository.root, { ...Object.fromEntries(files), [data]: exampleData() })
    const missing = ['trueup', 'zod'].filter((dependency) => !canResolve(project.directory, dependency))
    const install = missing.length === 0 ? '' : `  npm install --save-dev ${missing.join(' ')}\n`
    const listed =
      project.configFile !== null && project.config.integrations?.length === 0
        ? `\nAdd its folder to trueup.yaml:\n  integrations: [integrations]\n`
        : ''
    context.output.out(
      `Wrote ${folder}/ and ${data}.\n${listed}\nTest it, then put your own system into client.ts:\n${install}  node --test ${folder}/index.test.mjs\n  trueup show ${name}\n`,
    )
    return 0
  } finally {
    await project.repository.close()
  }
}

async function askForPolicy({ context }: CommandInput): Promise<DeletePolicy> {
  const meaning = 'never (nothing is deleted), owned (only what it owns) or all (whatever is not desired)'
  if (!context.stdinIsTerminal)
    throw new TrueupError('usage', `what may be deleted has no default: pass --delete-policy ${POLICIES.join('|')}`)
  for (;;) {
    const answer = (await question(`What may it delete: ${meaning}? `)).trim()
    const policy = POLICIES.find((known) => known === answer)
    if (policy !== undefined) return policy
    if (answer === '')
      throw new TrueupError('usage', `what may be deleted has no default: pass --delete-policy ${POLICIES.join('|')}`)
  }
}

function canResolve(directory: string, dependency: string): boolean {
  try {
    createRequire(resolve(directory, 'package.json')).resolve(`${dependency}/package.json`)
    return true
  } catch {
    return false
  }
}
