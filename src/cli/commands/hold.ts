// hold and release: stop the applies of a target, or of all, until an end; and let them go on before it. Changes the store alone.
import { TrueupError } from '../../errors.js'
import type { Style } from '../../report/style.js'
import { holdFacts, holdText } from '../../run-hold.js'
import { allHolds, endHold, holdsFor, placeHold, tidyHolds, type Hold, type PlacedHold } from '../../store/holds.js'
import type { LeaseHolder } from '../../store/lease-documents.js'
import { listLeases } from '../../store/lease-list.js'
import type { ObjectStore } from '../../store/object-store.js'
import { formatDuration } from '../../util/duration.js'
import { styleOf } from '../appearance.js'
import type { CommandInput } from '../command.js'
import { placeFlags } from '../command-line.js'
import { holdLine, releaseHint } from '../hold-forms.js'
import { knownTarget } from '../known-target.js'
import { openStoreOf } from '../open-target.js'
import { printed } from '../print.js'
import { actorOf, isDead } from '../process-context.js'
import { openProject, type Project } from '../project.js'

const EXAMPLE = 'trueup hold <target> --for 2h --reason TEXT'

export async function holdCommand(input: CommandInput): Promise<number> {
  const { context, settings } = input
  refuseUnclear(input, EXAMPLE)
  // It becomes part of one-line messages.
  const reason = settings.reason.value?.trim().replace(/\s+/g, ' ') ?? ''
  const forMs = settings.holdFor.value
  if (forMs === undefined)
    throw new TrueupError('usage', `trueup hold needs --for <duration>, since a hold ends by itself: ${EXAMPLE}`)
  if (reason === '')
    throw new TrueupError('usage', `trueup hold needs --reason <text>, for those whom it stops: ${EXAMPLE}`)
  return inStore(input, async ({ project, store, style }) => {
    if (store.description === 'memory:')
      throw new TrueupError('usage', 'the store memory: ends with this command, so a hold in it would stop nothing')
    const target = await targetGiven(input, project, store)
    const { actor, host, url } = actorOf(context.environment, project.tool)
    const placed = await placeHold(store, { target, reason, forMs, by: { actor, host, url } })
    // Read after it was placed: whoever is not among them has not begun to change anything, and will see it.
    const applying = await applyingNow(store, target)
    await tidyHolds(store)
    const replaced = placed.replaced === undefined ? null : holdFacts(placed.replaced)
    return {
      json: { hold: holdFacts(placed.hold), replaced, applying },
      text: placedText({ placed, forMs, applying, where: store.description, place: placeFlags(input), style }),
    }
  })
}

export async function releaseCommand(input: CommandInput): Promise<number> {
  refuseUnclear(input, 'trueup release <target>')
  return inStore(input, async ({ project, store, style }) => {
    const [name] = input.positionals
    // A hold may be all that is left of a target.
    const isHeld = (await allHolds(store)).some(({ target }) => target === name)
    const target = isHeld && name !== undefined ? name : await targetGiven(input, project, store)
    const released = await endHold(store, target)
    await tidyHolds(store)
    const all = await allHolds(store)
    const left = target === null ? all : holdsFor(target, all)
    return {
      json: { target, released: released === undefined ? null : holdFacts(released), holds: left.map(holdFacts) },
      text: releasedText({ target, released, left, place: placeFlags(input), style }),
    }
  })
}

function refuseUnclear({ command, positionals, settings }: CommandInput, example: string): void {
  if ((positionals[0] === undefined) === settings.allTargets.value) return
  throw new TrueupError('usage', `trueup ${command} needs a target, or --all: ${example}`)
}

interface Place {
  readonly project: Project
  readonly store: ObjectStore
  readonly style: Style
}

async function inStore(
  input: CommandInput,
  work: (place: Place) => Promise<{ readonly json: object; readonly text: string }>,
): Promise<number> {
  const { context } = input
  const project = await openProject(context, input.settings)
  try {
    const store = await openStoreOf(project, project.settings.store.value)
    const { json, text } = await work({ project, store, style: styleOf(context, project.settings, 'stdout') })
    const forms = { json: () => ({ schema: 'trueup/1', exitCode: 0, ...json }), text: () => text }
    context.output.out(await printed(project.settings, forms))
    return 0
  } finally {
    await project.repository.close()
  }
}

/** null for all. */
function targetGiven({ positionals }: CommandInput, project: Project, store: ObjectStore): Promise<string | null> {
  const [name] = positionals
  return name === undefined ? Promise.resolve(null) : knownTarget(project, store, name)
}

type Applying = Pick<LeaseHolder, 'run' | 'target' | 'host' | 'url'>

async function applyingNow(store: ObjectStore, target: string | null): Promise<readonly Applying[]> {
  const found = new Map<string, Applying>()
  for (const { standing } of await listLeases({ store, isDead })) {
    if (standing.kind !== 'alive' || (target !== null && standing.holder.target !== target)) continue
    const { run, target: whose, host, url } = standing.holder
    found.set(run, { run, target: whose, host, url })
  }
  return [...found.values()]
}

interface Placed {
  readonly placed: PlacedHold
  readonly forMs: number
  readonly applying: readonly Applying[]
  /** The store, for people. */
  readonly where: string
  readonly place: string
  readonly style: Style
}

function placedText({ placed: { hold, replaced }, forMs, applying, where, place, style }: Placed): string {
  const lines = [
    holdLine(hold, style),
    `For ${formatDuration(forMs)}, applies that use the store ${style.data(where)} end with exit code 75. Plans work.`,
  ]
  if (replaced !== undefined) lines.push(`In place of the hold ${style.data(holdText(replaced, style.utc))}`)
  for (const { run, target, host, url } of applying) {
    const at = url === null ? host : `${host} (${url})`
    lines.push(style.data(`Run ${run} of ${target} on ${at} is applying already and is not stopped.`))
  }
  return `${[...lines, `To end it before: ${style.data(releaseHint(hold, place))}`].join('\n')}\n`
}

interface Released {
  readonly target: string | null
  readonly released: Hold | undefined
  /** What still stops it; of all targets, what still stops any. */
  readonly left: readonly Hold[]
  readonly place: string
  readonly style: Style
}

function releasedText({ target, released, left, place, style }: Released): string {
  const subject = target === null ? 'All targets' : style.data(target)
  const [is, was, it] = target === null ? ['are', 'were', 'they'] : ['is', 'was', 'it']
  const ended =
    released === undefined
      ? `${subject} ${was} not held${target === null ? ' together' : ''}.`
      : `${subject} ${is} released; ${it} ${was} held ${style.data(holdText(released, style.utc))}`
  const lines = left.flatMap((hold) => [`Still: ${holdLine(hold, style)}`, `  ${style.data(releaseHint(hold, place))}`])
  return `${[ended, ...lines].join('\n')}\n`
}
