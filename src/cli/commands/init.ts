// init: a trueup.yaml and one data file that work at once. Overwrites nothing.
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join, relative, sep } from 'node:path'
import type { CommandInput } from '../command.js'
import { printed } from '../print.js'
import { openProject } from '../project.js'
import { writeNew } from '../scaffold/write-new.js'
import { styleOf } from '../appearance.js'
import { TrueupError } from '../../errors.js'

/** `data` is null where the default place is right. */
function configText({ root, data }: { readonly root: string; readonly data: string | null }): string {
  return `# yaml-language-server: $schema=./node_modules/trueup/dist/trueup.schema.json
version: 1
store: file:.trueup     # records, marks and ownership: keep it between runs
limits: { maxDeletes: 30% }
# Your own integrations lie in integrations/; \`trueup new integration <name>\` writes one.
targets:
  hello:                # an integration as configured
    integration: managed-files
    params:
      root: ${root}
${data === null ? '' : `      data: '${data}'\n`}`
}

const DATA = `# What should be below root. Change it, and see: trueup plan hello
files:
  - path: greeting.txt
    content: |
      Hello from trueup.
  - path: bin/greet
    mode: '0755'
    content: |
      #!/bin/sh
      cat "$(dirname "$0")/../greeting.txt"
`

export async function initCommand(input: CommandInput): Promise<number> {
  const { context } = input
  const project = await openProject(context, input.settings)
  try {
    if (project.configFile !== null) {
      throw new TrueupError(
        'usage',
        `there is a ${relative(project.workingDirectory, project.configFile) || project.configFile} already; nothing was written. \`trueup list\` shows its targets`,
      )
    }
    // Data are found from the repository's root, wherever trueup.yaml lies.
    const place = relative(project.repository.root, project.workingDirectory).split(sep).join('/')
    const config = configText({
      root: join(tmpdir(), `trueup-hello-${randomBytes(3).toString('hex')}`),
      data: place === '' ? null : `${place}/data/managed-files/*.yaml`,
    })
    await writeNew(project.workingDirectory, { 'trueup.yaml': config, 'data/managed-files/hello.yaml': DATA })
    const style = styleOf(context, project.settings, 'stdout')
    context.output.out(
      await printed(project.settings, {
        json: () => ({
          schema: 'trueup/1',
          written: ['trueup.yaml', 'data/managed-files/hello.yaml'],
          next: ['trueup plan hello'],
        }),
        text: () =>
          `Wrote trueup.yaml and data/managed-files/hello.yaml.\n\nSee what it would do (this changes nothing):\n  ${style.bold('trueup plan hello')}\n`,
      }),
    )
    return 0
  } finally {
    await project.repository.close()
  }
}
