// Which HTTP methods only read, as HTTP itself promises (RFC 9110, safe methods).

/** In any case of letters. */
export function isSafeMethod(method: string): boolean {
  return ['GET', 'HEAD', 'OPTIONS'].includes(method.toUpperCase())
}
