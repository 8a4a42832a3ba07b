// One run of a target comes in; it is started in its tree, where it can ask for what the other runs of this process have loaded of relations. Out: how it
// ended. Must not decide when, or whether, a target runs.
import type { Occasion } from '../../schedule/scheduler-types.js'
import type { Clock } from '../../util/clock.js'
import { createAnswerBoard } from './answer-board.js'
import type { RunChildIn } from './run-in-tree.js'
import { runEnd, type RunEnd } from './run-result.js'
import type { ServedTree } from './served-tree.js'

export interface EndedRun extends RunEnd {
  readonly target: string
  readonly mode: 'apply' | 'dry-run'
  readonly durationMs: number
  /** UTC ms. */
  readonly endedAt: number
}

export interface TargetRun {
  readonly served: ServedTree
  readonly target: string
  readonly mode: EndedRun['mode']
  readonly flags: readonly string[]
  readonly signal: AbortSignal
  readonly occasion: Occasion
}

export interface TargetRuns {
  run(one: TargetRun): Promise<EndedRun>
  /** A tree is served in place of the one before. */
  serves(served: ServedTree): void
  /** Nothing runs, and nothing is due. */
  idle(): void
}

export interface TargetRunsOptions {
  readonly clock: Clock
  readonly child: RunChildIn
  readonly stop: AbortSignal
  /** Other processes apply targets of the same queue: an apply here cannot know what they have changed. */
  readonly isShared: boolean
}

export function createTargetRuns({ clock, child, stop, isShared }: TargetRunsOptions): TargetRuns {
  const board = createAnswerBoard({ now: () => clock.monotonic() })
  return {
    async run({ served, target, mode, flags, signal, occasion: { since, event } }) {
      const started = clock.monotonic()
      const words = ['run', target, ...(mode === 'apply' ? ['--apply', '--yes'] : ['--dry-run']), ...flags]
      const guest = { tree: treeOf(served), mode, since, takes: mode === 'dry-run' || !isShared }
      const ended = await child(served, words, AbortSignal.any([signal, stop]), {
        event,
        talk: (send) => board.admit({ ...guest, reply: send }),
      })
      const durationMs = clock.monotonic() - started
      return { ...runEnd(ended), target, mode, durationMs, endedAt: clock.now() }
    },
    serves(served) {
      board.only(treeOf(served))
    },
    idle() {
      board.clear()
    },
  }
}

/** Its folder is another one each time that it is served. */
function treeOf({ directory, tree }: ServedTree): string {
  return JSON.stringify([tree.commit, directory])
}
