// Which targets a command is about that takes several: names, or --all and -l less --exclude. In: what was typed and the project. Out: targets,
// each once, in the order typed or of trueup.yaml; never none.
import { TrueupError } from '../errors.js'
import type { LogRecord } from '../event.js'
import { didYouMean } from '../util/suggest.js'
import { resolveTargets, type TargetConfig } from './config-targets.js'
import type { CommandInput } from './command.js'
import type { HeldPrints } from './held-prints.js'
import { targetOf } from './load-target.js'
import type { ParameterText } from './options-kinds.js'
import type { Project } from './project.js'

export interface Selected {
  readonly target: TargetConfig
  /** As it would be, had this target been named alone. */
  readonly input: CommandInput
  /** By its integration, where that was loaded to find it. */
  readonly printed: readonly LogRecord[]
}

/** @throws usage when nothing is selected, or a name is not known */
export async function selectTargets({
  input,
  project,
  held,
  plans,
}: {
  readonly input: CommandInput
  readonly project: Project
  readonly held: HeldPrints
  /** Their targets are meant, where there are any. */
  readonly plans: readonly { readonly target: string }[]
}): Promise<readonly Selected[]> {
  const { settings } = input
  const positionals = plans.length === 0 ? input.positionals : plans.map(({ target }) => target)
  const found = new Map<string, { readonly target: TargetConfig; typed: string; printed: readonly LogRecord[] }>()
  if (positionals.length === 0) {
    for (const target of configured(input, project)) found.set(target.name, { target, typed: target.name, printed: [] })
  }
  for (const typed of positionals) {
    const target = await targetOf(project, typed)
    const printed = held.takeSoFar()
    if (!found.has(target.name)) found.set(target.name, { target, typed, printed })
  }
  const params = paramsByTarget(settings.params.value, [...found.keys()])
  return [...found.values()].map(({ target, typed, printed }) => ({
    target,
    printed,
    input: {
      ...input,
      positionals: [typed],
      settings: { ...settings, params: { ...settings.params, value: params.get(target.name) ?? [] } },
    },
  }))
}

/** The targets of trueup.yaml that all labels fit. */
export function withLabels(targets: Iterable<TargetConfig>, labels: readonly ParameterText[]): readonly TargetConfig[] {
  return [...targets].filter((target) =>
    labels.every(({ name, value }) => Object.hasOwn(target.labels, name) && target.labels[name] === value),
  )
}

function configured({ settings }: CommandInput, { config }: Project): readonly TargetConfig[] {
  const all = resolveTargets(config)
  if (all.size === 0)
    throw usage(
      `there are no targets to choose from: trueup.yaml names none under targets:. \`trueup list\` shows what can be run by name`,
    )
  for (const name of settings.exclude.value) {
    if (!all.has(name))
      throw usage(`--exclude ${name}: there is no such target in trueup.yaml.${didYouMean(name, all.keys())}`)
  }
  const labels = settings.labels.value
  const fit = withLabels(all.values(), labels)
  if (fit.length === 0) {
    const asked = labels.map(({ name, value }) => `${name}=${value}`).join(' and ')
    throw usage(
      `no target has the ${labels.length === 1 ? 'label' : 'labels'} ${asked}: \`trueup list\` shows the labels of all`,
    )
  }
  const left = fit.filter(({ name }) => !settings.exclude.value.includes(name))
  if (left.length === 0) throw usage('no target is left: --exclude names all that were chosen')
  return left
}

/** `target.name=value` of several targets, as `name=value` of each. */
function paramsByTarget(
  params: readonly ParameterText[],
  names: readonly string[],
): ReadonlyMap<string, readonly ParameterText[]> {
  const byTarget = new Map<string, ParameterText[]>()
  for (const { name, value } of params) {
    const at = name.indexOf('.')
    const target = name.slice(0, Math.max(0, at))
    if (at < 1 || at === name.length - 1 || !names.includes(target)) {
      const example = names[0] ?? 'target'
      throw usage(
        at < 1
          ? `--param ${name}: with several targets, say whose it is: --param ${example}.${name}=…`
          : `--param ${name}: ${target} is none of the targets of this command (${names.slice(0, 5).join(', ')}${names.length > 5 ? ', …' : ''}).${didYouMean(target, names)}`,
      )
    }
    byTarget.set(target, [...(byTarget.get(target) ?? []), { name: name.slice(at + 1), value }])
  }
  return byTarget
}

function usage(message: string): TrueupError {
  return new TrueupError('usage', message)
}
