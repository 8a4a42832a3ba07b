// Rows of replaying the largest log that is kept, against an empty Node: whole processes, the code bundled as the command line is.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { interleaved, median, timeChild } from './measure.mjs'

const PROGRAM = fileURLToPath(new URL('replay-program.mjs', import.meta.url))

/** @type {readonly import('./command.mjs').Bench[]} */
export const replayBenches = ['pretty', 'json'].map((format) => ({
  name: `replay-${format}`,
  measure: (place) => measure(place, format),
}))

async function measure(place, format) {
  const inFolder = (name) => join(place.folder, name)
  await bundleReporter(place, inFolder('reporter.mjs'))
  const lines = await writeLargestLog(place, inFolder('log.json'))
  writeFileSync(
    inFolder('empty-replay.mjs'),
    `import { readFileSync, writeFileSync } from 'node:fs'
if (process.platform === 'linux') writeFileSync(process.argv[2], readFileSync('/proc/self/status'))
`,
  )
  const memory = { node: [], own: [] }
  const side = (name, args) => ({
    run: () => {
      const status = inFolder(`${name}.status`)
      const ms = timeChild(process.execPath, [...args, status], { cwd: place.folder, env: place.env })
      // The highest resident size; other systems do not tell it so.
      if (process.platform === 'linux')
        memory[name].push(Number(/VmHWM:\s+(\d+)/.exec(readFileSync(status, 'utf8'))?.[1]) / 1024)
      return ms
    },
  })
  const { node, own } = await interleaved(
    {
      node: side('node', [inFolder('empty-replay.mjs')]),
      own: side('own', [PROGRAM, inFolder('reporter.mjs'), inFolder('log.json'), format]),
    },
    { rounds: place.rounds },
  )
  const label = `replay of 1 MiB, ${lines.toLocaleString('en')} lines, ${format}`
  const cpu =
    own.cpuMs === undefined || node.cpuMs === undefined
      ? ''
      : `, processor time ${own.cpuMs.toFixed(0)} ms against ${node.cpuMs.toFixed(0)} ms`
  const note = `${own.ms.toFixed(0)} ms against ${node.ms.toFixed(0)} ms of an empty program${cpu}`
  return [
    { label, value: own.ms - node.ms, unit: ' ms', target: 30, note },
    ...(memory.own.length === 0
      ? []
      : [{ label: `${label}, memory`, value: median(memory.own) - median(memory.node), unit: ' MiB', target: 12 }]),
  ]
}

async function bundleReporter({ built, folder }, outfile) {
  const contents = [
    `export { createLogReporter } from './report/log-reporter.js'`,
    `export { createStyle } from './report/style.js'`,
    `export { createOutput } from './cli/output.js'`,
  ].join('\n')
  await build({
    stdin: { contents, resolveDir: built },
    outfile,
    absWorkingDir: folder,
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    // Loaded when JSON is asked for, as a CommonJS package.
    banner: { js: `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)` },
  })
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
