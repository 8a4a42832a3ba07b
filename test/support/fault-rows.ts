// What becomes of an apply in which one step goes wrong, and of the apply after it: the rows of docs/faults.md, each of which is a test
// (test/fault-matrix.test.ts). Data only.
import type { Change, Fault, Step } from './fault-run.js'

type Word = 'applied' | 'failed' | 'unknown' | 'not-attempted' | 'none'

export interface FaultRow {
  readonly step: Step
  readonly faults: readonly Fault[]
  /** Where the plan has several changes: the one that is struck. @defaultValue all of them, one after the other */
  readonly changes?: readonly Change[]
  /** For people, where the row is about some of them only. */
  readonly where?: string
  /** null: no process is left to have one. `by outcome`: 5 when something was applied or is unknown, else 1. */
  readonly exit: number | null | 'by outcome'
  /** Of the changes before the struck one, of it, and of those after it. */
  readonly outcomes: readonly [Word, Word, Word]
  /** What happened outside. */
  readonly effects: 'none' | 'earlier' | 'and it' | 'all' | 'all but it'
  /** As the run left it; `as before`: that of the apply before. */
  readonly mark: 'as before' | 'started' | 'failed' | 'completed'
  /** The next apply with `--base last-applied`. */
  readonly next: 'run' | 'skip'
  /** What it says of this run: nothing, that it had not ended, or that the struck change is unknown. */
  readonly recovers: 'nothing' | 'the run' | 'the change'
  /** For people: what the run does, and what the next one sees and does. */
  readonly text: readonly [string, string]
}

/** For people: steps and faults by their names in the page. @public */
export const STEP_TEXT: Readonly<Record<Step, string>> = {
  lease: 'the lease is taken',
  state: 'marks and ledger are read',
  read: 'the current state is read',
  plan: 'the plan is made',
  'mark started': 'the apply mark is set to `started`',
  'record begun': 'the record is begun',
  intent: 'the intent of a change is written',
  effect: 'the change is made',
  outcome: 'its outcome is written',
  ledger: 'the ledger is written',
  'record told': 'the outcomes are recorded',
  'mark completed': 'the mark is set to `completed`',
  tidying: 'the journal is removed',
  'lease back': 'the lease is given back',
  'record ended': 'the record is ended',
}
/** For the page. @public */
export const FAULT_TEXT: Readonly<Record<Fault, string>> = {
  'crash before': 'killed before',
  'crash after': 'killed after',
  exception: 'exception',
  slow: '`--timeout`, done in the grace period',
  hangs: '`--timeout`, never done',
  'store error': 'store error',
  'answer lost': 'done, answer lost',
}

const NONE = ['none', 'none', 'none'] as const
const ALL = ['applied', 'applied', 'applied'] as const
const FIRST = { changes: ['delete'], where: 'of the first change' } as const
const LATER = { changes: ['create', 'update'], where: 'of a later change' } as const
const LAST = { changes: ['update'], where: 'of the last change' } as const
const NOT_LAST = { changes: ['delete', 'create'], where: 'of a change before the last' } as const

const untouched = { outcomes: NONE, effects: 'none', mark: 'as before', next: 'run', recovers: 'nothing' } as const
const unsettled = { outcomes: NONE, effects: 'none', mark: 'started', next: 'run', recovers: 'the run' } as const
const stopped = { exit: 'by outcome', mark: 'failed', next: 'run', recovers: 'nothing' } as const
const died = { exit: null, mark: 'started', next: 'run' } as const
const all = { outcomes: ALL, effects: 'all' } as const
const finished = { ...all, mark: 'completed', next: 'skip', recovers: 'nothing' } as const

const EXPIRES = 'Nothing was changed. The lease holds until it expires (at once where its process is seen to be dead)'
const WHOLE = 'Makes all changes'
const REST = 'Makes what is left'
const SETTLES = 'Ends the record, takes what the journal tells into the ledger,'
const READS = 'names the change as unknown and reads its object again:'
const KNOWN = 'finds all done: plans nothing, completes the mark'
const NOTHING = 'Ends with 1; nothing was changed'

/** Steps before the first change at which a fault costs nothing. */
function early(step: Step, exceptions: readonly Fault[]): FaultRow[] {
  const crash: readonly Fault[] = step === 'lease' ? ['crash before', 'crash after'] : ['crash before']
  return [
    {
      step,
      faults: crash,
      exit: null,
      ...untouched,
      text: [EXPIRES, `${WHOLE}, once the lease is free; exit 75 until then`],
    },
    { step, faults: exceptions, exit: 1, ...untouched, text: [NOTHING, WHOLE] },
    { step, faults: ['slow', 'hangs'], exit: 1, ...untouched, text: [NOTHING, WHOLE] },
  ]
}

export const FAULT_ROWS: readonly FaultRow[] = [
  ...early('lease', ['exception', 'store error', 'answer lost']),
  ...early('state', ['exception', 'store error']),
  ...(['read', 'plan'] as const).flatMap((step): FaultRow[] => [
    ...early(step, ['exception']),
    {
      step,
      faults: ['store error'],
      exit: 75,
      ...untouched,
      text: ['A store that stays away for longer than the lease holds: lost, ends with 75; nothing was changed', WHOLE],
    },
  ]),

  {
    step: 'mark started',
    faults: ['crash before'],
    exit: null,
    ...untouched,
    text: [EXPIRES, `${WHOLE}, once the lease is free; exit 75 until then`],
  },
  {
    step: 'mark started',
    faults: ['exception', 'store error', 'hangs'],
    exit: 1,
    ...untouched,
    text: [NOTHING, WHOLE],
  },
  {
    step: 'mark started',
    faults: ['crash after'],
    exit: null,
    ...unsettled,
    text: [EXPIRES, 'Sees that an apply had begun, so is not skipped whatever its base; makes all changes'],
  },
  {
    step: 'mark started',
    faults: ['answer lost'],
    exit: 1,
    ...unsettled,
    text: [NOTHING, 'Sees that an apply had begun, so is not skipped whatever its base; makes all changes'],
  },
  {
    step: 'mark started',
    faults: ['slow'],
    ...stopped,
    outcomes: ['not-attempted', 'not-attempted', 'not-attempted'],
    effects: 'none',
    text: ['Ends with 1; no change is started, the mark says `failed`', 'Is not skipped; makes all changes'],
  },
  {
    step: 'record begun',
    faults: ['crash before', 'crash after'],
    exit: null,
    ...unsettled,
    text: [EXPIRES, `${SETTLES} and makes all changes`],
  },
  {
    step: 'record begun',
    faults: ['exception', 'store error', 'answer lost', 'hangs'],
    exit: 1,
    ...unsettled,
    text: [NOTHING, 'Is not skipped; makes all changes'],
  },
  {
    step: 'record begun',
    faults: ['slow'],
    ...stopped,
    outcomes: ['not-attempted', 'not-attempted', 'not-attempted'],
    effects: 'none',
    text: ['Ends with 1; no change is started, the mark says `failed`', 'Is not skipped; makes all changes'],
  },

  {
    step: 'intent',
    faults: ['crash before'],
    ...died,
    outcomes: ['applied', 'none', 'none'],
    effects: 'earlier',
    recovers: 'the run',
    text: ['Changes before it are made and in the journal', `${SETTLES} and makes what is left`],
  },
  {
    step: 'intent',
    faults: ['crash after'],
    ...died,
    outcomes: ['applied', 'unknown', 'none'],
    effects: 'earlier',
    recovers: 'the change',
    text: [
      'Changes before it are made and in the journal; this one is unknown',
      `${SETTLES} ${READS} not made, so it is made now`,
    ],
  },
  {
    step: 'intent',
    faults: ['exception', 'store error'],
    ...FIRST,
    exit: 4,
    ...unsettled,
    text: ['Ends with 4: no journal, no change', 'Is not skipped; makes all changes'],
  },
  {
    step: 'intent',
    faults: ['answer lost'],
    ...FIRST,
    exit: 4,
    ...unsettled,
    recovers: 'the change',
    text: ['Ends with 4: no journal, no change', `${SETTLES} ${READS} not made, so it is made now`],
  },
  {
    step: 'intent',
    faults: ['exception', 'store error', 'answer lost'],
    ...LATER,
    ...stopped,
    outcomes: ['applied', 'not-attempted', 'not-attempted'],
    effects: 'earlier',
    text: ['Starts no more; what is under way ends. Ends with 5', REST],
  },
  {
    step: 'intent',
    faults: ['slow'],
    ...stopped,
    outcomes: ['applied', 'not-attempted', 'not-attempted'],
    effects: 'earlier',
    text: ['Does not make it, and starts no more. Ends with 1, or with 5 when something was applied', REST],
  },
  {
    step: 'intent',
    faults: ['hangs'],
    ...FIRST,
    exit: 1,
    ...unsettled,
    text: [
      'Ends 10 s after the grace period: a store that does not answer then is given up',
      'Is not skipped; makes all changes',
    ],
  },
  {
    step: 'intent',
    faults: ['hangs'],
    ...LATER,
    ...stopped,
    mark: 'started',
    recovers: 'the run',
    outcomes: ['applied', 'not-attempted', 'not-attempted'],
    effects: 'earlier',
    text: [
      'Ends with 5, 10 s after the grace period: a store that does not answer then is given up',
      `${SETTLES} and makes what is left`,
    ],
  },

  {
    step: 'effect',
    faults: ['crash before'],
    ...died,
    outcomes: ['applied', 'unknown', 'none'],
    effects: 'earlier',
    recovers: 'the change',
    text: [
      'Changes before it are made and in the journal; this one is unknown',
      `${SETTLES} ${READS} not made, so it is made now`,
    ],
  },
  {
    step: 'effect',
    faults: ['crash after'],
    ...died,
    outcomes: ['applied', 'unknown', 'none'],
    effects: 'and it',
    recovers: 'the change',
    text: [
      'Changes before it are made and in the journal; this one is unknown',
      `${SETTLES} ${READS} as intended, so it is ours and not made again`,
    ],
  },
  {
    step: 'effect',
    faults: ['exception'],
    ...stopped,
    outcomes: ['applied', 'failed', 'applied'],
    effects: 'all but it',
    text: [
      'Failed; changes that do not depend on it go on. Ends with 5, or with 1 when nothing was applied',
      'Makes it',
    ],
  },
  {
    step: 'effect',
    faults: ['answer lost'],
    ...stopped,
    outcomes: ['applied', 'failed', 'applied'],
    effects: 'all',
    text: [
      'As an exception: it failed as far as anybody knows',
      'Finds the object as intended: it is ours, and nothing is made again',
    ],
  },
  {
    step: 'effect',
    faults: ['slow'],
    ...NOT_LAST,
    ...stopped,
    outcomes: ['applied', 'applied', 'not-attempted'],
    effects: 'and it',
    text: ['It ends, no other is started. Ends with 5', REST],
  },
  {
    step: 'effect',
    faults: ['slow'],
    ...LAST,
    ...finished,
    exit: 5,
    text: ['Everything is made and marked so; ends with 5 all the same, for it took longer than allowed', 'Is skipped'],
  },
  {
    step: 'effect',
    faults: ['hangs'],
    ...stopped,
    outcomes: ['applied', 'unknown', 'not-attempted'],
    effects: 'earlier',
    text: ['Given up after the grace period: unknown. Ends with 5', 'Reads its object again; makes what is left'],
  },
  {
    step: 'effect',
    faults: ['store error'],
    exit: 5,
    outcomes: ['applied', 'unknown', 'not-attempted'],
    effects: 'and it',
    mark: 'started',
    next: 'run',
    recovers: 'the change',
    text: [
      'A store that stays away for longer than the lease holds: starts no more, the change is unknown. Ends with 5',
      `${SETTLES} ${READS} as intended, so it is ours and not made again`,
    ],
  },

  {
    step: 'outcome',
    faults: ['crash before'],
    ...died,
    outcomes: ['applied', 'unknown', 'none'],
    effects: 'and it',
    recovers: 'the change',
    text: [
      'The change is unknown, although it was made',
      `${SETTLES} ${READS} as intended, so it is ours and not made again`,
    ],
  },
  {
    step: 'outcome',
    faults: ['crash after'],
    ...died,
    outcomes: ['applied', 'applied', 'none'],
    effects: 'and it',
    recovers: 'the run',
    text: ['What was made is in the journal', `${SETTLES} and makes what is left`],
  },
  {
    step: 'outcome',
    faults: ['exception', 'store error', 'answer lost'],
    ...finished,
    exit: 0,
    text: ['Warns and goes on: the run knows the outcome, and tells it in the ledger and the record', 'Is skipped'],
  },
  {
    step: 'outcome',
    faults: ['slow'],
    ...NOT_LAST,
    ...stopped,
    outcomes: ['applied', 'applied', 'not-attempted'],
    effects: 'and it',
    text: ['Starts no more. Ends with 5', REST],
  },
  {
    step: 'outcome',
    faults: ['slow'],
    ...LAST,
    ...finished,
    exit: 5,
    text: ['Everything is made and marked so; ends with 5 all the same, for it took longer than allowed', 'Is skipped'],
  },
  {
    step: 'outcome',
    faults: ['hangs'],
    exit: 5,
    outcomes: ['applied', 'applied', 'not-attempted'],
    effects: 'and it',
    mark: 'started',
    next: 'run',
    recovers: 'the change',
    text: [
      'Ends with 5, 10 s after the grace period; says that it was applied',
      `${SETTLES} ${READS} as intended, so it is ours and not made again`,
    ],
  },

  ...(['ledger', 'record told'] as const).flatMap((step): FaultRow[] => [
    {
      step,
      faults: ['crash before', 'crash after'],
      ...died,
      ...all,
      recovers: 'the run',
      text: ['Everything is made and in the journal', `${SETTLES} and ${KNOWN}`],
    },
    {
      step,
      faults: ['exception', 'store error', 'answer lost', 'hangs'],
      exit: 5,
      ...all,
      mark: 'started',
      next: 'run',
      recovers: 'the run',
      text: ['Everything is made and in the journal; ends with 5', `${SETTLES} and ${KNOWN}`],
    },
    {
      step,
      faults: ['slow'],
      ...finished,
      exit: 5,
      text: ['Goes on to the end; ends with 5, for it took longer than allowed', 'Is skipped'],
    },
  ]),
  {
    step: 'mark completed',
    faults: ['crash before'],
    ...died,
    ...all,
    recovers: 'the run',
    text: ['Everything is made, owned and recorded', `Takes the journal as told, and ${KNOWN}`],
  },
  {
    step: 'mark completed',
    faults: ['exception', 'store error', 'hangs'],
    exit: 5,
    ...all,
    mark: 'started',
    next: 'run',
    recovers: 'the run',
    text: ['Everything is made, owned and recorded; ends with 5', `Takes the journal as told, and ${KNOWN}`],
  },
  {
    step: 'mark completed',
    faults: ['crash after'],
    exit: null,
    ...finished,
    text: ['Everything is done; the lease expires', 'Is skipped'],
  },
  {
    step: 'mark completed',
    faults: ['slow', 'answer lost'],
    exit: 5,
    ...finished,
    text: ['Everything is done; ends with 5, for it could not tell, or not in time', 'Is skipped'],
  },
  {
    step: 'tidying',
    faults: ['crash before', 'crash after'],
    exit: null,
    ...finished,
    text: ['Everything is done; the lease expires', 'Is skipped; the next one that is not removes what lies about'],
  },
  {
    step: 'tidying',
    faults: ['exception', 'slow', 'hangs', 'store error', 'answer lost'],
    exit: 5,
    ...finished,
    text: ['Everything is done; ends with 5, for not all could be written, or not in time', 'Is skipped'],
  },
  {
    step: 'lease back',
    faults: ['crash before', 'crash after'],
    exit: null,
    ...finished,
    text: ['Everything is done; the lease expires', 'Is skipped'],
  },
  {
    step: 'lease back',
    faults: ['exception', 'slow', 'store error', 'answer lost'],
    exit: 0,
    ...finished,
    text: ['Everything is done; warns that the lease holds until it expires', 'Is skipped'],
  },
  {
    step: 'lease back',
    faults: ['hangs'],
    exit: 5,
    ...finished,
    text: [
      'Everything is done; ends with 5, 10 s after the grace period, for the store is given up and the record is not ended',
      'Is skipped',
    ],
  },
  {
    step: 'record ended',
    faults: ['crash before', 'crash after'],
    exit: null,
    ...finished,
    text: ['Everything is done and was recorded before', 'Is skipped'],
  },
  {
    step: 'record ended',
    faults: ['exception', 'hangs', 'store error', 'answer lost'],
    exit: 5,
    ...finished,
    text: ['Everything is done; ends with 5, for an apply that cannot record has failed', 'Is skipped'],
  },
  { step: 'record ended', faults: ['slow'], exit: 0, ...finished, text: ['Everything is done in time', 'Is skipped'] },
]

/** Faults that a step cannot have: what only reads leaves nothing behind, so there is no after, and no answer to lose. */
export const IMPOSSIBLE: readonly (readonly [Step, Fault])[] = (['state', 'read', 'plan'] as const).flatMap((step) => [
  [step, 'crash after'] as const,
  [step, 'answer lost'] as const,
])
