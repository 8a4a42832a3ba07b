// new integration <name>: a working integration with its test, to start from. Asks for the delete policy: it has no default.
import { stat } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { createRequire } from 'node:module'
import { TrueupError } from '../../errors.js'
import type { DeletePolicy } from '../../integration.js'
import type { CommandInput } from '../command.js'
import { printed } from '../print.js'
import { openProject } from '../project.js'
import { question } from '../question.js'
import { exampleData, integrationFiles } from '../scaffold/integration-files.js'
import { writeNew } from '../scaffold/write-new.js'

const POLICIES = ['never', 'owned', 'all'] as const
const MEANING = 'never (nothing), owned (only what it owns) or all (whatever is not desired)'

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
    const places = project.config.integrations
    const place = (await firstFolder(project.directory, places ?? [])) ?? 'integrations'
    const folder = relative(project.repository.root, resolve(project.directory, place, name))
      .split('\\')
      .join('/')
    const files = Object.entries(integrationFiles({ name, deletePolicy })).map(
      ([file, text]) => [`${folder}/${file}`, text] as const,
    )
    const data = `data/${name}/items.yaml`
    await writeNew(project.repository.root, { ...Object.fromEntries(files), [data]: exampleData() })
    const missing = ['trueup', 'zod'].filter((dependency) => !canResolve(project.directory, dependency))
    const next = [
      ...(missing.length === 0 ? [] : [`npm install --save-dev ${missing.join(' ')}`]),
      `node --test ${relative(project.workingDirectory, join(project.repository.root, folder, 'index.test.mjs'))}`,
      `trueup show ${name}`,
    ]
    const listed =
      places === undefined || places.includes(place)
        ? ''
        : `\nAdd its folder to trueup.yaml:\n  integrations: [${[...places, place].join(', ')}]\n`
    context.output.out(
      await printed(project.settings, {
        json: () => ({ schema: 'trueup/1', written: [...files.map(([file]) => file), data], next }),
        text: () =>
          `Wrote ${folder}/ and ${data}.\n${listed}\nTest it, then put your own system into client.ts:\n${next.map((line) => `  ${line}\n`).join('')}`,
      }),
    )
    return 0
  } finally {
    await project.repository.close()
  }
}

/** The first of the places that is a folder; relative, as given. */
async function firstFolder(directory: string, places: readonly string[]): Promise<string | undefined> {
  for (const place of places) {
    const stats = await stat(resolve(directory, place)).catch(() => undefined)
    if (stats?.isDirectory() === true) return place
  }
  return undefined
}

function noPolicy(): TrueupError {
  return new TrueupError('usage', `what it may delete has no default: pass --delete-policy with ${MEANING}`)
}

async function askForPolicy({ context }: CommandInput): Promise<DeletePolicy> {
  if (!context.stdinIsTerminal) throw noPolicy()
  for (;;) {
    const answer = (await question(context.output, `What may it delete? ${MEANING}: `)).trim()
    const policy = POLICIES.find((known) => known === answer)
    if (policy !== undefined) return policy
    if (answer === '') throw noPolicy()
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
