// A function whose result is kept: called at most once, whoever asks and however often.
export function once<T>(fn: () => T): () => T {
  let result: { readonly value: T } | undefined
  return () => (result ??= { value: fn() }).value
}
