// What hold and release have done, in words. In: the holds and what stands beside them. Out: the text of the command. Reads nothing.
import type { Style } from '../report/style.js'
import { holdText, releaseCommand } from '../run-hold.js'
import { isHoldOf, type Hold, type HoldPart, type PlacedHold } from '../store/holds.js'
import type { LeaseHolder } from '../store/lease-documents.js'
import { formatDuration } from '../util/duration.js'
import { heldThing, holdLine, releaseHint } from './hold-forms.js'

export type Applying = Pick<LeaseHolder, 'run' | 'target' | 'host' | 'url'>

export interface PlacedInput {
  readonly placed: readonly PlacedHold[]
  /** null: all. */
  readonly target: string | null
  /** Empty: all of the target. */
  readonly parts: readonly HoldPart[]
  /** Of the parts, those that nothing knows yet. */
  readonly unknown: readonly HoldPart[]
  readonly forMs: number
  readonly applying: readonly Applying[]
  /** The store, for people. */
  readonly where: string
  readonly place: string
  readonly style: Style
}

export function placedText(input: PlacedInput): string {
  const { placed, target, parts, unknown, forMs, applying, where, place, style } = input
  const applies = `For ${formatDuration(forMs)}, applies that use the store ${style.data(where)}`
  const lines = [
    ...placed.map(({ hold }) => holdLine(hold, style)),
    parts.length === 0
      ? `${applies} end with exit code 75. Plans work.`
      : `${applies} leave out changes of ${parts.length === 1 ? 'it' : 'them'}, and end with exit code 75 where there were some. All else is applied. Plans work.`,
  ]
  for (const { replaced } of placed) {
    if (replaced === undefined) continue
    const whose = parts.length > 1 ? ` of ${heldThing(replaced)}` : ''
    lines.push(`In place of the hold${style.data(`${whose} ${holdText(replaced, style.utc)}`)}`)
  }
  for (const { kind, key } of unknown)
    lines.push(
      style.yellow(
        `The store knows no ${kind} ${style.data(key)} of ${style.data(target ?? '')}: the hold counts from when there is one.`,
      ),
    )
  for (const { run, target: whose, host, url } of applying) {
    const at = url === null ? host : `${host} (${url})`
    lines.push(style.data(`Run ${run} of ${whose} on ${at} is applying already and is not stopped.`))
  }
  const it = placed.length === 1 ? 'it' : 'them'
  return `${[...lines, `To end ${it} before: ${style.data(releaseCommand({ target, parts }, place))}`].join('\n')}\n`
}

export interface ReleasedInput {
  readonly target: string | null
  /** That were to be released; empty: all of the target. */
  readonly parts: readonly HoldPart[]
  readonly released: readonly Hold[]
  /** What still stops it; of all targets, what still stops any. */
  readonly left: readonly Hold[]
  readonly place: string
  readonly style: Style
}

export function releasedText({ target, parts, released, left, place, style }: ReleasedInput): string {
  const asked = parts.length === 0 ? [undefined] : parts
  const ended = asked.map((part) => {
    const hold = part === undefined ? released[0] : released.find((one) => isHoldOf(part, one))
    const subject = target === null ? 'All targets' : style.data(heldThing({ target, ...(part && { part }) }))
    const [is, was, it] = target === null ? ['are', 'were', 'they'] : ['is', 'was', 'it']
    if (hold !== undefined)
      return `${subject} ${is} released; ${it} ${was} held ${style.data(holdText(hold, style.utc))}`
    const asWhole = part === undefined && left.some((one) => one.part !== undefined) ? ' as a whole' : ''
    return `${subject} ${was} not held${target === null ? ' together' : asWhole}.`
  })
  const lines = left.flatMap((hold) => [`Still: ${holdLine(hold, style)}`, `  ${style.data(releaseHint(hold, place))}`])
  return `${[...ended, ...lines].join('\n')}\n`
}
