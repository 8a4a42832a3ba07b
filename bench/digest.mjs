// Digest at 10 MB (100,000 records) against JSON.stringify + SHA-256 and fast-json-stable-stringify + SHA-256: interleaved rounds, ratios.
// Run after `npm run build`; with `node --expose-gc` memory is measured more exactly.
import { createHash } from 'node:crypto'
import stable from 'fast-json-stable-stringify'
import { writeCanonical } from '../dist/src/util/canonical-json.js'
import { digestOf } from '../dist/src/util/digest.js'

const rounds = 15
const sha256 = (text) => createHash('sha256').update(text).digest('hex')

/** @param tags whether each record also holds a small list */
function records(tags) {
  const made = Array.from({ length: 100_000 }, (_, index) => ({
    zone: `zone${index % 50}.example.com`,
    name: `host-${index}`,
    type: index % 3 ? 'A' : 'CNAME',
    value: `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`,
    ttl: 300 + (index % 7),
    ...(tags ? { tags: ['a', 'b'], enabled: index % 2 === 0 } : { comment: `for service ${index}` }),
  }))
  // As read from a file.
  return JSON.parse(JSON.stringify(made))
}

function timed(fn) {
  const start = performance.now()
  fn()
  return performance.now() - start
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

/** The highest resident size seen between pieces, over the one before, in MiB. */
function extraMemory(data) {
  globalThis.gc?.()
  const before = process.memoryUsage.rss()
  let highest = before
  const hash = createHash('sha256')
  writeCanonical(data, (piece) => {
    hash.update(piece)
    highest = Math.max(highest, process.memoryUsage.rss())
  })
  return (highest - before) / 1024 / 1024
}

for (const [name, data] of [
  ['flat records', records(false)],
  ['records with a small list', records(true)],
]) {
  if (digestOf(data) !== sha256(stable(data))) throw new Error(`${name}: the digest is not that of the canonical text`)
  const memory = extraMemory(data)
  const native = []
  const canonical = []
  for (let round = 0; round < rounds; round++) {
    const own = timed(() => digestOf(data))
    native.push(own / timed(() => sha256(JSON.stringify(data))))
    if (round % 5 === 0) canonical.push(own / timed(() => sha256(stable(data))))
  }
  const size = (JSON.stringify(data).length / 1e6).toFixed(1)
  console.log(
    `digest, ${size} MB of ${name}: ${median(native).toFixed(2)}x JSON.stringify + SHA-256 (target 1.6), ` +
      `${median(canonical).toFixed(2)}x fast-json-stable-stringify + SHA-256 (target 0.35), ${memory.toFixed(0)} MiB extra (target 20)`,
  )
}
