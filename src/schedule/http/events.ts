// Events of other systems come in, at POST /api/v1/events; targets that are due now go out. Must not know how a target is made due, or who may be
// believed of what it says: whoever has the token may say so.
import type { RunEventCause } from '../../event.js'
import { digestBytes } from '../../util/digest.js'
import { isRecord } from '../../util/is-record.js'
import type { EventKeys } from '../event-keys.js'
import { fault, json } from './answer.js'
import { refusal } from './authority.js'
import type { Route } from './server.js'

export interface EventView {
  /** The names of the targets that are served. */
  targets(): ReadonlySet<string>
  /** Those that all labels fit. */
  labelled(labels: Readonly<Record<string, string>>): readonly string[]
  /** Makes them due now. @throws where that cannot be kept: then it may be sent again */
  happened(targets: readonly string[], event: RunEventCause): Promise<void>
}

export interface EventOptions {
  readonly view: EventView
  /** undefined or empty: nobody may. */
  readonly token: string | undefined
  readonly keys: EventKeys
  readonly onResult: (result: 'accepted' | 'duplicate' | 'refused') => void
}

interface Asked extends RunEventCause {
  readonly targets: readonly string[] | undefined
  readonly labels: Readonly<Record<string, string>> | undefined
}

const MOST_BYTES = 64 * 1024
const MOST_TARGETS = 1000
const MOST_CHARACTERS = 500
const FIELDS = ['key', 'targets', 'labels', 'reason', 'by']

export function eventRoutes({ view, token, keys, onResult }: EventOptions): readonly Route[] {
  const answer: Route['answer'] = async (asked) => {
    const refused = refusal(asked.headers, token)
    if (refused !== undefined) {
      onResult('refused')
      return refused
    }
    const given = readEvent((await asked.body(MOST_BYTES)).toString('utf8'))
    if (typeof given === 'string') return fault(400, 'usage', given)
    const { key, reason, by } = given
    const digest = digestBytes(JSON.stringify([given.targets ?? null, given.labels ?? null, reason, by]))
    const before = key === null ? undefined : await keys.get(key)
    if (before !== undefined && before.digest !== digest)
      return fault(409, 'conflict', 'another event was sent under this key within the last hour')
    if (before !== undefined) {
      onResult('duplicate')
      return json(202, { result: 'duplicate', targets: before.targets })
    }
    const targets = [...new Set(given.targets ?? view.labelled(given.labels ?? {}))]
    const known = view.targets()
    const unknown = targets.filter((name) => !known.has(name))
    if (unknown.length > 0) return fault(404, 'usage', `nothing is due: there is no target ${shown(unknown)}`)
    if (targets.length === 0) return fault(404, 'usage', 'nothing is due: no target has these labels')
    await view.happened(targets, { key, reason, by })
    if (key !== null) await keys.set(key, { digest, targets })
    onResult('accepted')
    return json(202, { result: 'accepted', targets })
  }

  return [{ method: 'POST', path: '/api/v1/events', answer }]
}

/** @returns a sentence where it is none */
function readEvent(text: string): Asked | string {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return 'the body is no JSON'
  }
  if (!isRecord(value)) return 'the body is a JSON object: {"targets": ["…"], "reason": "…"}'
  const extra = Object.keys(value).find((name) => !FIELDS.includes(name))
  if (extra !== undefined) return `there is no field ${JSON.stringify(extra)}; there are ${FIELDS.join(', ')}`
  const { targets, labels, reason } = value
  const key = value['key'] ?? null
  const by = value['by'] ?? null
  if (!isText(reason)) return `reason is a text of 1 to ${String(MOST_CHARACTERS)} characters`
  if (key !== null && !isText(key)) return `key is a text of 1 to ${String(MOST_CHARACTERS)} characters`
  if (by !== null && !isText(by)) return `by is a text of 1 to ${String(MOST_CHARACTERS)} characters`
  if ((targets === undefined) === (labels === undefined)) return 'either targets or labels says what is due'
  if (targets !== undefined && !isNames(targets)) return `targets is a list of 1 to ${String(MOST_TARGETS)} names`
  if (labels !== undefined && !isLabels(labels)) return 'labels is an object of texts: {"team": "web"}'
  return { key, by, reason, targets, labels }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== '' && value.length <= MOST_CHARACTERS
}

function isNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.length <= MOST_TARGETS && value.every(isText)
}

function isLabels(value: unknown): value is Readonly<Record<string, string>> {
  return isRecord(value) && Object.keys(value).length > 0 && Object.values(value).every(isText)
}

function shown(names: readonly string[]): string {
  const more = names.length > 5 ? ` and ${String(names.length - 5)} more` : ''
  return `${names
    .slice(0, 5)
    .map((name) => JSON.stringify(name))
    .join(', ')}${more}; /api/v1/targets has all`
}
