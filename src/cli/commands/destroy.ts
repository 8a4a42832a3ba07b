// destroy: a plan that removes all that a target owns at its destination; also when trueup.yaml no longer names the target.
import { TrueupError } from '../../errors.js'
import type { CommandInput } from '../command.js'
import { commandLine } from '../command-line.js'
import { targetOrFormer } from '../former-target.js'
import { loadTarget } from '../load-target.js'
import { openStoreOf } from '../open-target.js'
import { isCi } from '../process-context.js'
import { steeredCommand } from '../steered-run.js'

export async function destroyCommand(input: CommandInput): Promise<number> {
  return steeredCommand(input, async (project) => {
    const [name = ''] = input.positionals
    const store = await openStoreOf(project, project.settings.store.value)
    const { target, params, from } = await targetOrFormer(project, name, store)
    if (from !== null) {
      input.context.output.err(
        `trueup: trueup.yaml has no target ${name}; taken as it was configured for its run ${from}\n`,
      )
    }
    const given = Object.fromEntries(project.settings.params.value.map(({ name: key, value }) => [key, value]))
    const reference = { project, target, params: { ...params, ...given }, ci: isCi(input.context.environment) }
    const { definition } = await loadTarget(reference)
    if (definition.deletePolicy === 'never') {
      throw new TrueupError(
        'usage',
        `${name} never deletes (its delete policy is never), so there is nothing to destroy. To forget what it owns: trueup owned release ${name} <key>...`,
      )
    }
    const command = commandLine(target.name, input)
    return {
      target,
      params,
      instead: { kind: 'destroy' },
      commands: { plan: `trueup destroy ${command}`, apply: `trueup destroy ${command} --apply` },
    }
  })
}
