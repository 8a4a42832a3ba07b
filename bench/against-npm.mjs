// Rows of a hit with 200 lines of log against turbo (its native program, and through its shim for Node) and wireit, which know nothing of an outside
// system: the same repository, the same input files, whole processes in turn.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cachedRepository, fillCache, lineOf, LINES, PLAN } from './cached-repository.mjs'
import { interleaved, timeChild } from './measure.mjs'

const SIZES = [1, 5_000]
/** Only where the number of files counts. */
const TARGETS = { 5_000: { shim: 0.5, wireit: 0.08 } }

const RIVALS = {
  'print.mjs': `const lineOf = ${String(lineOf)}
for (let index = 0; index < ${String(LINES)}; index += 1) console.log(lineOf(index))
`,
  'turbo.json': JSON.stringify({ tasks: { work: { inputs: ['data/**', 'print.mjs'], outputs: [] } } }),
  'package.json': JSON.stringify({
    name: 'rivals',
    private: true,
    packageManager: 'npm@10.9.0',
    scripts: { work: 'node print.mjs', wired: 'wireit' },
    wireit: { wired: { command: 'node print.mjs', files: ['data/**', 'print.mjs'], output: [], packageLocks: [] } },
  }),
}

/** @type {readonly import('./command.mjs').Bench[]} */
export const againstBenches = SIZES.map((inputs) => ({
  name: `hit-${String(inputs)}`,
  measure: (place) => measure(place, inputs),
}))

let installed
/** Once a run: the newest of both, without their scripts. */
function install({ folder }) {
  if (installed !== undefined) return installed
  const home = join(folder, 'installed')
  mkdirSync(home)
  writeFileSync(join(home, 'package.json'), '{"private":true}')
  const args = ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error', 'turbo', 'wireit']
  execFileSync('npm', args, { cwd: home, stdio: ['ignore', 'ignore', 'inherit'], shell: process.platform === 'win32' })
  return (installed = join(home, 'node_modules'))
}

async function measure(place, inputs) {
  const modules = install(place)
  const cwd = cachedRepository(place, { name: `against-${String(inputs)}`, inputs, files: RIVALS })
  symlinkSync(modules, join(cwd, 'node_modules'))
  const env = {
    ...place.env,
    TURBO_TELEMETRY_DISABLED: '1',
    DO_NOT_TRACK: '1',
    WIREIT_LOGGER: 'simple',
    npm_config_update_notifier: 'false',
  }
  const [platform = ''] = readdirSync(join(modules, '@turbo'))
  const commands = {
    own: [process.execPath, place.bin, ...PLAN],
    native: [join(modules, '@turbo', platform, 'bin/turbo'), 'run', 'work'],
    shim: [process.execPath, join(modules, 'turbo/bin/turbo'), 'run', 'work'],
    wireit: ['npm', 'run', 'wired'],
  }
  fillCache(place, { cwd, env })
  refuseOtherThanHits(commands, { cwd, env })
  const sides = Object.entries(commands).map(([name, [command, ...args]]) => [
    name,
    { run: () => timeChild(command, args, { cwd, env }) },
  ])
  const times = await interleaved(Object.fromEntries(sides), { rounds: place.rounds })
  const row = (name, what) => {
    const [value, target] = [times.own.ms / times[name].ms, TARGETS[inputs]?.[name]]
    const cpu =
      times.own.cpuMs === undefined ? '' : `, processor time ${cpuOf(times.own)} against ${cpuOf(times[name])}`
    const who = value > 1 ? `; ${what} wins here` : ''
    return {
      label: `a hit, ${inputs.toLocaleString('en')} input files, against ${what}`,
      value,
      unit: 'x',
      ...(target === undefined ? {} : { target }),
      note: `${times.own.ms.toFixed(0)} ms against ${times[name].ms.toFixed(0)} ms${cpu}${who}`,
    }
  }
  return [row('native', 'native turbo'), row('shim', 'turbo'), row('wireit', 'wireit')]
}

const cpuOf = ({ cpuMs }) => `${cpuMs.toFixed(0)} ms`

/** wireit prints nothing again of what is fresh, and says so; turbo prints all lines. */
function refuseOtherThanHits({ native, wireit }, options) {
  for (const [[command, ...args], proof] of [
    [native, new RegExp(`${lineOf(LINES - 1)}[^]*1 cached, 1 total`)],
    [wireit, /Already fresh/],
  ]) {
    const run = () => spawnSync(command, args, { ...options, encoding: 'utf8' })
    run()
    const { stdout, stderr } = run()
    if (!proof.test(stdout)) throw new Error(`no hit of ${command} ${args.join(' ')}:\n${stdout.slice(-2000)}${stderr}`)
  }
}
