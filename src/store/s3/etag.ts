// The store's etags: `<write id>:<ETag of S3>`. Text in, parts out. A text of somebody else's making is an etag that no object has.

/** As the ETag of a write that is known to have been replaced. */
export const REPLACED = '"replaced"'

export function formatEtag(write: string, etag: string): string {
  return `${write}:${etag}`
}

export function parseEtag(text: string): { readonly write: string | null; readonly etag: string } {
  const parts = /^([0-9a-f-]{36}\.\d+|-):((?:W\/)?"[\x21\x23-\x7e]*"|[\w-]+)$/.exec(text)
  if (parts === null) return { write: null, etag: '"no-such-etag"' }
  const [, write = '-', etag = ''] = parts
  return { write: write === '-' ? null : write, etag }
}
