// Object names in, objects out, through one long-lived `git cat-file --batch` that is started by the first question.
// Questions are pipelined: git answers in order. Must not be asked names with newlines (paths go by object id, read from trees).
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { TrueupError } from '../../errors.js'
import { OVER } from '../../util/deadline.js'
import { collectText, endGroup, type Git } from '../git.js'
import { AnswerParser, type ObjectAnswer } from './answer-parser.js'

export type { ObjectAnswer }

interface Question {
  readonly answer: (answer: ObjectAnswer) => void
  readonly fail: (error: Error) => void
}

interface Session {
  readonly child: ChildProcessWithoutNullStreams
  readonly stderr: { text(): string }
  readonly waiting: Question[]
  /** Index of the oldest unanswered question; shifting a long array would cost each time. */
  first: number
  readonly parser: AnswerParser
  /** Monotonic ms of the last sign of life. */
  activeAt: number
  watch: AbortController | undefined
  failure: TrueupError | undefined
}

const ARGS = ['cat-file', '--batch'] as const
/** How many bytes may be asked for ahead of the reader. */
const AHEAD_BYTES = 4 * 1024 * 1024
const AHEAD_COUNT = 1024

/** Reads objects of one repository. Several readers of one process are fine; a process serves all questions of its repository. */
export class ObjectReader {
  readonly #git: Git
  #session: Session | undefined
  #isClosed = false
  #closing: Promise<void> | undefined
  /** What was asked ahead. Of a name, which may mean another object later, each answer is given once; an id means the same for good. */
  readonly #named = new Map<string, ObjectAnswer[]>()
  readonly #byId = new Map<string, ObjectAnswer>()
  #asking: Promise<void> | undefined

  constructor(git: Git) {
    this.#git = git
  }

  /**
   * One object by id or any other name git understands.
   *
   * @throws TrueupError `git-failed`, also where a partial clone cannot fetch the object; `timeout`, `interrupted`, `git-missing`
   */
  async get(name: string): Promise<ObjectAnswer> {
    if (this.#asking !== undefined) await this.#asking
    return this.#answered(name) ?? (await this.#ask(name))
  }

  /**
   * Asks for objects that will be asked for soon, so that git starts and answers while the caller does other things: commits by name, as
   * often as each will be asked for; others by any name, to be asked for by their ids. Whatever fails is merely asked again later.
   */
  askAhead(names: readonly string[]): void {
    const answers = names.map(async (name) => {
      const answer = await this.#ask(name)
      if (answer.kind === 'found' && answer.type !== 'commit') this.#byId.set(answer.oid, answer)
      else this.#named.set(name, [...(this.#named.get(name) ?? []), answer])
    })
    this.#asking = Promise.allSettled(answers).then(() => {
      this.#asking = undefined
    })
  }

  #answered(name: string): ObjectAnswer | undefined {
    const known = this.#byId.get(name)
    // A copy: the caller owns the bytes it is given.
    if (known?.kind === 'found') return { ...known, content: Buffer.from(known.content) }
    return this.#named.get(name)?.shift()
  }

  #ask(name: string): Promise<ObjectAnswer> {
    if (/[\n\0]/.test(name)) return Promise.resolve({ kind: 'missing' })
    return new Promise((resolve, reject) => {
      try {
        const session = this.#open()
        session.waiting.push({ answer: resolve, fail: reject })
        if (session.waiting.length - session.first === 1) this.#busy(session)
        session.child.stdin.write(`${name}\n`)
      } catch (error) {
        reject(this.#git.explain(ARGS, error))
      }
    })
  }

  /** One object that must be there. */
  async content(oid: string): Promise<Buffer> {
    const answer = await this.get(oid)
    if (answer.kind === 'found') return answer.content
    throw new TrueupError(
      'git-failed',
      `object ${oid} is not in ${this.#git.place.root}: run \`git fsck\` there, or clone it again`,
      { details: { oid } },
    )
  }

  /** Many objects in the order given, each asked for ahead of its turn but never more than a few MiB ahead. */
  async *contents(oids: readonly string[]): AsyncGenerator<Buffer, void, void> {
    const ahead: Promise<Buffer>[] = []
    let next = 0
    let largest = 1
    for (let index = 0; index < oids.length; index += 1) {
      const limit = Math.max(1, Math.min(AHEAD_COUNT, Math.floor(AHEAD_BYTES / largest)))
      // Refill in bulk: questions written together reach git together.
      if (ahead.length <= limit / 2) {
        while (next < oids.length && ahead.length < limit) {
          const oid = oids[next]
          next += 1
          if (oid === undefined) break
          const pending = this.content(oid)
          // Told by the await below; one that is never awaited (the caller stopped) must not be an unhandled rejection.
          pending.catch(() => undefined)
          ahead.push(pending)
        }
      }
      const pending = ahead.shift()
      if (pending === undefined) return
      const content = await pending
      if (content.length > largest) largest = content.length
      yield content
    }
  }

  /** Ends the process. Questions still open fail. */
  async close(): Promise<void> {
    this.#isClosed = true
    const session = this.#session
    if (session !== undefined && this.#closing === undefined) {
      this.#closing = new Promise((resolve) => {
        session.child.ref()
        session.child.once('close', () => {
          resolve()
        })
        if (session.waiting.length > session.first) {
          this.#fail(
            session,
            new TrueupError('git-failed', `the repository ${this.#git.place.root} was closed while it was being read`),
          )
        }
        session.child.stdin.end()
      })
    }
    await this.#closing
  }

  #open(): Session {
    if (this.#isClosed) throw new TrueupError('git-failed', `the repository ${this.#git.place.root} is closed`)
    if (this.#session !== undefined) return this.#session
    const child = this.#git.start(ARGS)
    const session: Session = {
      child,
      stderr: collectText(child.stderr),
      waiting: [],
      first: 0,
      parser: new AnswerParser(),
      activeAt: this.#git.clock.monotonic(),
      watch: undefined,
      failure: undefined,
    }
    this.#session = session
    const onAbort = (): void => {
      this.#fail(session, this.#git.interrupted(ARGS))
    }
    this.#git.signal?.addEventListener('abort', onAbort, { once: true })
    // What went wrong is told by the exit and stderr, not by EPIPE.
    child.stdin.on('error', () => undefined)
    child.stdout.on('data', (chunk: Buffer) => {
      this.#receive(session, chunk)
    })
    child.once('error', (error) => {
      this.#fail(session, this.#git.explain(ARGS, error))
    })
    child.once('close', (code, signal) => {
      this.#git.signal?.removeEventListener('abort', onAbort)
      this.#fail(session, this.#git.failure(ARGS, code ?? signal ?? 'unknown', session.stderr.text()))
    })
    return session
  }

  #receive(session: Session, chunk: Buffer): void {
    session.activeAt = this.#git.clock.monotonic()
    try {
      for (const answer of session.parser.push(chunk)) {
        session.waiting[session.first]?.answer(answer)
        session.first += 1
        // An answered question holds its content until it is dropped.
        if (session.first >= AHEAD_COUNT) session.first -= session.waiting.splice(0, session.first).length
      }
    } catch (error) {
      this.#fail(session, this.#git.explain(ARGS, error))
      return
    }
    if (session.first === session.waiting.length) {
      session.waiting.length = 0
      session.first = 0
      this.#idle(session)
    }
  }

  /** Only a process with open questions keeps ours alive, and only then is there a time limit. */
  #busy(session: Session): void {
    session.child.ref()
    setStreamRef(session.child, true)
    session.activeAt = this.#git.clock.monotonic()
    const watch = new AbortController()
    session.watch = watch
    void this.#watchOver(session, watch.signal)
  }

  #idle(session: Session): void {
    session.watch?.abort(OVER)
    session.watch = undefined
    session.child.unref()
    setStreamRef(session.child, false)
  }

  async #watchOver(session: Session, signal: AbortSignal): Promise<void> {
    const { clock, timeoutMs } = this.#git
    try {
      for (;;) {
        const left = session.activeAt + timeoutMs - clock.monotonic()
        if (left <= 0) break
        await clock.sleep(left, signal)
      }
    } catch {
      return
    }
    if (!signal.aborted) this.#fail(session, this.#git.timedOut(ARGS))
  }

  /** The next question starts a new process. */
  #fail(session: Session, error: TrueupError): void {
    if (this.#session === session) this.#session = undefined
    session.watch?.abort(OVER)
    const failure = (session.failure ??= error)
    const open = session.waiting.splice(0).slice(session.first)
    session.first = 0
    for (const question of open) question.fail(failure)
    endGroup(session.child)
  }
}

/** Pipes of a child are sockets, which keep the process alive on their own. */
function setStreamRef(child: ChildProcessWithoutNullStreams, isNeeded: boolean): void {
  for (const stream of [child.stdin, child.stdout, child.stderr]) {
    const handle = stream as Partial<{ ref(): void; unref(): void }>
    if (isNeeded) handle.ref?.()
    else handle.unref?.()
  }
}
