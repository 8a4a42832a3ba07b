// cache show: one entry, with the components of its key and the log that a hit replays. Believes nothing that it reads.
import { TrueupError } from '../../errors.js'
import type { CacheEntry } from '../../early-exit/run-cache-entry.js'
import { LARGEST_ENTRY, readEntry } from '../../early-exit/run-cache-entry.js'
import { entryPlaces } from '../../early-exit/run-cache-list.js'
import { clockTime, count, dateTime, formatAge, shortDigest } from '../../report/format.js'
import type { Style } from '../../report/style.js'
import { styleOf } from '../appearance.js'
import { oneEntry } from '../cache-entries.js'
import type { CommandInput } from '../command.js'
import { placeFlags } from '../command-line.js'
import { openStoreOf } from '../open-target.js'
import { facts, printed } from '../print.js'
import { openProject } from '../project.js'

export async function cacheShowCommand(input: CommandInput): Promise<number> {
  const { context } = input
  const project = await openProject(context, input.settings)
  try {
    const { settings } = project
    const store = await openStoreOf(project, settings.store.value)
    const { place, id } = oneEntry(await entryPlaces(store), input.positionals[0] ?? '')
    const head = await store.head(place)
    if (head.kind === 'found' && head.size > LARGEST_ENTRY) throw unreadable(id, 'it is larger than any entry')
    const object = await store.get(place)
    if (object.kind === 'missing') throw unreadable(id, 'it was deleted just now')
    const read = readEntry(object.value)
    if (read.kind === 'untrusted') throw unreadable(id, read.why)
    const { entry, signature } = read
    const now = await store.now()
    const keyId = signature?.keyId ?? null
    const style = styleOf(context, settings, 'stdout')
    context.output.out(
      await printed(settings, {
        json: () => ({ schema: 'trueup/1', exitCode: 0, id, size: object.size, keyId, entry: entryJson(entry) }),
        text: () => entryText({ id, entry, size: object.size, keyId, now, place: placeFlags(input) }, style),
      }),
    )
    return 0
  } finally {
    await project.repository.close()
  }
}

function unreadable(id: string, why: string): TrueupError {
  const short = id.slice(0, 8)
  return new TrueupError(
    'entry-unknown',
    `the entry ${short} cannot be shown: ${why}. A run does not use it either. To delete it: trueup cache delete ${short}`,
  )
}

function entryJson(entry: CacheEntry): object {
  const time = (ms: number): string => new Date(ms).toISOString()
  return {
    ...entry,
    createdAt: time(entry.createdAt),
    expiresAt: time(entry.expiresAt),
    log: { ...entry.log, records: entry.log.records.map((record) => ({ ...record, time: time(record.time) })) },
  }
}

interface ShownEntry {
  readonly id: string
  readonly entry: CacheEntry
  readonly size: number
  readonly keyId: string | null
  readonly now: number
  /** Flags that say where the store is. */
  readonly place: string
}

function entryText({ id, entry, size, keyId, now, place }: ShownEntry, style: Style): string {
  const { address, run, createdAt, expiresAt, components, log } = entry
  const shown = (value: string): string => style.data(/^[0-9a-f]{64}$/.test(value) ? shortDigest(value) : value)
  const lines = [
    `${style.bold(`Entry ${id}`)}: ${style.data(address.mode)} of ${style.data(address.target)}`,
    facts(
      [
        ['zone', style.data(address.zone)],
        ['destination', style.data(address.destination)],
        ['run', style.data(run)],
        ['made', `${dateTime(createdAt, style.utc)}, ${formatAge(now - createdAt)}`],
        ['expires', dateTime(expiresAt, style.utc)],
        ['size', `${String(size)} bytes`],
        ['signed', keyId === null ? 'no' : `with key ${style.data(keyId)}`],
      ],
      style,
    ),
    'Key',
    facts(
      Object.entries(components).map(([name, value]) => [style.data(name), shown(value)]),
      style,
    ),
    `Log (${count(log.records.length, 'record')})`,
    ...log.records.map(
      ({ time, level, message }) =>
        `  ${style.dim(clockTime(time, style.utc))} ${level.padEnd(5)} ${style.data(message)}`,
    ),
    ...(log.dropped > 0 ? [`  ${String(log.dropped)} more lines were not kept`] : []),
    `To forget it: trueup cache delete ${id.slice(0, 8)}${place}`,
  ]
  return `${lines.join('\n')}\n`
}
