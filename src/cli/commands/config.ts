// config: the effective settings, each with where it came from. Opens no store and loads no integration.
import { styleOf } from '../appearance.js'
import type { CommandInput } from '../command.js'
import { resolveTargets, secretsOf } from '../config-targets.js'
import { flagText, optionNames, optionSpec } from '../options.js'
import { openProject } from '../project.js'
import { queueUrl } from '../serve/queue-url.js'
import { printed, table } from '../print.js'

export async function configCommand(input: CommandInput): Promise<number> {
  const { context } = input
  const project = await openProject(context, input.settings)
  try {
    const { settings, config, configFile } = project
    const queue = queueUrl(context.environment, config)
    const names = optionNames().filter((name) => optionSpec(name).variable)
    const rows = names.map((name) => ({ setting: optionSpec(name).flag, ...settings[name] }))
    const style = styleOf(context, settings, 'stdout')
    context.output.out(
      await printed(settings, {
        json: () => ({
          schema: 'trueup/1',
          file: configFile,
          settings: rows.map(({ setting, value, origin, from }) => ({ setting, value: value ?? null, origin, from })),
          integrations: config.integrations ?? null,
          data: config.data ?? null,
          queue: queue === null ? null : { url: queue.shown, from: queue.from },
          secrets: secretsOf(config),
          limits: config.limits ?? {},
          targets: [...resolveTargets(config).values()],
        }),
        text: () => {
          const shown = (value: unknown): string =>
            value === undefined || value === null || (Array.isArray(value) && value.length === 0)
              ? ''
              : typeof value === 'string'
                ? value
                : JSON.stringify(value)
          const cells = rows.map(({ setting, value, origin, from }) => [
            flagText(setting),
            style.data(shown(value)),
            from ?? origin,
          ])
          if (queue !== null) cells.push(['queue', style.data(queue.shown), queue.from])
          const targets = [...resolveTargets(config).keys()]
          return `${configFile === null ? 'No trueup.yaml here or above; `trueup init` writes one.' : `Configuration: ${configFile}`}\n\n${table(['SETTING', 'VALUE', 'FROM'], cells, style)}\nTargets: ${targets.length === 0 ? 'none' : targets.join(', ')}\n`
        },
      }),
    )
    return 0
  } finally {
    await project.repository.close()
  }
}
