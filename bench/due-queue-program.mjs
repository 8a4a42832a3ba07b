// In: the built library's folder, rounds. Out: one JSON object of medians. Started by due-queue.mjs in a process of its own, so that memory can be told.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { median } from './measure.mjs'

const [built, rounds] = process.argv.slice(2)
const { createDueQueue } = await import(pathToFileURL(join(built, 'schedule/due-queue.js')).href)

const MANY = 1_000_000
const SOME = 100_000
const keys = Array.from({ length: MANY }, (_, index) => `target-${index}`)
const dueOf = (index, count) => ((index * 7919) % count) * 3600

function usEach(count, work) {
  const start = performance.now()
  for (let index = 0; index < count; index++) work(index)
  return ((performance.now() - start) * 1000) / count
}

function measureMany() {
  globalThis.gc()
  const before = process.memoryUsage()
  const queue = createDueQueue()
  const scheduleUs = usEach(MANY, (index) => queue.schedule(keys[index], 1 + dueOf(index, MANY)))
  globalThis.gc()
  const after = process.memoryUsage()
  const bytes = (after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers) / MANY
  let seen = 0
  const idleUs = usEach(MANY, () => (seen += queue.popDue(0).length))
  const nextUs = usEach(MANY, () => (seen += queue.next().at))
  const moveUs = usEach(MANY, (index) => queue.schedule(keys[(index * 104_729) % MANY], index % 3600))
  if (seen === 0) throw new Error('nothing was done')
  return { bytes, scheduleUs, idleUs, nextUs, moveUs }
}

function measureSome() {
  const queue = createDueQueue()
  const map = new Map()
  for (let index = 0; index < SOME; index++) {
    queue.schedule(keys[index], dueOf(index, SOME))
    map.set(keys[index], dueOf(index, SOME))
  }
  const now = (SOME / 100 - 1) * 3600
  const scan = (until) => {
    const due = []
    for (const [key, at] of map) if (at <= until) due.push({ key, at })
    return due.sort((a, b) => a.at - b.at)
  }
  const scanIdleMs = usEach(1, () => scan(-1)) / 1000
  const idleMs = usEach(1000, () => queue.popDue(-1)) / 1000
  let start = performance.now()
  const popped = queue.popDue(now)
  const popMs = performance.now() - start
  start = performance.now()
  const scanned = scan(now)
  for (const { key } of scanned) map.delete(key)
  const scanMs = performance.now() - start
  if (popped.length !== SOME / 100 || scanned.length !== popped.length) throw new Error('not what was due')
  return { popMs, scanMs, popRatio: popMs / scanMs, idleRatio: idleMs / scanIdleMs }
}

const each = (measure, count) => {
  measure()
  const results = Array.from({ length: count }, measure)
  return Object.fromEntries(Object.keys(results[0]).map((name) => [name, median(results.map((it) => it[name]))]))
}
console.log(JSON.stringify({ ...each(measureMany, Math.min(5, Number(rounds))), ...each(measureSome, Number(rounds)) }))
