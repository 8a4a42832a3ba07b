// cache list, delete and gc: the entries of the run cache. What is not named by its id is shown first, and deleted only with --yes.
import { TrueupError } from '../../errors.js'
import { isSpent, listEntries, listEvaluations, type ListedEntry } from '../../early-exit/run-cache-list.js'
import { compactDuration, count, formatAge, shortId } from '../../report/format.js'
import type { Style } from '../../report/style.js'
import type { ObjectStore, StoreKey } from '../../store/object-store.js'
import { styleOf } from '../appearance.js'
import { oneEntry } from '../cache-entries.js'
import type { CommandInput } from '../command.js'
import { placeFlags } from '../command-line.js'
import { openStoreOf } from '../open-target.js'
import type { Settings } from '../options.js'
import { printed, table } from '../print.js'
import { openProject } from '../project.js'

interface Opened {
  readonly settings: Settings
  readonly store: ObjectStore
  readonly style: Style
  /** What is remembered of inputs beside the entries: where, and until when it is kept. */
  readonly evaluations: Awaited<ReturnType<typeof listEvaluations>>
  /** Of `--target` and `--trust-zone`, as the evaluations. */
  readonly entries: readonly ListedEntry[]
  /** The store's clock, UTC ms. */
  readonly now: number
}

async function withEntries(input: CommandInput, text: (opened: Opened) => Promise<string>): Promise<number> {
  const { context } = input
  const project = await openProject(context, input.settings)
  try {
    const { settings } = project
    const store = await openStoreOf(project, settings.store.value)
    const filter = { zone: settings.trustZone.value, target: settings.target.value }
    const entries = await listEntries(store, filter)
    const evaluations = await listEvaluations(store, filter)
    const style = styleOf(context, settings, 'stdout')
    context.output.out(await text({ settings, store, style, entries, evaluations, now: await store.now() }))
    return 0
  } finally {
    await project.repository.close()
  }
}

export async function cacheListCommand(input: CommandInput): Promise<number> {
  return withEntries(input, async ({ settings, style, entries, now }) =>
    printed(settings, {
      json: () => ({ schema: 'trueup/1', exitCode: 0, entries: entries.map((entry) => entryJson(entry, now)) }),
      text: () => (entries.length === 0 ? 'The run cache is empty.\n' : entriesText(entries, now, style)),
    }),
  )
}

export async function cacheDeleteCommand(input: CommandInput): Promise<number> {
  const { positionals: ids, settings: given } = input
  const isFiltered = given.target.origin === 'flag' || given.trustZone.origin === 'flag'
  if (ids.length === 0 && !isFiltered && !given.allTargets.value)
    throw new TrueupError(
      'usage',
      'trueup cache delete needs ids, or --target, --trust-zone or --all; `trueup cache list` shows the ids',
    )
  if (ids.length > 0 && given.allTargets.value)
    throw new TrueupError('usage', 'trueup cache delete takes ids or --all, not both')
  return withEntries(input, async (opened) => {
    if (ids.length === 0) {
      const beside = opened.evaluations.map(({ place }) => place)
      return remove(opened, opened.entries, { deletes: given.yes.value, command: typed(input), beside })
    }
    // All are looked for before the first is deleted.
    const named = new Set(ids.map((id) => oneEntry(opened.entries, id)))
    return remove(opened, [...named], { deletes: true, command: '', beside: [] })
  })
}

export async function cacheGcCommand(input: CommandInput): Promise<number> {
  return withEntries(input, async (opened) => {
    const spent = opened.entries.filter((entry) => isSpent(entry, opened.now))
    const beside = opened.evaluations.filter(({ expiresAt }) => expiresAt === null || expiresAt <= opened.now)
    return remove(opened, spent, {
      deletes: input.settings.yes.value,
      beside: beside.map(({ place }) => place),
      command: `trueup cache gc${filterText(input)} --yes`,
    })
  })
}

interface Removal {
  readonly deletes: boolean
  /** What would delete them. */
  readonly command: string
  /** Evaluations that go with them; nothing answers from them without an entry, so they are not told one by one. */
  readonly beside: readonly StoreKey[]
}

async function remove(
  { settings, store, style, entries, now }: Opened,
  found: readonly ListedEntry[],
  { deletes, command, beside }: Removal,
): Promise<string> {
  if (deletes) for (const place of [...found.map((entry) => entry.place), ...beside]) await store.delete(place)
  const kept = entries.length - found.length
  return printed(settings, {
    json: () => ({
      schema: 'trueup/1',
      exitCode: 0,
      deleted: deletes,
      kept,
      entries: found.map((entry) => entryJson(entry, now)),
    }),
    text: () => {
      const rest = `${count(kept, 'entry', 'entries')} kept`
      if (found.length === 0) return `Nothing to delete: ${rest}.\n`
      const gone = count(found.length, 'entry', 'entries')
      if (deletes) return `Deleted ${gone}; ${rest}.\n`
      return `${entriesText(found, now, style)}${gone} may go, ${rest}. To delete them: ${command}\n`
    },
  })
}

function typed(input: CommandInput): string {
  return `trueup cache delete${filterText(input)}${input.settings.allTargets.value ? ' --all' : ''} --yes`
}

function filterText(input: CommandInput): string {
  const { target, trustZone } = input.settings
  const given = [
    ['--target', target.value],
    ['--trust-zone', trustZone.value],
  ] as const
  return `${given.map(([flag, value]) => (value === undefined ? '' : ` ${flag} ${value}`)).join('')}${placeFlags(input)}`
}

function entriesText(entries: readonly ListedEntry[], now: number, style: Style): string {
  const rows = entries.map(({ id, target, zone, mode, size, createdAt, expiresAt }) => [
    shortId(id),
    style.data(target),
    style.data(zone),
    style.data(mode),
    createdAt === null ? '' : formatAge(now - createdAt),
    expiresAt === null
      ? style.yellow('cannot be read')
      : expiresAt <= now
        ? style.yellow('expired')
        : `in ${compactDuration(expiresAt - now)}`,
    size === null ? '' : `${String(size)} bytes`,
  ])
  return table(['ID', 'TARGET', 'ZONE', 'MODE', 'MADE', 'EXPIRES', 'SIZE'], rows, style)
}

export function entryJson({ id, target, zone, mode, size, createdAt, expiresAt }: ListedEntry, now: number): object {
  const time = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString())
  return {
    id,
    target,
    zone,
    mode,
    size,
    createdAt: time(createdAt),
    ageMs: createdAt === null ? null : Math.max(0, now - createdAt),
    expiresAt: time(expiresAt),
    expired: expiresAt === null ? null : expiresAt <= now,
  }
}
