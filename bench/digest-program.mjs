// A process of its own, so that memory is that of the digest. In: folder of the built library, rounds. Out: JSON, an object a kind of data.
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import stable from 'fast-json-stable-stringify'
import { interleaved, timed } from './measure.mjs'

const [built, rounds] = process.argv.slice(2)
const load = (path) => import(pathToFileURL(join(built, path)).href)
const { writeCanonical } = await load('util/canonical-json.js')
const { digestOf } = await load('util/digest.js')
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

/** The highest resident size seen between pieces, over the one before, in MiB. */
function extraMemory(data) {
  globalThis.gc()
  const before = process.memoryUsage.rss()
  let highest = before
  const hash = createHash('sha256')
  writeCanonical(data, (piece) => {
    hash.update(piece)
    highest = Math.max(highest, process.memoryUsage.rss())
  })
  return (highest - before) / 1024 / 1024
}

async function measure(name, data) {
  // First, before other ways of doing it have made the process large.
  const extraMiB = extraMemory(data)
  if (digestOf(data) !== sha256(stable(data))) throw new Error(`${name}: the digest is not that of the canonical text`)
  const side = (work) => ({ run: () => timed(() => work(data)) })
  const sides = { own: side(digestOf), plain: side((it) => sha256(JSON.stringify(it))) }
  const { own, plain } = await interleaved(sides, { rounds: Number(rounds) })
  const slow = { own: side(digestOf), stable: side((it) => sha256(stable(it))) }
  const canonical = await interleaved(slow, { rounds: Math.max(3, Math.ceil(Number(rounds) / 5)) })
  return {
    name,
    megabytes: JSON.stringify(data).length / 1e6,
    plain: own.ms / plain.ms,
    stable: canonical.own.ms / canonical.stable.ms,
    extraMiB,
  }
}

console.log(
  JSON.stringify([
    await measure('flat records', records(false)),
    await measure('records with a small list', records(true)),
  ]),
)
