// init: a trueup.yaml and one data file that work at once. Overwrites nothing.
import { relative } from 'node:path'
import type { CommandInput } from '../command.js'
import { openProject } from '../project.js'
import { writeNew } from '../scaffold/write-new.js'
import { styleOf } from '../appearance.js'
import { TrueupError } from '../../errors.js'

const CONFIG = `# yaml-language-server: $schema=./node_modules/trueup/dist/trueup.schema.json
version: 1
integrations: []        # folders or files of your own; \`trueup new integration <name>\` writes one
store: file:.trueup     # records, marks and ownership: keep it between runs
limits: { maxDeletes: 30% }
targets:
  hello:                # an integration as configured
    integration: managed-files
    params:
      root: /tmp/trueup-hello
`

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
    await writeNew(project.workingDirectory, { 'trueup.yaml': CONFIG, 'data/managed-files/hello.yaml': DATA })
    const style = styleOf(context, project.settings, 'stdout')
    const where = relative(project.repository.root, project.workingDirectory)
    const moved =
      where === ''
        ? ''
        : `\nPaths of data start at the repository's root: move data/ there, or set params.data to '${where}/data/managed-files/*.yaml'.\n`
    context.output.out(
      `Wrote trueup.yaml and data/managed-files/hello.yaml.\n${moved}\nSee what it would do (this changes nothing):\n  ${style.bold('trueup plan hello')}\n`,
    )
    return 0
  } finally {
    await project.repository.close()
  }
}
