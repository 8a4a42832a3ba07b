// durable list, show: what durable functions have done or kept. Reads only.
import { inspect } from 'node:util'
import { claimantText } from '../../durable/protocol.js'
import { listCalls, type ListedCall } from '../../durable/list-calls.js'
import { thawValue } from '../../durable/values.js'
import { dateTime, formatAge } from '../../report/format.js'
import type { Style } from '../../report/style.js'
import { systemClock } from '../../util/clock.js'
import { formatDuration } from '../../util/duration.js'
import type { CommandInput } from '../command.js'
import { oneById } from '../one-by-id.js'
import { facts, table } from '../print.js'
import { isDead } from '../process-context.js'
import { withStore } from '../with-store.js'

export async function durableListCommand(input: CommandInput): Promise<number> {
  const [name] = input.positionals
  return withStore(input, async ({ store, style, print }) => {
    const all = await listCalls({ store, isDead })
    const calls = all.filter(({ call }) => name === undefined || call.name === name)
    const now = systemClock.now()
    await print({
      json: () => ({ schema: 'trueup/1', exitCode: 0, calls: calls.map((listed) => callJson(listed)) }),
      text: () => {
        if (calls.length === 0)
          return name === undefined
            ? 'No durable function was called.\n'
            : `No call of ${style.data(name)} is recorded.\n`
        const rows = calls.map(({ id, call, state, modifiedAt }) => [
          id.slice(0, 12),
          style.data(call.name),
          style.data(call.version),
          state === 'in-doubt' ? style.yellow(state) : state,
          style.data(call.label ?? '-'),
          formatAge(now - modifiedAt),
          style.data(call.namespace),
        ])
        return table(['ID', 'FUNCTION', 'VERSION', 'STATE', 'KEY', 'SINCE', 'NAMESPACE'], rows, style)
      },
    })
    return 0
  })
}

export async function durableShowCommand(input: CommandInput): Promise<number> {
  const [id = ''] = input.positionals
  return withStore(input, async ({ store, style, print }) => {
    const listed = oneById(await listCalls({ store, isDead }), id, {
      noun: 'durable call',
      list: 'trueup durable list',
    })
    await print({
      json: () => ({ schema: 'trueup/1', exitCode: 0, call: callJson(listed, true) }),
      text: () => showText(listed, style),
    })
    return 0
  })
}

function showText({ id, call, state, modifiedAt }: ListedCall, style: Style): string {
  const pairs: (readonly [string, string])[] = [
    ['id', id],
    ['function', `${style.data(call.name)}, version ${style.data(call.version)}`],
    ['namespace', style.data(call.namespace)],
    ['remembers', call.idempotent ? 'its effect, for ever' : `its result${ttlText(call.ttlMs)}`],
    ['state', state],
    ['key', style.data(call.label ?? 'all arguments')],
    ['arguments', call.args],
    ['last claim', `${dateTime(call.claim.at, style.utc)} by ${style.data(claimantText(call.claim))}`],
    ['written', dateTime(modifiedAt, style.utc)],
  ]
  if (call.resolved !== undefined)
    pairs.push([
      'resolved',
      `${call.resolved.as}, ${dateTime(call.resolved.at, style.utc)} by ${style.data(call.resolved.actor ?? call.resolved.host)}`,
    ])
  if (call.unstorable !== undefined)
    pairs.push(['result', `not stored: ${style.data(call.unstorable.path)} is ${call.unstorable.found}`])
  if (call.value !== undefined)
    pairs.push([
      'result',
      style.data(inspect(thawValue(call.value), { depth: 6, breakLength: Infinity, maxStringLength: 500 })),
    ])
  return `${facts(pairs, style)}\n`
}

function ttlText(ttlMs: number | undefined): string {
  return ttlMs === undefined ? ', for ever' : `, for ${formatDuration(ttlMs)}`
}

function callJson({ id, call, state, modifiedAt }: ListedCall, whole = false): object {
  const { namespace, name, version, idempotent, cached, label, args, claim, resolved, unstorable, ttlMs } = call
  return {
    id,
    namespace,
    function: name,
    version,
    idempotent,
    cached,
    state,
    key: label,
    arguments: args,
    ttlMs: ttlMs ?? null,
    claim: {
      at: new Date(claim.at).toISOString(),
      run: claim.run,
      target: claim.target,
      host: claim.host,
      pid: claim.pid,
      url: claim.url,
      actor: claim.actor,
    },
    writtenAt: new Date(modifiedAt).toISOString(),
    resolved: resolved === undefined ? null : { ...resolved, at: new Date(resolved.at).toISOString() },
    unstorable: unstorable ?? null,
    // As devalue writes it: JSON cannot hold every result.
    ...(whole ? { result: call.value ?? null } : {}),
  }
}
