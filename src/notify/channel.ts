// The port by which a notice leaves: one attempt comes in, what became of it goes out. Adapters: an HTTP request, a command.
import type { Notice } from './notice.js'

export type Attempt =
  | { readonly kind: 'delivered' }
  /** It may do later. `afterMs`: not before, as the far end asked. */
  | { readonly kind: 'again'; readonly why: string; readonly afterMs?: number }
  /** It will not do, however often. */
  | { readonly kind: 'refused'; readonly why: string }

export interface Channel {
  /** One attempt. Never rejects; ends soon once the signal is aborted. What it says holds no secret. */
  deliver(notice: Notice, signal: AbortSignal): Promise<Attempt>
}
