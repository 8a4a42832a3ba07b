// The lease of a run that nobody disturbs, for tests of what is written under one.
import type { LeaseGuard } from '../../src/store/lease-guard.js'

export const unguarded: LeaseGuard = {
  signal: new AbortController().signal,
  check: () => Promise.resolve(),
  verify: () => Promise.resolve(),
  token: () => 1,
}
