// The style and the script of the pages as routes. Their names carry their digest, so that a browser keeps them until they change.
import type { Answer } from '../answer.js'
import type { Asked, Route } from '../server.js'
import { SCRIPT } from './script.js'
import { STYLE } from './style.js'
import { digestBytes } from '../../../util/digest.js'

const digestOf = (text: string): string => digestBytes(text).slice(0, 16)
const style = { path: '/assets/page.css', contentType: 'text/css; charset=utf-8', text: STYLE, digest: digestOf(STYLE) }
const script = {
  path: '/assets/page.js',
  contentType: 'text/javascript; charset=utf-8',
  text: SCRIPT,
  digest: digestOf(SCRIPT),
}

export const STYLE_PATH = `${style.path}?v=${style.digest}`
export const SCRIPT_PATH = `${script.path}?v=${script.digest}`

export function assetRoutes(): readonly Route[] {
  return [style, script].map((asset) => ({
    method: 'GET',
    path: asset.path,
    answer: (asked) => assetAnswer(asset, asked),
  }))
}

function assetAnswer({ contentType, text, digest }: typeof style, { url, headers }: Asked): Answer {
  const etag = `"${digest}"`
  const isExact = url.searchParams.get('v') === digest
  const own = { etag, 'cache-control': isExact ? 'public, max-age=31536000, immutable' : 'no-cache' }
  if (headers['if-none-match'] === etag) return { status: 304, contentType, body: '', headers: own }
  return { status: 200, contentType, body: text, headers: own }
}
