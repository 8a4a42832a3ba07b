// doubts resolve: a person says what became of a durable call or a change. Asks on a terminal; writes exactly that, and who said it.
import { TrueupError } from '../../errors.js'
import { dateTime } from '../../report/format.js'
import { resolveCall } from '../../durable/list-calls.js'
import { resolveChange } from '../../run-resolve.js'
import { systemClock } from '../../util/clock.js'
import type { CommandInput } from '../command.js'
import { doubtName, listDoubts, type Doubt } from '../doubts.js'
import { oneById } from '../one-by-id.js'
import { actorOf } from '../process-context.js'
import { listenForStop } from '../stop-signals.js'
import { wireOwned } from '../wiring.js'
import { withStore, type StoreCommand } from '../with-store.js'

export async function doubtsResolveCommand(input: CommandInput): Promise<number> {
  const [id = ''] = input.positionals
  const { done, absent } = input.settings
  if ((done.value === undefined) === !absent.value)
    throw new TrueupError(
      'usage',
      'say what became of it: --done (or --done=<json>, its result) or --absent, one of them',
    )
  return withStore(input, async (command) => {
    const doubt = oneById(await listDoubts(command.store), id, { noun: 'doubt', list: 'trueup doubts' })
    const as = absent.value ? 'absent' : 'done'
    const text = done.value ?? ''
    if (doubt.kind === 'change' && text !== '')
      throw new TrueupError('usage', 'a change has no result: --done without a value says that it has happened')
    if (!(await isConfirmed(input, command, { doubt, as })))
      throw new TrueupError('declined', 'nothing was resolved, as you answered')
    if (doubt.kind === 'change') await resolveUnknown(input, command, { doubt, as })
    else {
      const { actor, host, url } = actorOf(input.context.environment, command.project.tool)
      const by = { actor, host, url, at: systemClock.now() }
      const value: unknown = text === '' ? undefined : JSON.parse(text)
      if (!(await resolveCall(command.store, doubt.listed, { as, value, by })))
        throw new TrueupError(
          'run-unknown',
          `${doubtName(doubt)} has been settled meanwhile; \`trueup doubts\` shows what is left`,
        )
    }
    await command.print({
      json: () => ({ schema: 'trueup/1', exitCode: 0, resolved: { id: doubt.id, kind: doubt.kind, as } }),
      text: () => `Resolved: ${command.style.data(doubtName(doubt))} ${SAID[as]}. ${nextText(doubt, as)}\n`,
    })
    return 0
  })
}

const SAID = { done: 'has happened', absent: 'has not happened' } as const

interface Said {
  readonly doubt: Doubt
  readonly as: 'done' | 'absent'
}

function nextText(doubt: Doubt, as: Said['as']): string {
  if (doubt.kind === 'change') return 'The next apply compares it with what is there.'
  return as === 'done' ? 'It will not be carried out again.' : 'The next call carries it out.'
}

async function isConfirmed(
  input: CommandInput,
  { project, style }: StoreCommand,
  { doubt, as }: Said,
): Promise<boolean> {
  const { context } = input
  if (project.settings.yes.value || !context.stdinIsTerminal || !context.stderrIsTerminal) return true
  const { question } = await import('../question.js')
  const answer = await question(
    context.output,
    `${style.data(doubtName(doubt))}, started at ${dateTime(doubt.at, style.utc)}, ${SAID[as]}. ${nextText(doubt, as)}\nIs that so? Type yes: `,
  )
  return answer.trim().toLowerCase() === 'yes'
}

async function resolveUnknown(
  input: CommandInput,
  { project, store }: StoreCommand,
  { doubt, as }: Said,
): Promise<void> {
  if (doubt.kind !== 'change') return
  const { context } = input
  const warn = (message: string): void => {
    context.output.err(`trueup: ${message}\n`)
  }
  const signals = listenForStop({ onStop: warn })
  try {
    const by = actorOf(context.environment, project.tool)
    const waitMs = project.settings.leaseWait.value
    await resolveChange(wireOwned({ store, by, waitMs, warn, stop: signals.stop }), doubt.change, as)
  } finally {
    signals.close()
  }
}
