// What a run may ask of its lease while it acts. A port: the engine and the state documents know this much, and nothing of how leases are kept.

/** Held while a run may change things; every change and every write of state asks it first. */
export interface LeaseGuard {
  /** Aborted with a `lease-lost` error before the lease can be anybody else's. */
  readonly signal: AbortSignal
  /** The clocks alone: a process that was frozen notices here. @throws lease-lost */
  check(): Promise<void>
  /** As {@link check}, and the store is asked whether the lease was taken or released. @throws lease-lost, store-unavailable */
  verify(): Promise<void>
  /** The fencing token of a shard: higher with each lease of it, kept in what is written under this lease. */
  token(shard: string): number
}
