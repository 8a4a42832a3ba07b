// In: --rounds n (default 25), --only name (a beginning; repeatable), --list. Out: a table of ratios with their targets, met or missed.
// Always exits 0 when everything could be measured: a busy machine is no failure. KEEP_TEMP=1 keeps the generated repositories.
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

/**
 * @typedef {object} Place where and how everything is measured
 * @property {string} folder temporary, absolute
 * @property {NodeJS.ProcessEnv} env of every child
 * @property {string} bin bin/trueup.js of this checkout
 * @property {string} built folder of the built library
 * @property {number} rounds
 *
 * @typedef {object} Row
 * @property {string} label
 * @property {number} [value] undefined: could not be measured here; `note` says why
 * @property {string} [unit] written behind the value
 * @property {number} [target] at most this; without one it is only told
 * @property {string} [note]
 *
 * @typedef {object} Bench
 * @property {string} name for --only
 * @property {(place: Place) => Row[] | Promise<Row[]>} measure
 */

/** @param {readonly Bench[]} benches */
export async function benchCommand(benches) {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '25' },
      only: { type: 'string', multiple: true, default: [] },
      list: { type: 'boolean', default: false },
    },
  })
  const rounds = Number(values.rounds)
  const chosen = benches.filter(
    ({ name }) => values.only.length === 0 || values.only.some((start) => name.startsWith(start)),
  )
  if (values.list) for (const { name } of benches) console.log(name)
  else if (!Number.isInteger(rounds) || rounds < 1) usage(`--rounds takes a whole number from 1, not ${values.rounds}`)
  else if (chosen.length === 0) usage(`nothing is called ${values.only.join(', ')}; --list prints the names`)
  else await measureAll(chosen, rounds)
}

async function measureAll(chosen, rounds) {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'trueup-bench-')))
  try {
    for (const name of ['home', 'cache']) mkdirSync(join(folder, name))
    const place = {
      folder,
      env: childEnvironment(folder),
      bin: fileURLToPath(new URL('../bin/trueup.js', import.meta.url)),
      built: fileURLToPath(new URL('../dist/src', import.meta.url)),
      rounds,
    }
    console.log(
      `Node ${process.versions.node}, ${String(cpus().length)} processors, load ${load()}, ${String(rounds)} rounds`,
    )
    const missed = []
    for (const { name, measure } of chosen) {
      for (const row of await measure(place)) {
        print(name, row)
        if (row.value > row.target) missed.push(row.label)
      }
    }
    console.log(
      `load at the end ${load()}; ${missed.length === 0 ? 'every target met' : `missed: ${missed.join('; ')}`}`,
    )
  } finally {
    if (process.env.KEEP_TEMP === undefined) rmSync(folder, { recursive: true, force: true })
    else console.log(`kept ${folder}`)
  }
}

/** Nothing of the machine's own settings; more certificates would cost Node time on both sides. */
function childEnvironment(folder) {
  const { PATH, TMPDIR, SystemRoot } = process.env
  return {
    PATH,
    ...(TMPDIR === undefined ? {} : { TMPDIR }),
    ...(SystemRoot === undefined ? {} : { SystemRoot }),
    HOME: join(folder, 'home'),
    XDG_CACHE_HOME: join(folder, 'cache'),
    GIT_CONFIG_NOSYSTEM: '1',
    NO_COLOR: '1',
    TZ: 'UTC',
  }
}

function print(name, { label, value, unit = '', target, note = '' }) {
  const digits = unit === ' MiB' ? 0 : value < 0.2 ? 3 : 2
  const shown = value === undefined ? 'left out' : `${value.toFixed(digits)}${unit}`
  const goal = target === undefined ? '' : `<= ${String(target)}${unit}`
  const verdict = value === undefined || target === undefined ? '' : value <= target ? 'met' : 'MISSED'
  console.log(
    `${name.padEnd(20)} ${label.padEnd(50)} ${shown.padStart(9)}  ${goal.padEnd(11)} ${verdict.padEnd(7)} ${note}`.trimEnd(),
  )
}

function load() {
  return loadavg()[0].toFixed(1)
}

function usage(message) {
  console.error(`bench: ${message}`)
  process.exitCode = 64
}
