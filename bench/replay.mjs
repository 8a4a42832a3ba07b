// Rows of replaying the largest log that is kept, against an empty Node: whole processes, the code bundled as the command line is.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { bundleCli } from '../scripts/bundle-cli.mjs'
import { interleaved, median, timeChild } from './measure.mjs'

const PROGRAM = fileURLToPath(new URL('replay-program.mjs', import.meta.url))
const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** @type {readonly import('./command.mjs').Bench[]} */
export const replayBenches = ['pretty', 'json'].map((format) => ({
  name: `replay-${format}`,
  measure: (place) => measure(place, format),
}))

async function measure(place, format) {
  const inFolder = (name) => join(place.folder, name)
  const program = await bundleProgram(place)
  const lines = await writeLargestLog(place, inFolder('log.json'))
  writeFileSync(
    inFolder('empty-replay.cjs'),
    `const { readFileSync, writeFileSync } = require('node:fs')
if (process.platform === 'linux') writeFileSync(process.argv[2], readFileSync('/proc/self/status'))
`,
  )
  const memory = { node: [], own: [] }
  const side = (name, args) => ({
    run: () => {
      const status = inFolder(`${name}.status`)
      const ms = timeChild(process.execPath, [...args, status], { cwd: place.folder, env: place.env })
      if (process.platform === 'linux') memory[name].push(memoryOf(readFileSync(status, 'utf8')))
      return ms
    },
  })
  const { node, own } = await interleaved(
    {
      node: side('node', [inFolder('empty-replay.cjs')]),
      own: side('own', [program, inFolder('log.json'), format]),
    },
    { rounds: place.rounds },
  )
  const label = `replay of 1 MiB, ${lines.toLocaleString('en')} lines, ${format}`
  const cpu =
    own.cpuMs === undefined || node.cpuMs === undefined
      ? ''
      : `, processor time ${own.cpuMs.toFixed(0)} ms against ${node.cpuMs.toFixed(0)} ms`
  const note = `${own.ms.toFixed(0)} ms against ${node.ms.toFixed(0)} ms of an empty program${cpu}`
  const more = (kind) =>
    median(memory.own.map((sizes) => sizes[kind])) - median(memory.node.map((sizes) => sizes[kind]))
  return [
    { label, value: own.ms - node.ms, unit: ' ms', target: 30, note },
    ...(memory.own.length === 0
      ? []
      : [
          {
            label: `${label}, memory`,
            value: more('own'),
            unit: ' MiB',
            target: 12,
            note: `${(more('all') - more('own')).toFixed(0)} MiB more are pages of the program node, which its processes share`,
          },
        ]),
  ]
}

/** MiB: the highest resident size, and without what is mapped from files. Other systems do not tell it so. */
function memoryOf(status) {
  const size = (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024
  return { all: size('VmHWM'), own: size('VmHWM') - size('RssFile') }
}

async function bundleProgram({ folder }) {
  const outdir = join(folder, 'dist/cli')
  mkdirSync(outdir, { recursive: true })
  const files = await bundleCli({ root: ROOT, entry: PROGRAM, outdir })
  for (const { name, text } of files) writeFileSync(join(outdir, name), text)
  return join(outdir, 'trueup.cjs')
}

/** As many lines of about a hundred characters as are kept of a log without end. */
async function writeLargestLog({ built }, file) {
  const { createLogKeeper } = await import(pathToFileURL(join(built, 'report/log-keeper.js')).href)
  const keeper = createLogKeeper()
  for (let index = 0; index < 30_000; index += 1) {
    const level = index % 10 === 0 ? 'warn' : 'info'
    keeper.keep({ level, time: 1_767_225_600_000 + index * 7, message: messageOf(index) })
  }
  const log = keeper.kept()
  writeFileSync(file, JSON.stringify(log))
  return log.records.length
}

function messageOf(index) {
  return `host-${index}.example.com is as it should be: address 10.0.0.7, ttl 300, owned since the run before the last one`
}
