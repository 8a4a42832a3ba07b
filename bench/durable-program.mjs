// In: the built library's folder, rounds, an empty folder on the disk to measure. Out: one JSON object of medians of one call. By durable.mjs.
import { createHash, randomUUID } from 'node:crypto'
import * as fs from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { interleaved, timed } from './measure.mjs'

const [built, rounds, folder] = process.argv.slice(2)
const load = (path) => import(pathToFileURL(join(built, path)).href)
const { createDurable, openStore } = await load('outside-run.js')
const { openDirectoryStore } = await load('store/directory-store.js')
const { systemClock } = await load('util/clock.js')
const fsync = promisify(fs.fsync)

const HITS = 200
/** A disk is not as fast one moment as the next: single calls in turn, and more of them. */
const MISSES_A_ROUND = 10
/** First calls of each side that do not count: until then much is compiled. */
const WARM_UP = 50
const effect = async (account, amount) => ({ id: `payment-${account}`, account, amount, at: new Date(0).toISOString() })

const own = await durableOn(await openStore(`file:${join(folder, 'own')}`))
const steps = []
const watched = await openDirectoryStore(join(folder, 'watched'), {
  clock: systemClock,
  fault: (step) => steps.push(step.slice(0, step.indexOf(' '))),
})
const written = await writesOfOneCall(watched)
const byHand = await handOn(join(folder, 'hand'), written)
const lookup = lookupRunStore(join(folder, 'lookup'))

let next = 0
const hits = (call) => ({
  before: () => call('known', 1),
  run: async () => (await timed(() => repeat(HITS, () => call('known', 1)))) / HITS,
})
const misses = (call) => ({ run: () => timed(() => call(`account-${String((next += 1))}`, 1)) })
for (const { run } of [own, byHand, lookup].map(misses)) await repeat(WARM_UP, run)
const known = await interleaved({ own: hits(own), lookup: hits(lookup) }, { rounds: Number(rounds) })
const first = await interleaved(
  { own: misses(own), hand: misses(byHand), lookup: misses(lookup) },
  { rounds: Number(rounds) * MISSES_A_ROUND },
)
console.log(
  JSON.stringify({
    hitUs: known.own.ms * 1000,
    missMs: first.own.ms,
    handMs: first.hand.ms,
    syncs: written.steps.filter((step) => step === 'fsync').length,
    lookup: { hitUs: known.lookup.ms * 1000, missMs: first.lookup.ms },
  }),
)

async function durableOn(store) {
  const { durable } = createDurable({ store, namespace: 'bench' })
  const call = durable('pay', { idempotent: true }, effect)
  // The first call of a store makes its folders and its key.
  await call('first', 1)
  return call
}

async function repeat(count, work) {
  for (let index = 0; index < count; index += 1) await work()
}

/** The bytes that a first call writes, and the steps on the disk that it takes. */
async function writesOfOneCall(store) {
  const values = []
  const put = store.put.bind(store)
  store.put = (key, value, options) => {
    values.push(value)
    return put(key, value, options)
  }
  const call = await durableOn(store)
  values.length = 0
  steps.length = 0
  await call('second', 1)
  const [claim, result] = values
  return { claim, result, steps: [...steps] }
}

/** A first call as src/store/directory/write-key.ts writes it down, with the same bytes and as many synced files and folders, and nothing else. */
async function handOn(root, { claim, result, steps: expected }) {
  const calls = join(root, 'objects/durable/bench')
  fs.mkdirSync(calls, { recursive: true })
  fs.mkdirSync(join(root, 'prepared'))
  const done = []
  const step = (name, work) => {
    done.push(name)
    return work()
  }
  const sync = (handle) => step('fsync', () => fsync(handle))
  const write = async (path, bytes, isSynced) => {
    const file = step('write', () => fs.openSync(path, 'wx'))
    step('fill', () => bytes.byteLength > 0 && fs.writeSync(file, bytes))
    if (isSynced) await sync(file)
    fs.closeSync(file)
  }
  const syncFolder = async (path) => {
    const handle = fs.openSync(path, 'r')
    await sync(handle)
    fs.closeSync(handle)
  }
  const call = async (account, amount) => {
    done.length = 0
    const [first, second] = [randomUUID(), randomUUID()]
    const prepared = join(root, 'prepared', first)
    step('mkdir', () => fs.mkdirSync(prepared))
    await write(join(prepared, `d.${first}`), claim, true)
    await write(join(prepared, `t.0.${first}`), new Uint8Array(), false)
    await syncFolder(prepared)
    const folderOfCall = join(calls, `${createHash('sha256').update(account).digest('hex')}@`)
    step('rename', () => fs.renameSync(prepared, folderOfCall))
    for (let above = dirname(folderOfCall); above !== dirname(root); above = dirname(above)) await syncFolder(above)
    const value = await effect(account, amount)
    await write(join(folderOfCall, `d.${second}`), result, true)
    step('rename', () => fs.renameSync(join(folderOfCall, `t.0.${first}`), join(folderOfCall, `t.0.${second}`)))
    await syncFolder(folderOfCall)
    step('unlink', () => fs.unlinkSync(join(folderOfCall, `d.${first}`)))
    return value
  }
  await call('second', 1)
  if (done.join() !== expected.join())
    throw new Error(`what is done by hand is not what the store does:\n${done.join()}\n${expected.join()}`)
  return call
}

/** The usual design: one file a call, looked for, else run and stored. Two callers at once run twice, and so does who dies before storing. */
function lookupRunStore(root) {
  fs.mkdirSync(root)
  return async (...args) => {
    const path = join(
      root,
      createHash('sha256')
        .update(`pay\n${JSON.stringify(args)}`)
        .digest('hex'),
    )
    try {
      return JSON.parse(await fs.promises.readFile(path, 'utf8'))
    } catch (error) {
      if (error.code !== 'ENOENT') throw error
    }
    const value = await effect(...args)
    const file = await fs.promises.open(path, 'w')
    try {
      await file.writeFile(JSON.stringify(value))
      await file.sync()
    } finally {
      await file.close()
    }
    return value
  }
}
