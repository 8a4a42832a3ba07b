// Work that many ask for at once comes in; a function goes out that does it one at a time, and once more for all who asked meanwhile.

/** Each call resolves or rejects with a run of `work` that began after the call; however many wait, they share one. */
export function coalesced(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined

  function begin(): Promise<void> {
    const mine = work().finally(() => {
      running = undefined
    })
    running = mine
    return mine
  }

  return () => {
    if (running === undefined) return begin()
    next ??= running
      .catch(() => undefined)
      .then(() => {
        next = undefined
        // One that somebody began in between began after all who wait here had asked.
        return running ?? begin()
      })
    return next
  }
}
