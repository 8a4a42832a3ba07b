// In a run of a daemon: the channel to it comes in; answers that its other runs have loaded go out, and theirs go to them. Whatever is wrong with the
// channel, the run loads for itself. Must not: keep the process alive but for a reply, hand on a secret, or wait for a daemon that is gone.
import { listenForRelations } from '../../reconcile/made-relations.js'
import type { SharedAnswers } from '../../reconcile/shared-answers.js'
import type { DaemonChannel } from '../process-context.js'
import { replyOf, type Reply, type Said } from './answer-messages.js'

export interface AnswersOptions {
  readonly channel: DaemonChannel
  /** Whether a text holds something of a secret that this run has read. */
  readonly isSecret: (text: string) => boolean
  /** Nothing is waited for any more. */
  readonly stop: AbortSignal
}

/** Characters of one answer: what is larger is not kept for others. */
const LONGEST = 1024 * 1024

type Asking = Extract<Said, { readonly kind: 'ask' | 'changing' }>
type Unnumbered<One> = One extends Asking ? Omit<One, 'n'> : never

/** To be called before the integration is loaded. */
export function answersOfDaemon({ channel, isSecret, stop }: AnswersOptions): SharedAnswers {
  const relations = listenForRelations()
  const pending = new Map<number, (reply: Reply | undefined) => void>()
  let isOver = false
  let last = 0

  function tell(said: Said): void {
    if (!isOver) channel.send(said, over)
  }

  function over(): void {
    isOver = true
    for (const settle of [...pending.values()]) settle(undefined)
  }

  function heard(message: unknown): void {
    const reply = replyOf(message)
    const settle = reply === undefined ? undefined : pending.get(reply.n)
    // Who does not speak as a daemon does is none.
    if (reply === undefined) over()
    else if (settle !== undefined) settle(reply)
    else if (reply.kind === 'load') tell({ kind: 'failed', n: reply.n })
  }

  /** @returns undefined where there is none, and will be none */
  function replyTo(said: Unnumbered<Asking>): Promise<Reply | undefined> {
    if (isOver || stop.aborted) return Promise.resolve(undefined)
    const n = (last += 1)
    return new Promise((resolve) => {
      const onStop = (): void => {
        settle(undefined)
      }
      const settle = (reply: Reply | undefined): void => {
        pending.delete(n)
        stop.removeEventListener('abort', onStop)
        if (pending.size === 0) channel.hold(false)
        resolve(reply)
      }
      pending.set(n, settle)
      stop.addEventListener('abort', onStop, { once: true })
      channel.hold(true)
      tell({ ...said, n })
    })
  }

  async function restored(text: string): Promise<{ readonly value: unknown } | undefined> {
    const { thawValue } = await import('../../durable/values.js')
    try {
      return { value: thawValue(text) }
    } catch {
      return undefined
    }
  }

  /** Only what comes back exactly as it is. */
  async function handOn(n: number, value: unknown): Promise<void> {
    const { freezeValue } = await import('../../durable/values.js')
    try {
      const frozen = freezeValue(value, isSecret)
      const isShared = frozen.kind === 'frozen' && frozen.text.length <= LONGEST
      tell(isShared ? { kind: 'loaded', n, text: frozen.text } : { kind: 'own', n })
    } catch {
      // A getter of the value, say.
      tell({ kind: 'own', n })
    }
  }

  channel.listen(heard, over)
  tell({ kind: 'hello' })

  return {
    async ask(relation, id, load) {
      const { name } = relation
      const source = relations.sourceOf(relation)
      const reply = source === undefined ? undefined : await replyTo({ kind: 'ask', source, name, id })
      const answer = reply?.kind === 'answer' ? await restored(reply.text) : undefined
      // Of the same relation: what its load has given in another process.
      if (answer !== undefined) return answer.value as Awaited<ReturnType<typeof load>>
      if (reply?.kind !== 'load') return await load()
      try {
        const value = await load()
        await handOn(reply.n, value)
        return value
      } catch (error) {
        tell({ kind: 'failed', n: reply.n })
        throw error
      }
    },
    async changing() {
      await replyTo({ kind: 'changing' })
    },
  }
}
