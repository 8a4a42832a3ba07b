// hold and release: stop the applies of a target, or of all, until an end; and let them go on before it. Changes the store alone.
import { TrueupError } from '../../errors.js'
import type { Style } from '../../report/style.js'
import { holdFacts } from '../../run-hold.js'
import {
  allHolds,
  endHold,
  endParts,
  holdsFor,
  placeHold,
  placeParts,
  tidyHolds,
  type Hold,
} from '../../store/holds.js'
import { listLeases } from '../../store/lease-list.js'
import type { ObjectStore } from '../../store/object-store.js'
import { styleOf } from '../appearance.js'
import type { CommandInput } from '../command.js'
import { placeFlags } from '../command-line.js'
import { partsGiven, unknownParts } from '../held-parts.js'
import { placedText, releasedText, type Applying } from '../hold-text.js'
import { knownTarget } from '../known-target.js'
import { openStoreOf } from '../open-target.js'
import { printed } from '../print.js'
import { actorOf, isDead } from '../process-context.js'
import { openProject, type Project } from '../project.js'

const EXAMPLE = 'trueup hold <target> --for 2h --reason TEXT'

export async function holdCommand(input: CommandInput): Promise<number> {
  const { context, settings } = input
  refuseUnclear(input, EXAMPLE)
  const parts = partsGiven(input)
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
    const request = { reason, forMs, by: { actor, host, url } }
    // Parts are those of one target.
    const ofParts = target === null || parts.length === 0 ? undefined : { target, parts }
    const placed =
      ofParts === undefined
        ? [await placeHold(store, { ...request, target })]
        : await placeParts(store, { ...request, ...ofParts })
    // Read after it was placed: whoever is not among them has not begun to change anything, and will see it.
    const applying = await applyingNow(store, target)
    const unknown = ofParts === undefined ? [] : await unknownParts(store, ofParts)
    await tidyHolds(store)
    const facts = placed.map((one) => ({ hold: holdFacts(one.hold), replaced: factsOrNull(one.replaced) }))
    const whole = ofParts === undefined ? facts[0] : undefined
    return {
      json: {
        hold: whole?.hold ?? null,
        replaced: whole?.replaced ?? null,
        parts: facts.filter((one) => one !== whole),
        unknown,
        applying,
      },
      text: placedText({
        placed,
        target,
        parts,
        unknown,
        forMs,
        applying,
        where: store.description,
        place: placeFlags(input),
        style,
      }),
    }
  })
}

export async function releaseCommand(input: CommandInput): Promise<number> {
  refuseUnclear(input, 'trueup release <target>')
  const parts = partsGiven(input)
  return inStore(input, async ({ project, store, style }) => {
    const [name] = input.positionals
    // A hold may be all that is left of a target.
    const isHeld = (await allHolds(store)).some(({ target }) => target === name)
    const target = isHeld && name !== undefined ? name : await targetGiven(input, project, store)
    const ofParts = target === null || parts.length === 0 ? undefined : { target, parts }
    const whole = ofParts === undefined ? await endHold(store, target) : undefined
    const ended = ofParts === undefined ? [] : await endParts(store, ofParts)
    await tidyHolds(store)
    const all = await allHolds(store)
    const left = target === null ? all : holdsFor(target, all)
    const released = whole === undefined ? ended : [whole]
    return {
      json: {
        target,
        released: factsOrNull(whole),
        parts: ended.map(holdFacts),
        holds: left.map(holdFacts),
      },
      text: releasedText({ target, parts, released, left, place: placeFlags(input), style }),
    }
  })
}

function factsOrNull(hold: Hold | undefined): object | null {
  return hold === undefined ? null : holdFacts(hold)
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

async function applyingNow(store: ObjectStore, target: string | null): Promise<readonly Applying[]> {
  const found = new Map<string, Applying>()
  for (const { standing } of await listLeases({ store, isDead })) {
    if (standing.kind !== 'alive' || (target !== null && standing.holder.target !== target)) continue
    const { run, target: whose, host, url } = standing.holder
    found.set(run, { run, target: whose, host, url })
  }
  return [...found.values()]
}
