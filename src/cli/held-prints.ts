// What integrations print while they are loaded, before there is a run, is held until one takes it. Nothing of it is lost when none does.
import type { LogRecord } from '../event.js'
import type { Authored } from '../report/capture.js'
import { dataLines } from '../report/data-text.js'
import { systemClock } from '../util/clock.js'
import type { ProcessContext } from './process-context.js'

export interface HeldPrints {
  readonly authored: Authored
  /** For the run that begins; what comes later goes to stderr. */
  take(): readonly LogRecord[]
  /** For the run that is asked for next; what comes later is held for another. */
  takeSoFar(): readonly LogRecord[]
  /** Writes what nobody has taken to stderr. */
  tell(): void
}

export function holdPrints({ capture, output, redactor }: ProcessContext): HeldPrints {
  let held: LogRecord[] = []
  let isTaken = false
  const tell = ({ message }: LogRecord): void => {
    output.err(`${dataLines(redactor.text(message))}\n`)
  }
  const authored = capture.forRun({
    target: '',
    clock: systemClock,
    reporter: {
      report: (event) => {
        if (event.kind !== 'logged') return
        if (isTaken) tell(event.record)
        else held.push(event.record)
      },
    },
  })
  const takeSoFar = (): readonly LogRecord[] => {
    const taken = held
    held = []
    return taken
  }
  const take = (): readonly LogRecord[] => {
    isTaken = true
    return takeSoFar()
  }
  return {
    authored,
    take,
    takeSoFar,
    tell: () => {
      take().forEach(tell)
    },
  }
}
