// The port of answers to relations that processes share, and of what one that applies tells the others. Types only.
import type { Relation } from '../relation-types.js'

export interface SharedAnswers {
  /**
   * The answer of another process, where there is one that this run may take; else that of `load`, which the others may take then.
   * Rejects as `load` does. Trouble with sharing is no error: then it loads.
   */
  ask<T>(relation: Relation<T>, id: string, load: () => Promise<T>): Promise<T>
  /** Resolves when no apply of the others will plan from what was read before now. Called before an apply changes anything; it never rejects. */
  changing(): Promise<void>
}
