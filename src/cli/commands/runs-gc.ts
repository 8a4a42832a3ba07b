// runs gc: which records nothing needs any more; shows them, and with --yes deletes them. What is kept stands in store/retention.ts.
import { count, formatAge } from '../../report/format.js'
import { historyOf } from '../../store/history.js'
import { readAllLedgers } from '../../store/ledger.js'
import { createRecordStore, type RecordName } from '../../store/records.js'
import { expendable, type RecordFacts } from '../../store/retention.js'
import { systemClock } from '../../util/clock.js'
import { styleOf } from '../appearance.js'
import type { CommandInput } from '../command.js'
import { openStoreOf } from '../open-target.js'
import { printed, table } from '../print.js'
import { openProject } from '../project.js'

export async function runsGcCommand(input: CommandInput): Promise<number> {
  const { context } = input
  const project = await openProject(context, input.settings)
  try {
    const { settings } = project
    const store = await openStoreOf(project, settings.store.value)
    const records = createRecordStore(store)
    const owned = new Set<string>()
    for (const { value } of await readAllLedgers(store))
      for (const key of Object.keys(value.objects)) owned.add(JSON.stringify([value.target, key]))
    const names = new Map<string, RecordName>((await records.ids()).map((name) => [name.id, name]))
    const facts: RecordFacts[] = []
    for await (const record of records.list(settings.target.value)) {
      facts.push({
        id: record.run.id,
        target: record.run.target,
        at: record.run.startedAt,
        changed: historyOf(record).flatMap(({ key, result }) => (result === 'applied' ? [key] : [])),
        doubtful: record.state === 'running' || record.outcomes.some(({ result }) => result === 'unknown'),
      })
    }
    const now = systemClock.now()
    const found = expendable({
      records: facts,
      isOwned: (target, key) => owned.has(JSON.stringify([target, key])),
      now,
    })
    const deletes = settings.yes.value
    if (deletes) {
      // Oldest first: an end in the middle leaves a whole recent past.
      for (const { id } of found.toReversed()) {
        const name = names.get(id)
        if (name !== undefined) await records.remove(name)
      }
    }
    const style = styleOf(context, settings, 'stdout')
    context.output.out(
      await printed(settings, {
        json: () => ({
          schema: 'trueup/1',
          deleted: deletes,
          kept: facts.length - found.length,
          records: found.map(({ id, target, at }) => ({ id, target, at: new Date(at).toISOString() })),
        }),
        text: () => {
          const kept = `${count(facts.length - found.length, 'record')} kept`
          if (found.length === 0) return `Nothing to delete: ${kept}.\n`
          if (deletes) return `Deleted ${count(found.length, 'record')}; ${kept}.\n`
          const rows = found.map(({ id, target, at }) => [id, style.data(target), formatAge(now - at)])
          return `${table(['RUN', 'TARGET', 'STARTED'], rows, style)}${count(found.length, 'record')} may go, ${kept}. To delete them: trueup runs gc --yes\n`
        },
      }),
    )
    return 0
  } finally {
    await project.repository.close()
  }
}
