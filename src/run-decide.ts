// Stage 1 of a run: skip or run. In: session and base. Out: the decision; no desired state is evaluated that git can answer for.
import type { Snapshot } from './desired/source.js'
import { askMarks } from './early-exit/applied.js'
import { compareRevisions, type Base } from './early-exit/compare-revisions.js'
import { decide, wouldSkip, type Applied, type Finding } from './early-exit/decide.js'
import type { Decision } from './event.js'
import type { Steering } from './reconcile/steer.js'
import { headSide, type RunSession } from './run-session.js'
import { unreachable } from './util/unreachable.js'

export async function decideRun(session: RunSession, base: Base | undefined): Promise<Decision> {
  const { request } = session
  const side = headSide(session.head)
  const finding = await findOut(session, base)
  // `last-applied` has asked the marks already.
  const isSettled = request.mode === 'dry-run' || request.base === 'last-applied' || !wouldSkip(finding)
  if (isSettled) return decide('dry-run', finding, side)
  return decide('apply', finding, side, await askApplied(session))
}

/** What comparing with the base says, before the mode and the marks are looked at. */
export async function findOut(session: RunSession, base: Base | undefined): Promise<Finding> {
  const { request, facts } = session
  const alone = (reason: Finding['reason'], explanation: string): Finding => ({
    reason,
    explanation,
    base: request.base,
    components: {
      config: { head: facts.config, base: null, same: null },
      code: { head: facts.code, base: null, same: null },
      inputs: { head: facts.inputs, base: null, same: null },
    },
  })
  if (request.instead !== undefined) return alone('forced', `${insteadText(request.instead)} was asked for.`)
  if (request.force) return alone('forced', '--force was given.')
  if (request.base === null) return alone('no-comparison-asked', 'no base to compare with was given.')
  if (request.base === 'last-applied') return lastApplied(session, alone)
  if (base === undefined) return alone('base-failed', `the base ${request.base} was not opened.`)
  if (base.kind === 'missing') return { ...base.finding, components: alone('base-missing', '').components }
  return compareRevisions(
    {
      target: request.target,
      revision: request.base,
      requireCompare: request.requireCompare,
      repository: session.deps.repository,
      head: session.head,
      declared: session.target.declared,
      headInputs: session.headInputs,
      configAt: (snapshot) => session.target.configAt(snapshot),
      manifestAt: (snapshot) => session.target.manifestAt(snapshot),
      desired: () => session.desired(),
      desiredAt: (snapshot) => session.desiredAt(snapshot),
      askedOf: (snapshot) => askedOf(session, snapshot),
      warn: (message) => {
        session.deps.reporter.report({ kind: 'warned', target: request.target, message })
      },
    },
    base,
  )
}

/** Which data bundle was asked and files of which schemas the answers are of, as far as there is something to tell. */
export function askedOf(session: RunSession, snapshot: Snapshot): Readonly<Record<string, string>> {
  const queries = session.queries(snapshot)
  const bundle = queries?.bundle?.()
  const schemas = queries?.schemas?.() ?? []
  return {
    ...(bundle === undefined ? {} : { bundle }),
    ...(schemas.length === 0 ? {} : { schemas: schemas.join(', ') }),
  }
}

function insteadText(instead: Steering): string {
  switch (instead.kind) {
    case 'undo':
      return `the way back from run ${instead.run}`
    case 'adopt':
      return `adopting ${instead.keys.join(', ')}`
    case 'destroy':
      return 'removing all that this target owns'
    default:
      return unreachable(instead)
  }
}

/** `--base last-applied`: the marks are the base. A skip means: this destination was brought to exactly this state. */
async function lastApplied(
  session: RunSession,
  alone: (reason: Finding['reason'], explanation: string) => Finding,
): Promise<Finding> {
  const applied = await askApplied(session)
  const { target } = session.request
  const { manifest } = session.target.declared
  const more = {
    components: { ...alone('base-not-applied', '').components, ...applied.components },
    ...(applied.digest === undefined ? {} : { digest: applied.digest }),
  }
  if (applied.kind === 'applied') {
    const what = applied.by === 'inputs' ? 'inputs' : 'desired state'
    const explanation = `${target} was last applied with exactly this code, configuration and ${what}.`
    return { ...alone(applied.by === 'inputs' ? 'inputs-unchanged' : 'desired-unchanged', explanation), ...more }
  }
  if (applied.differs === 'code' && manifest.kind === 'unknown') {
    const explanation = `whether the code of ${target} changed cannot be told: ${manifest.reason}.`
    return { ...alone('code-unknown', explanation), ...more }
  }
  return { ...alone(REASONS[applied.differs], `${applied.explanation}.`), ...more }
}

const REASONS = {
  never: 'base-not-applied',
  shards: 'base-not-applied',
  code: 'code-changed',
  config: 'config-changed',
  env: 'config-changed',
  secrets: 'config-changed',
  'secrets-unknown': 'base-not-applied',
  desired: 'desired-changed',
} as const

async function askApplied(session: RunSession): Promise<Applied> {
  const marks = await session.marks()
  if (marks === undefined)
    return {
      kind: 'not-applied',
      differs: 'never',
      explanation: 'the place it acts on has no identity yet',
      components: {},
    }
  return askMarks({
    target: session.request.target,
    marks: { all: async () => (await session.own()).marks, readEvaluated: () => marks.readEvaluated() },
    facts: session.facts,
    desired: () => session.desired(),
    removed: () => session.owning(),
  })
}
