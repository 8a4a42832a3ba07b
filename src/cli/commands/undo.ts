// undo: the way back from one apply, as a plan of its own: shown, limited, approved, applied and recorded like any other.
import { TrueupError } from '../../errors.js'
import type { RunRecord } from '../../event.js'
import { historyOf, type HistoryEntry } from '../../store/history.js'
import type { ObjectStore } from '../../store/object-store.js'
import { createRecordStore } from '../../store/records.js'
import { wayBack } from '../../store/undo.js'
import { didYouMean } from '../../util/suggest.js'
import type { CommandInput } from '../command.js'
import { commandLine } from '../command-line.js'
import { refuseHidden, targetOrFormer } from '../former-target.js'
import { whoText } from '../history-entries.js'
import { openStoreOf } from '../open-target.js'
import { oneRecord } from '../records.js'
import { steeredCommand } from '../steered-run.js'

export async function undoCommand(input: CommandInput): Promise<number> {
  return steeredCommand(input, async (project) => {
    const { settings } = project
    const store = await openStoreOf(project, settings.store.value)
    const record = await oneRecord(createRecordStore(store), input.positionals[0] ?? '')
    refuseWhatIsNoApply(record, settings.target.value)
    const { target, params, from } = await targetOrFormer(project, record.run.target, store)
    const flags = record.configured?.flags ?? {}
    refuseHidden(project, { run: record.run.id, target: target.name, values: flags })
    const only = settings.only.value ?? null
    const { wanted, left, keys } = wayBack({ record, later: await laterEntries(store, record), only, who: whoText })
    if (only !== null && !keys.includes(only)) {
      throw new TrueupError(
        'usage',
        `run ${record.run.id} did not change "${only}".${didYouMean(only, keys)} \`trueup runs show ${record.run.id}\` shows what it changed.`,
      )
    }
    const command = commandLine(record.run.id, input)
    return {
      target,
      params: { ...flags, ...(from === null ? {} : params) },
      instead: { kind: 'undo', run: record.run.id, only, destination: record.run.destination, wanted, left },
      commands: { plan: `trueup undo ${command}`, apply: `trueup undo ${command} --apply` },
    }
  })
}

function refuseWhatIsNoApply({ run, state, outcomes, instead }: RunRecord, target: string | undefined): void {
  const refuse = (why: string): never => {
    throw new TrueupError('usage', `run ${run.id} ${why}`, { details: { run: run.id } })
  }
  if (target !== undefined && target !== run.target) refuse(`is one of ${run.target}, not of ${target}`)
  if (run.mode !== 'apply')
    refuse(
      `was a dry run and changed nothing: there is nothing to undo. \`trueup runs list --mode apply\` shows applies`,
    )
  if (state === 'running')
    refuse(`is still going on, or was killed: what it did is found out by the next apply: trueup apply ${run.target}`)
  if (instead?.kind === 'release')
    refuse(`only forgot objects; to own them again: trueup owned adopt ${run.target} ${instead.keys.join(' ')}`)
  if (instead?.kind === 'move')
    refuse(
      `only moved objects; to move them back: trueup owned move ${instead.keys.join(' ')} --from ${instead.to} --to ${instead.from}`,
    )
  if (!outcomes.some(({ result }) => result === 'applied' || result === 'unknown'))
    refuse('changed nothing: there is nothing to undo')
}

/** Of runs that started later, of any target: an object may have been moved to another. */
async function laterEntries(store: ObjectStore, { run }: RunRecord): Promise<readonly HistoryEntry[]> {
  const entries: HistoryEntry[] = []
  for await (const other of createRecordStore(store).list()) {
    if (other.run.id <= run.id) break
    if (other.run.destination === run.destination) entries.push(...historyOf(other))
  }
  return entries
}
