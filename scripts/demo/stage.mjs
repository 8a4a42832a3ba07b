// What the halves of the demo stand on: a temporary folder with a git repository, commands run in it with their real output, and what is
// announced compared with what came out.
import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Nothing that runs longer than this is waited for. */
const LONGEST = 60_000

/**
 * @typedef {object} Stage
 * @property {string} folder temporary, absolute
 * @property {string} repository
 * @property {(text: string) => void} say
 * @property {(text: string) => void} step
 * @property {(path: string, text: string) => void} write in the repository
 * @property {(words: string, ...last: string[]) => Promise<void>} git
 * @property {(words: string, expected: { exits?: number, prints: readonly string[] }) => Promise<string>} trueup gives its output
 * @property {(variables: Record<string, string>) => void} declare variables for all commands that follow
 */

/**
 * @param {{ folder: string, bin: string, signal: AbortSignal }} options `signal` ends what is running
 * @returns {Stage}
 */
export function createStage({ folder, bin, signal }) {
  const [repository, home] = [join(folder, 'repository'), join(folder, 'home')]
  const declared = {}
  for (const path of [repository, home]) mkdirSync(path)

  const say = (text) => void process.stdout.write(`${text}\n`)

  /** Nothing of this machine's settings gets in, but for what says that this is CI. One file for both streams keeps their order. */
  async function run(command, args) {
    const { PATH, TMPDIR, CI, NO_COLOR } = process.env
    const fixed = { HOME: home, GIT_CONFIG_NOSYSTEM: '1', TRUEUP_LOG_FORMAT: 'pretty' }
    const env = { PATH, TMPDIR, CI, NO_COLOR, ...fixed, ...declared }
    const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined))
    const log = join(folder, 'output')
    const descriptor = openSync(log, 'w')
    const child = spawn(command, args, {
      cwd: repository,
      env: given,
      stdio: ['ignore', descriptor, descriptor],
      signal,
      timeout: LONGEST,
    })
    closeSync(descriptor)
    const status = await new Promise((resolve, reject) => {
      child.on('error', (error) => reject(new Error(`${command} could not be run: ${error.message}`)))
      child.on('close', (code, ended) => resolve(code ?? ended))
    })
    return { status, output: readFileSync(log, 'utf8') }
  }

  return {
    folder,
    repository,
    say,
    step: (text) => say(`\n# ${text}`),
    declare: (variables) => void Object.assign(declared, variables),
    write(path, text) {
      const file = join(repository, path)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, text)
    },
    async git(words, ...last) {
      const identity = ['-c', 'user.name=trueup demo', '-c', 'user.email=demo@trueup.invalid']
      const { status, output } = await run('git', [...identity, ...words.split(' '), ...last])
      if (status !== 0) throw new Error(`git ${words} ended with ${status}: ${output}`)
      if (words.startsWith('commit')) say(`$ git commit -m '${last[0]}'`)
    },
    async trueup(words, { exits = 0, prints }) {
      say(`$ trueup ${words}`)
      const { status, output } = await run(process.execPath, [bin, ...words.split(' ')])
      say(output.trimEnd())
      if (exits !== 0) say(`(exit ${exits})`)
      if (status !== exits) throw new Error(`\`trueup ${words}\` ended with ${status}, not with ${exits}`)
      const missing = prints.find((text) => !output.includes(text))
      if (missing !== undefined) throw new Error(`\`trueup ${words}\` did not print ${JSON.stringify(missing)}`)
      return output
    },
  }
}
