// What a person is told of a target: when its state changes, once a change. Words and texts; sends nothing.

/** What is wrong with a target, as long as it is. */
export type Condition = 'blocked' | 'partly-applied' | 'failed' | 'doubt' | 'overdue'
/** `recovered`: nothing is wrong any more. */
export type NoticeKind = Condition | 'recovered'

export const NOTICE_KINDS: readonly NoticeKind[] = [
  'blocked',
  'partly-applied',
  'failed',
  'doubt',
  'overdue',
  'recovered',
]
/** One that fails is tried again, and is overdue before long. */
export const USUAL_KINDS: readonly NoticeKind[] = NOTICE_KINDS.filter((kind) => kind !== 'failed')

export interface Notice {
  /** ULID: the same when it is delivered again. */
  readonly id: string
  readonly kind: NoticeKind
  readonly target: string
  readonly labels: Readonly<Record<string, string>>
  /** UTC ms. */
  readonly at: number
  /** How the run ended, or since when it is overdue: one or two lines, without secrets. */
  readonly summary: string
  /** Id of the run that showed it; null where it was none. */
  readonly run: string | null
  /** Of `recovered`: what was wrong. */
  readonly was: readonly Condition[]
}

const TITLES: Readonly<Record<NoticeKind, string>> = {
  blocked: 'is blocked',
  'partly-applied': 'is applied in part',
  failed: 'fails',
  doubt: 'has an outcome that nobody knows',
  overdue: 'is overdue',
  recovered: 'has recovered',
}

/** `is blocked`, behind the name of the target. */
export function noticeTitle({ kind }: Pick<Notice, 'kind'>): string {
  return TITLES[kind]
}

/** As it is sent: the same fields in every form. */
export function noticeJson({ at, ...notice }: Notice): object {
  return { schema: 'trueup/1', ...notice, at: new Date(at).toISOString() }
}
