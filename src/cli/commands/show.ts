// show: everything a target declares, as people and as programs read it. Evaluates no desired state.
import { describeParams } from '../../params.js'
import { holdsOn } from '../../store/holds.js'
import { createRecordStore } from '../../store/records.js'
import { styleOf } from '../appearance.js'
import type { CommandInput } from '../command.js'
import { partPrefix } from '../hold-forms.js'
import type { GraphqlSource } from '../config-types.js'
import { lastRun } from '../last-run.js'
import { loadTarget, targetOf } from '../load-target.js'
import { openStoreOf } from '../open-target.js'
import { openProject, pathInside } from '../project.js'
import { facts, printed, table } from '../print.js'
import { formatAge } from '../../report/format.js'
import { systemClock } from '../../util/clock.js'
import { isTrueupError } from '../../errors.js'
import { holdFacts, holdText } from '../../run-hold.js'

export async function showCommand(input: CommandInput): Promise<number> {
  const { context } = input
  const project = await openProject(context, input.settings)
  try {
    const { settings } = project
    const target = await targetOf(project, input.positionals[0] ?? '')
    const { loadIntegration } = await import('../../load-integration.js')
    const { loadOptions } = await import('../load-target.js')
    const { definition, file, builtin } = await loadIntegration(target.integration, await loadOptions(project))
    const params = await describeParams(definition)
    // A required parameter may be left to flags: what is declared is shown all the same.
    const values = await loadTarget({ project, target, params: {}, ci: false }).then(
      (loaded) => ({ values: loaded.params as Record<string, unknown>, problem: null }),
      (error: unknown) => {
        if (isTrueupError(error) && error.code === 'params-invalid')
          return { values: { ...target.params }, problem: error.message }
        throw error
      },
    )
    const inputs =
      typeof definition.inputs === 'function'
        ? values.problem === null
          ? definition.inputs(values.values)
          : null
        : (definition.inputs ?? [])
    const store = await openStoreOf(project, settings.store.value)
    const holds = await holdsOn(store, target.name)
    let last = null
    for await (const record of createRecordStore(store).list(target.name)) {
      last = record
      break
    }
    const shown = {
      target: target.name,
      integration: definition.name,
      version: definition.version,
      description: definition.description ?? null,
      describe: definition.describe ?? null,
      builtin,
      file: file === null ? null : (pathInside(project.repository.root, file) ?? file),
      deletePolicy: definition.deletePolicy,
      sharded: definition.shards !== undefined,
      external: definition.external === true || target.source !== 'git',
      source: target.source,
      params: params.map((param) => ({ ...param, value: values.values[param.name] ?? null })),
      paramsProblem: values.problem,
      inputs,
      env: definition.env ?? [],
      secrets: definition.secrets ?? [],
      limits: { maxDeletes: '30%', percentFrom: 10, ...plain(definition.limits ?? {}), ...target.limits },
      labels: target.labels,
      schedule: target.schedule,
      policies: target.policies,
      lastRun: last === null ? null : lastRun(last),
      holds: holds.map(holdFacts),
    }
    const style = styleOf(context, settings, 'stdout')
    context.output.out(
      await printed(settings, {
        json: () => ({ schema: 'trueup/1', ...shown }),
        text: () => {
          const list = (items: readonly string[] | null, none: string): string =>
            items === null ? 'depend on parameters' : items.length === 0 ? none : items.join(', ')
          const rows: (readonly [string, string])[] = [
            ['integration', `${shown.integration} ${shown.version}${builtin ? ' (built in)' : ''}`],
            ...(shown.file === null ? [] : [['file', shown.file] as const]),
            ['deletes', `${shown.deletePolicy} (${policyText(shown.deletePolicy)})`],
            ['inputs', list(shown.inputs, 'none')],
            ['shards', shown.sharded ? 'yes' : 'no'],
            ...(shown.source === 'git' ? [] : [['source', sourceText(shown.source.graphql)] as const]),
            ...(shown.external
              ? [['external', 'its desired state also comes from outside the repository'] as const]
              : []),
            ['variables', list(shown.env, 'none')],
            [
              'secrets',
              list(
                shown.secrets.map(
                  (secret) =>
                    `${secret.path}${secret.field === undefined ? '' : ` (${secret.field})`}${secret.for === undefined ? '' : `, for ${secret.for}`}`,
                ),
                'none',
              ),
            ],
            [
              'limits',
              Object.entries(shown.limits)
                .map(([name, value]) => `${name} ${String(value)}`)
                .join(', '),
            ],
            ...(shown.describe === null ? [] : [['note', shown.describe] as const]),
            ...holds.map(
              (hold) =>
                [
                  'held',
                  `${hold.target === null ? 'with all targets, ' : ''}${style.data(`${partPrefix(hold)}${holdText(hold, style.utc)}`)}`,
                ] as const,
            ),
            [
              'last run',
              last === null
                ? 'never'
                : `${last.run.id} ${last.run.mode} ${formatAge(systemClock.now() - last.run.startedAt)}: ${last.decision.reason}`,
            ],
          ]
          const head = `${style.bold(shown.target)}${shown.description === null ? '' : `  ${shown.description}`}\n${facts(rows, style)}\n`
          if (shown.params.length === 0) return head
          const cells = shown.params.map((param) => [
            param.name,
            param.type,
            param.value === null ? (param.required ? style.red('required') : '') : JSON.stringify(param.value),
          ])
          // What a parameter means stands below it: beside it, no line would fit a terminal.
          const [title = '', ...lines] = table(['PARAMETER', 'TYPE', 'VALUE'], cells, style).trimEnd().split('\n')
          const described = lines.flatMap((line, at) => {
            const { description } = shown.params[at] ?? {}
            return description === undefined ? [line] : [line, `  ${style.dim(style.data(description))}`]
          })
          return `${head}\n${[title, ...described].join('\n')}\n`
        },
      }),
    )
    return 0
  } finally {
    await project.repository.close()
  }
}

function plain(limits: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(limits).filter(([, value]) => typeof value !== 'function' && !Array.isArray(value)),
  )
}

function policyText(policy: 'never' | 'owned' | 'all'): string {
  return { never: 'nothing is ever deleted', owned: 'only what it owns', all: 'whatever is not desired' }[policy]
}

function sourceText({ url, pin }: GraphqlSource): string {
  return `GraphQL at ${url}, ${pin === 'none' ? 'not pinned' : 'one bundle a run'}`
}
