// Finds one run record by a shortened id; says clearly when there is none, or several.
import { TrueupError } from '../errors.js'
import type { RunRecord } from '../event.js'
import type { RecordStore } from '../store/records.js'

/** @throws run-unknown */
export async function oneRecord(records: RecordStore, id: string): Promise<RunRecord> {
  const found = await records.find(id)
  const [first] = found
  if (first === undefined)
    throw new TrueupError('run-unknown', `no run "${id}" is on record; \`trueup runs list\` shows those that are`)
  if (found.length > 1) {
    throw new TrueupError(
      'run-unknown',
      `"${id}" could be ${String(found.length)} runs: ${found
        .slice(0, 4)
        .map(({ run }) => run.id)
        .join(', ')}${found.length > 4 ? ' …' : ''}; give more of the id`,
    )
  }
  return first
}
