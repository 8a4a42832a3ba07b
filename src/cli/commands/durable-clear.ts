// durable clear: forgets calls of durable functions, so that they may be made again. Shows them first; deletes with --yes, and leaves a trace.
import { clearCall, listCalls, type ListedCall } from '../../durable/list-calls.js'
import { TrueupError } from '../../errors.js'
import { count } from '../../report/format.js'
import { trace } from '../../run-trace.js'
import { systemClock } from '../../util/clock.js'
import { newUlid } from '../../util/ulid.js'
import type { CommandInput } from '../command.js'
import { oneById } from '../one-by-id.js'
import { table } from '../print.js'
import { actorOf, isDead } from '../process-context.js'
import { withStore } from '../with-store.js'

export async function durableClearCommand(input: CommandInput): Promise<number> {
  return withStore(input, async ({ project, store, style, print }) => {
    const all = await listCalls({ store, isDead })
    const names = { noun: 'durable call', list: 'trueup durable list' }
    const chosen = [...new Set(input.positionals.map((id) => oneById(all, id, names)))]
    const busy = chosen.find(({ state }) => state === 'claimed')
    if (busy !== undefined)
      throw new TrueupError(
        'durable-busy',
        `${busy.call.name} (${busy.id.slice(0, 12)}) is under way on ${busy.call.claim.host}: nothing was cleared`,
      )
    const isDone = project.settings.yes.value
    if (isDone) {
      for (const listed of chosen) {
        if (!(await clearCall(store, listed)))
          throw new TrueupError(
            'durable-busy',
            `${listed.call.name} (${listed.id.slice(0, 12)}) was called meanwhile, and stays`,
          )
      }
      const by = actorOf(input.context.environment, project.tool)
      for (const [target, calls] of byTarget(chosen)) {
        await trace({
          deps: { store, clock: systemClock, by },
          run: newUlid(systemClock.now()),
          target,
          destination: calls[0]?.call.namespace.replace(/^[^@]*@/, '') ?? target,
          shards: [],
          instead: { kind: 'clear', calls: calls.map(({ id, call }) => `${call.name} ${id}`) },
          explanation: '`trueup durable clear` forgot calls of durable functions; nothing outside was changed.',
        })
      }
    }
    const effects = chosen.filter(({ call, state }) => call.idempotent && state !== 'failed').length
    await print({
      json: () => ({
        schema: 'trueup/1',
        exitCode: 0,
        deleted: isDone,
        calls: chosen.map(({ id, call }) => ({ id, function: call.name })),
      }),
      text: () => {
        if (isDone) return `Cleared ${count(chosen.length, 'call')}.\n`
        const rows = chosen.map(({ id, call, state }) => [
          id.slice(0, 12),
          style.data(call.name),
          state,
          style.data(call.label ?? '-'),
        ])
        const warning = effects === 0 ? '' : `${count(effects, 'effect')} may then happen again. `
        return `${table(['ID', 'FUNCTION', 'STATE', 'KEY'], rows, style)}${warning}To clear: trueup durable clear ${chosen.map(({ id }) => id.slice(0, 12)).join(' ')} --yes\n`
      },
    })
    return 0
  })
}

/** Of targets; what programs outside of runs did has no records. */
function byTarget(chosen: readonly ListedCall[]): ReadonlyMap<string, readonly ListedCall[]> {
  const found = new Map<string, ListedCall[]>()
  for (const listed of chosen) {
    const { target } = listed.call.claim
    if (target !== null) found.set(target, [...(found.get(target) ?? []), listed])
  }
  return found
}
