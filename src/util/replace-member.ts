// A function of a shared object comes in, its replacement goes there until it is put back.

/** Calling the result puts the original back, unless somebody else has replaced it since. */
export function replaceMember<T extends object, K extends keyof T>(
  owner: T,
  name: K,
  make: (original: T[K]) => T[K],
): () => void {
  const original = owner[name]
  const replacement = make(original)
  owner[name] = replacement
  return () => {
    if (owner[name] === replacement) owner[name] = original
  }
}
