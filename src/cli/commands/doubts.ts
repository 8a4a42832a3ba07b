// doubts list: durable calls and changes whose outcome nobody knows, and what to type about them. Reads only.
import { formatAge } from '../../report/format.js'
import { systemClock } from '../../util/clock.js'
import type { CommandInput } from '../command.js'
import { doubtJson, whoOf } from '../doubt-json.js'
import { doubtName, listDoubts } from '../doubts.js'
import { table } from '../print.js'
import { withStore } from '../with-store.js'

export async function doubtsListCommand(input: CommandInput): Promise<number> {
  return withStore(input, async ({ store, style, print }) => {
    const doubts = await listDoubts(store)
    const now = systemClock.now()
    await print({
      json: () => ({ schema: 'trueup/1', exitCode: 0, doubts: doubts.map(doubtJson) }),
      text: () => {
        const [first] = doubts
        if (first === undefined) return 'Nothing is in doubt.\n'
        const rows = doubts.map((doubt) => {
          const { run, target, host } = whoOf(doubt)
          return [
            doubt.id.slice(0, 12),
            doubt.kind,
            style.data(doubtName(doubt)),
            style.data(target ?? ''),
            formatAge(now - doubt.at),
            style.data(host),
            style.data(run ?? '-'),
          ]
        })
        const shown = table(['ID', 'KIND', 'WHAT', 'TARGET', 'SINCE', 'HOST', 'RUN'], rows, style)
        const changes = doubts.some(({ kind }) => kind === 'change')
          ? 'Changes are looked at again, and settled, by the next apply of their target.\n'
          : ''
        return `${shown}${changes}Once you know what became of one:\n  trueup doubts resolve ${first.id.slice(0, 12)} --done | --absent\n`
      },
    })
    return 0
  })
}
