// A scheduler's time in tests: moves a fake clock from one sleeper to the next, so that hours pass exactly as they would.
import type { FakeClock } from '../../src/testing.js'

/** Lets everything that waits for no time go on. */
export function settleAll(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

/** Moves time on by `ms`, stopping wherever somebody is to be woken. */
export async function pass(clock: FakeClock, ms: number): Promise<void> {
  const end = clock.monotonic() + ms
  await settleAll()
  for (;;) {
    const next = clock.nextWake()
    if (next === undefined || next > end) break
    clock.advance(next - clock.monotonic())
    await settleAll()
  }
  clock.advance(end - clock.monotonic())
  await settleAll()
}
