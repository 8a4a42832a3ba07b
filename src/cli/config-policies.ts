// When a daemon may apply a target (`policies:`): their shape, and what is wrong with those of a trueup.yaml, with its line. Looks at no clock.
import { toError } from '../errors.js'
import { onlyWithin } from '../schedule/windows.js'
import { didYouMean } from '../util/suggest.js'
import { circleIn } from './config-after.js'
import type { Shape } from './config-shape.js'
import type { Config, ConfigPolicies, ConfigRollout } from './config-types.js'

const TEXT = 'a text that is not empty'

/** `policies:` of a target. */
export const POLICIES: Shape = {
  kind: 'object',
  description: 'When a daemon may apply it; all of them must allow it. Plans go on. Concern the daemon alone.',
  keys: {
    soak: {
      kind: 'object',
      description: 'Not before another target has stood, as the same commit desires it, for a while.',
      required: ['after', 'for'],
      keys: {
        after: { kind: 'text', description: 'The name of that target.', expected: TEXT },
        for: { kind: 'duration', description: 'How long, from its apply on: 2h.' },
      },
    },
    rollout: {
      kind: 'object',
      description: 'Of several targets that one commit changes, one after the other, in an order by hash.',
      exactlyOne: ['each', 'over'],
      keys: {
        group: {
          kind: 'text',
          description: 'Targets of one group share a rollout. Default: the name of the integration.',
          expected: TEXT,
        },
        each: { kind: 'duration', description: 'Linear: so long from one target to the next.' },
        over: { kind: 'duration', description: 'Linear, normalised: all of them, however many, within this.' },
      },
    },
    cooldown: { kind: 'duration', description: 'So long after an apply that changed something, or tried to.' },
    windows: {
      kind: 'list',
      description: 'Recurring times; it is applied within one of them alone.',
      of: {
        kind: 'object',
        description: 'One window.',
        required: ['schedule', 'for'],
        keys: {
          schedule: {
            kind: 'text',
            description: "When it opens: a cron expression, '0 9 * * 1-5'.",
            expected: "a cron expression ('0 9 * * 1-5')",
          },
          for: { kind: 'duration', description: 'How long it is open, in real time: 8h.' },
          timeZone: {
            kind: 'text',
            description: 'IANA time zone of the schedule: Europe/Berlin. Default UTC.',
            expected: TEXT,
          },
        },
      },
    },
    approval: {
      kind: 'text',
      description: 'required: only a plan that one of the approvals names by its digest.',
      expected: 'required',
      choices: ['required'],
    },
  },
}

interface Fault {
  readonly line: number
  readonly message: string
}

/** One sentence for each fault, with the line of the key. */
export function policyFaults({ targets = {}, lines }: Pick<Config, 'targets' | 'lines'>): readonly Fault[] {
  const faults: Fault[] = []
  const fault = (target: string, key: string, message: string): void => {
    const at = `targets.${target}.policies`
    faults.push({ line: lines[`${at}.${key}`] ?? lines[at] ?? 1, message })
  }
  const names = Object.keys(targets)
  const paces = new Map<string, { readonly target: string; readonly pace: string }>()
  for (const [target, { policies = {}, integration = target }] of Object.entries(targets)) {
    const { soak, rollout, windows = [] } = policies
    if (soak !== undefined && !names.includes(soak.after))
      fault(
        target,
        'soak.after',
        `${target} is to soak in "${soak.after}", but there is no such target.${didYouMean(soak.after, names)}`,
      )
    for (const [index, window] of windows.entries()) {
      try {
        onlyWithin([recurring(window)])
      } catch (thrown) {
        fault(target, `windows[${String(index)}].schedule`, toError(thrown).message)
      }
    }
    if (rollout === undefined) continue
    const group = groupOf(rollout, integration)
    const pace = paceText(rollout)
    const first = paces.get(group) ?? { target, pace }
    paces.set(group, first)
    if (first.pace !== pace)
      fault(
        target,
        'rollout',
        `the targets of one rollout go at one pace, but of "${group}" ${first.target} says ${first.pace} and ${target} ${pace}`,
      )
  }
  const soaks = Object.entries(targets).map(([name, { policies }]): readonly [string, readonly string[]] => [
    name,
    policies?.soak === undefined ? [] : [policies.soak.after],
  ])
  const circle = circleIn(new Map(soaks))
  if (circle !== undefined)
    fault(circle[0] ?? '', 'soak.after', `targets soak in each other in a circle: ${circle.join(' → ')}`)
  return faults
}

/** The rollout that a target takes part in. */
export function groupOf({ group }: ConfigRollout, integration: string): string {
  return group ?? integration
}

/** As the schedule knows windows. */
export function recurring({ schedule, for: forMs, timeZone }: NonNullable<ConfigPolicies['windows']>[number]): {
  readonly cron: string
  readonly forMs: number
  readonly timeZone?: string
} {
  return { cron: schedule, forMs, ...(timeZone === undefined ? {} : { timeZone }) }
}

function paceText({ each, over }: ConfigRollout): string {
  return each === undefined ? `over: ${String((over ?? 0) / 1000)}s` : `each: ${String(each / 1000)}s`
}
