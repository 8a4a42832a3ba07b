// trueup.yaml: what a checked one holds, where it is found (by walking up), and which settings it carries. Parsing: config-parse.ts.
// Opens nothing that it names: whether that exists is for those who use it.
import { stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { TrueupError } from '../errors.js'
import { isFile } from '../util/path-kind.js'
import type { Config } from './config-types.js'
import type { FileOptionName, Setting, Settings } from './options.js'

export type { Config }

const CONFIG_FILE_NAME = 'trueup.yaml'

/** What is in force without a file. */
export function emptyConfig(): Config {
  return { file: null, version: 1, lines: {} }
}

/**
 * The absolute path of the configuration: `config` (from `directory`) where it is given, else the first trueup.yaml in `directory` or above.
 * The search ends at the root of the repository: what lies outside of it has no revisions to compare. Undefined when there is none.
 * A `config` that does not exist, and a `trueup.yml` where no `trueup.yaml` is found, are `config-invalid`.
 */
export async function findConfigFile(options: {
  readonly directory: string
  readonly config?: string | undefined
}): Promise<string | undefined> {
  if (options.config !== undefined) {
    const file = resolve(options.directory, options.config)
    if (await isFile(file)) return file
    throw invalid(`there is no configuration file ${options.config} (--config, looked for at ${file})`)
  }
  const directories = await upwards(resolve(options.directory))
  for (const directory of directories) {
    const file = join(directory, CONFIG_FILE_NAME)
    if (await isFile(file)) return file
  }
  for (const directory of directories) {
    const file = join(directory, 'trueup.yml')
    if (await isFile(file))
      throw invalid(
        `${file} is not read: the configuration is called ${CONFIG_FILE_NAME}. Rename it, or pass --config ${file}`,
      )
  }
  return undefined
}

/**
 * Checks the text of a trueup.yaml; `file` is how messages call it. `config-invalid` tells all problems, one a line, each as `file:line:column: …`.
 * Checker and yaml library load only here: they cost more than a whole skip, and a kept Config needs neither.
 */
export async function parseConfig(text: string, file: string): Promise<Config> {
  const parser = await import('./config-parse.js')
  return parser.parseConfig(text, file)
}

/** The settings that the file holds, to lie under flags and variables (`withFileSettings`). */
export function fileSettings(config: Config): {
  readonly [N in FileOptionName]?: Setting<NonNullable<Settings[N]['value']>>
} {
  const setting = <T>(name: FileOptionName, value: T | undefined): Record<string, Setting<T>> => {
    const line = config.lines[name]
    const from = `${config.file ?? CONFIG_FILE_NAME}${line === undefined ? '' : `:${line}`}`
    return value === undefined ? {} : { [name]: { value, origin: 'file', from } }
  }
  return {
    ...setting('store', config.store),
    ...setting('timeout', config.timeout),
    ...setting('concurrency', config.concurrency),
    ...setting('logLevel', config.logLevel),
    ...setting('ttl', config.ttl),
  }
}

function invalid(message: string): TrueupError {
  return new TrueupError('config-invalid', message)
}

async function upwards(directory: string): Promise<readonly string[]> {
  const directories = [directory]
  for (let current = directory; !(await exists(join(current, '.git'))) && dirname(current) !== current;) {
    current = dirname(current)
    directories.push(current)
  }
  return directories
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined
}
