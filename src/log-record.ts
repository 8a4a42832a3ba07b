// What is logged in a run, and what is told of it later. Part of the words of event.ts, where everybody takes them from.
// Type declarations only: nothing here runs.
import type { Json } from './event.js'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/**
 * How a line came about: `ctx.log`, a method of `console`, a warning of the process, a line of a program that `ctx.exec` started, or something
 * written to one of the process's own streams.
 */
export type LogSource = 'log' | 'console' | 'warning' | 'exec' | 'stdout' | 'stderr'

/** One line that an integration (or trueup on its behalf) logged. `time` is UTC ms. */
export interface LogRecord {
  readonly level: LogLevel
  readonly time: number
  /** May have several lines; holds no other control characters than line breaks and tabs. */
  readonly message: string
  /** @defaultValue log */
  readonly source?: LogSource
  readonly fields?: Readonly<Record<string, Json>>
  readonly shard?: string
}

/** The log of an earlier run, in place of running. */
export interface ReplayedEvent {
  readonly kind: 'replayed'
  readonly target: string
  /** Id of the cache entry. */
  readonly entry: string
  /** The run that logged it. */
  readonly run: string
  readonly ageMs: number
  /** UTC ms. */
  readonly expiresAt: number
  readonly zone: string
  readonly records: readonly LogRecord[]
  /** Lines that were not kept; the place where they are missing is told by a record. */
  readonly dropped: number
  /** The command that deletes the entry, pasteable. @defaultValue `trueup cache delete <entry>` */
  readonly forget?: string
}
