// The text of a trueup.yaml in, a checked Config out, or every problem at once with its line. Reads no file.
// Apart from config.ts because a kept Config needs neither the checker nor the yaml library, which costs more than a whole skip.
import { TrueupError } from '../errors.js'
import { afterFaults } from './config-after.js'
import { scheduleFaults } from './config-freezes.js'
import { policyFaults } from './config-policies.js'
import type { ConfigProblem } from './config-check.js'
import { checkDocument } from './config-check.js'
import { CONFIG_VERSION, configShape } from './config-shape.js'
import type { Config } from './config-types.js'
import { didYouMean } from '../util/suggest.js'

/** Checks the text of a trueup.yaml; `file` is how messages call it. `config-invalid` tells all problems, one a line, each as `file:line:column: …`. */
export async function parseConfig(text: string, file: string): Promise<Config> {
  const yaml = await import('yaml')
  const counter = new yaml.LineCounter()
  const document = yaml.parseDocument(text, {
    lineCounter: counter,
    version: '1.2',
    schema: 'core',
    uniqueKeys: true,
    merge: false,
    prettyErrors: false,
  })
  const syntax = [...document.errors, ...document.warnings].map((error): ConfigProblem => ({
    offset: error.pos[0],
    message: error.message,
  }))
  const place = (offset: number): string => {
    const { line, col } = counter.linePos(offset)
    return `${file}:${Math.max(1, line)}:${Math.max(1, col)}`
  }
  if (syntax.length > 0)
    throw invalid(
      await told(syntax, place),
      syntax.map((problem) => place(problem.offset)),
    )

  const version = versionProblem(yaml.isMap(document.contents) ? document.contents.get('version', true) : undefined)
  if (version !== undefined) throw invalid(await told([version], place), [place(version.offset)])
  const { value, problems, lines } = checkDocument(yaml, document, counter, configShape())
  if (problems.length > 0)
    throw invalid(
      await told(problems, place),
      problems.map((problem) => place(problem.offset)),
    )
  // The shape says of each key what the interface says of it.
  const config: Config = { ...(value as unknown as Omit<Config, 'file' | 'lines'>), file, lines }
  const faults = [...afterFaults(config), ...scheduleFaults(config), ...policyFaults(config)].map(
    ({ line, message }) => ({
      at: `${file}:${line}`,
      message,
    }),
  )
  if (faults.length > 0)
    throw invalid(
      faults.map(({ at, message }) => `${at}: ${message}`).join('\n'),
      faults.map(({ at }) => at),
    )
  return config
}

/** A file of another version may have any keys: only its version is told. */
function versionProblem(node: unknown): ConfigProblem | undefined {
  const { value, range } = (node ?? {}) as { value?: unknown; range?: readonly [number, number, number] }
  if (typeof value !== 'number' || value === CONFIG_VERSION) return undefined
  return {
    offset: range?.[0] ?? 0,
    message: `this trueup reads version ${CONFIG_VERSION} of trueup.yaml, not ${value}: use a trueup that knows it, or set version: ${CONFIG_VERSION}`,
  }
}

async function told(problems: readonly ConfigProblem[], place: (offset: number) => string): Promise<string> {
  const inOrder = problems.toSorted((a, b) => a.offset - b.offset)
  const lines = inOrder.map(async ({ offset, message, word, candidates }) => {
    const suggestion = word === undefined || candidates === undefined ? '' : didYouMean(word, candidates)
    return `${place(offset)}: ${message}${suggestion}`
  })
  return (await Promise.all(lines)).join('\n')
}

function invalid(message: string, places: readonly string[]): TrueupError {
  return new TrueupError('config-invalid', message, places.length === 0 ? {} : { details: { places } })
}
