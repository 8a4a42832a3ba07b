// What a person may do at a page. Types only; whoever does it is recorded with it.

export interface Acts {
  /** Makes it due now. @returns false where there is no such target */
  run(target: string, by: string): Promise<boolean>
  /** @returns false where there is no such target */
  hold(asked: HoldAsked): Promise<boolean>
  /** @returns false where none was in force */
  release(asked: ReleaseAsked): Promise<boolean>
  /** @returns false where it has been settled meanwhile */
  resolve(asked: ResolveAsked): Promise<boolean>
  /** Somebody gave a wrong token, or none of these pages sent the form. */
  refused(why: string): void
}

export interface HoldAsked {
  readonly target: string
  /** One line. */
  readonly reason: string
  readonly forMs: number
  readonly by: string
}

export interface ReleaseAsked {
  /** null: of all. */
  readonly target: string | null
  /** Of this alone. @defaultValue of the target as a whole */
  readonly part?: HeldPartName
  readonly by: string
}

export interface HeldPartName {
  readonly kind: 'shard' | 'object'
  readonly key: string
}

export interface ResolveAsked {
  readonly id: string
  readonly as: 'done' | 'absent'
  readonly by: string
}
