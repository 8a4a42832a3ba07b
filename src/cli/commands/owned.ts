// owned adopt, release, move: whose objects are. Adopting is a run (it must see that the objects exist); the others change the ledger alone.
import { TrueupError } from '../../errors.js'
import type { RunRecord } from '../../event.js'
import { count } from '../../report/format.js'
import { runJson } from '../../report/run-json.js'
import { moveOwned, releaseOwned, type OwnedDependencies } from '../../run-owned.js'
import { styleOf } from '../appearance.js'
import type { CommandInput } from '../command.js'
import { commandLine } from '../command-line.js'
import { placeOf } from '../destination.js'
import { targetOf } from '../load-target.js'
import { openStoreOf } from '../open-target.js'
import { printed } from '../print.js'
import { actorOf } from '../process-context.js'
import { openProject, type Project } from '../project.js'
import { steeredCommand } from '../steered-run.js'
import { listenForStop } from '../stop-signals.js'
import { wireOwned } from '../wiring.js'

export async function ownedAdoptCommand(input: CommandInput): Promise<number> {
  const [name = '', ...keys] = input.positionals
  return steeredCommand(input, async (project) => {
    const target = await targetOf(project, name)
    const command = `trueup owned adopt ${commandLine(target.name, input)} ${keys.join(' ')}`
    return {
      target,
      instead: { kind: 'adopt', keys: [...new Set(keys)] },
      commands: { plan: `${command} --dry-run`, apply: command },
      mode: project.settings.dryRun.value ? 'dry-run' : 'apply',
      isConfirmed: true,
    }
  })
}

export async function ownedReleaseCommand(input: CommandInput): Promise<number> {
  const [target = '', ...keys] = input.positionals
  return changeLedger(input, {
    change: (deps) => releaseOwned(deps, { target, keys }),
    text: (records) =>
      `${target} owns ${count(keysOf(records), 'object')} less. They stay as they are.\n` +
      `While ${target} still desires them, its next apply takes them back: take them out of its desired state.\n`,
  })
}

export async function ownedMoveCommand(input: CommandInput): Promise<number> {
  const { from, to, shards } = input.settings
  const keys = input.positionals
  if (from.value === undefined || to.value === undefined || from.value === to.value) {
    throw new TrueupError('usage', 'trueup owned move needs two targets: --from <target> --to <target>')
  }
  const targets = { from: from.value, to: to.value }
  return changeLedger(input, {
    change: async (deps, project) => {
      const why = 'objects are moved to it'
      const place = { name: targets.to, environment: input.context.environment, why }
      const { definition, destination } = await placeOf(project, place)
      const [given] = shards.value
      const shard = given ?? (definition.shards === undefined ? '' : null)
      return moveOwned(deps, { keys, ...targets, destination, shard })
    },
    text: (records) =>
      `${count(keysOf(records.slice(0, 1)), 'object')} of ${targets.from} now belong to ${targets.to}.\n`,
  })
}

function keysOf(records: readonly RunRecord[]): number {
  const keys = records.flatMap(({ instead }) => (instead !== undefined && 'keys' in instead ? instead.keys : []))
  return new Set(keys).size
}

interface LedgerChange {
  readonly change: (deps: OwnedDependencies, project: Project) => Promise<readonly RunRecord[]>
  readonly text: (records: readonly RunRecord[]) => string
}

async function changeLedger(input: CommandInput, { change, text }: LedgerChange): Promise<number> {
  const { context } = input
  const style = styleOf(context, input.settings, 'stderr')
  const tell = (message: string): void => {
    context.output.err(`trueup: ${message}\n`)
  }
  const signals = listenForStop({ onStop: tell })
  const project = await openProject(context, input.settings, { signal: signals.giveUp })
  try {
    const { settings } = project
    const deps = wireOwned({
      store: await openStoreOf(project, settings.store.value),
      by: actorOf(context.environment, project.tool),
      waitMs: settings.leaseWait.value,
      warn: (message) => {
        context.output.err(`${style.yellow('trueup: warning:')} ${style.data(message)}\n`)
      },
      stop: signals.stop,
    })
    const records = await change(deps, project)
    context.output.out(await printed(settings, { json: () => runJson(records, 0), text: () => text(records) }))
    return 0
  } finally {
    signals.close()
    await project.repository.close()
  }
}
