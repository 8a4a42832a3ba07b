// What a run and the daemon that started it say to each other about answers to relations, as it comes over the channel between them. Pure.
import { isRecord } from '../../util/is-record.js'

/** What a run says. `n` is its number of a question, which the reply repeats. */
export type Said =
  /** The first word: it will say when it changes something. */
  | { readonly kind: 'hello' }
  | { readonly kind: 'ask'; readonly n: number; readonly source: string; readonly name: string; readonly id: string }
  /** It was told to load, and has: `text` gives the value. */
  | { readonly kind: 'loaded'; readonly n: number; readonly text: string }
  /** It was told to load, and has something that is not to be handed on. */
  | { readonly kind: 'own'; readonly n: number }
  /** It was told to load, and could not. */
  | { readonly kind: 'failed'; readonly n: number }
  /** It changes things from the reply on. */
  | { readonly kind: 'changing'; readonly n: number }

/** What the daemon replies. */
export type Reply =
  | { readonly kind: 'answer'; readonly n: number; readonly text: string }
  /** Load it yourself, and say what came of it. */
  | { readonly kind: 'load'; readonly n: number }
  | { readonly kind: 'known'; readonly n: number }

/** @returns undefined for what is none of these */
export function saidOf(message: unknown): Said | undefined {
  if (!isRecord(message)) return undefined
  const { kind, n, text, source, name, id } = message
  if (kind === 'hello') return { kind }
  if (typeof n !== 'number') return undefined
  if (kind === 'failed' || kind === 'own' || kind === 'changing') return { kind, n }
  if (kind === 'loaded') return typeof text === 'string' ? { kind, n, text } : undefined
  if (kind !== 'ask') return undefined
  const isWhole = typeof source === 'string' && typeof name === 'string' && typeof id === 'string'
  return isWhole ? { kind, n, source, name, id } : undefined
}

/** @returns undefined for what is none of these */
export function replyOf(message: unknown): Reply | undefined {
  if (!isRecord(message)) return undefined
  const { kind, n, text } = message
  if (typeof n !== 'number') return undefined
  if (kind === 'load' || kind === 'known') return { kind, n }
  return kind === 'answer' && typeof text === 'string' ? { kind, n, text } : undefined
}
