// The program: reads the command line, runs one command, prints what went wrong, sets the exit code. Never cuts output short.
import { isTrueupError, toError, type TrueupError } from '../errors.js'
import { exitCodeOf } from '../exit-codes.js'
import { installCapture, type InstalledCapture } from '../report/capture.js'
import { dataLines } from '../report/data-text.js'
import { createRedactor, type Redactor } from '../report/redact.js'
import type { CommandFunction } from './command.js'
import { runCommand } from './commands/run.js'
import type { CommandName } from './options-commands.js'
import { createOutput, type Output } from './output.js'
import { parseArguments } from './parse-arguments.js'
import type { ProcessContext } from './process-context.js'

/** One file a command; all but the one whose skips must be fast are loaded when they are asked for. */
const COMMANDS: Readonly<Record<CommandName, () => Promise<CommandFunction>>> = {
  plan: () => Promise.resolve(runCommand),
  apply: () => Promise.resolve(runCommand),
  run: () => Promise.resolve(runCommand),
  report: async () => (await import('./commands/report.js')).reportCommand,
  affected: async () => (await import('./commands/affected.js')).affectedCommand,
  'data validate': async () => (await import('./commands/data.js')).dataValidateCommand,
  'data bundle': async () => (await import('./commands/data.js')).dataBundleCommand,
  'shards list': async () => (await import('./commands/shards.js')).shardsListCommand,
  'shards verify': async () => (await import('./commands/shards.js')).shardsVerifyCommand,
  list: async () => (await import('./commands/list.js')).listCommand,
  show: async () => (await import('./commands/show.js')).showCommand,
  why: async () => (await import('./commands/why.js')).whyCommand,
  'runs list': async () => (await import('./commands/runs.js')).runsListCommand,
  'runs show': async () => (await import('./commands/runs.js')).runsShowCommand,
  'runs gc': async () => (await import('./commands/runs-gc.js')).runsGcCommand,
  history: async () => (await import('./commands/history.js')).historyCommand,
  undo: async () => (await import('./commands/undo.js')).undoCommand,
  destroy: async () => (await import('./commands/destroy.js')).destroyCommand,
  'owned list': async () => (await import('./commands/owned-list.js')).ownedListCommand,
  'owned adopt': async () => (await import('./commands/owned.js')).ownedAdoptCommand,
  'owned release': async () => (await import('./commands/owned.js')).ownedReleaseCommand,
  'owned move': async () => (await import('./commands/owned.js')).ownedMoveCommand,
  status: async () => (await import('./commands/status.js')).statusCommand,
  hold: async () => (await import('./commands/hold.js')).holdCommand,
  release: async () => (await import('./commands/hold.js')).releaseCommand,
  'lease list': async () => (await import('./commands/lease.js')).leaseListCommand,
  'lease release': async () => (await import('./commands/lease.js')).leaseReleaseCommand,
  'store check': async () => (await import('./commands/store-check.js')).storeCheckCommand,
  'store copy': async () => (await import('./commands/store-copy.js')).storeCopyCommand,
  'cache list': async () => (await import('./commands/cache.js')).cacheListCommand,
  'cache show': async () => (await import('./commands/cache-show.js')).cacheShowCommand,
  'cache delete': async () => (await import('./commands/cache.js')).cacheDeleteCommand,
  'cache gc': async () => (await import('./commands/cache.js')).cacheGcCommand,
  'doubts list': async () => (await import('./commands/doubts.js')).doubtsListCommand,
  'doubts resolve': async () => (await import('./commands/doubts-resolve.js')).doubtsResolveCommand,
  'durable list': async () => (await import('./commands/durable.js')).durableListCommand,
  'durable show': async () => (await import('./commands/durable.js')).durableShowCommand,
  'durable clear': async () => (await import('./commands/durable-clear.js')).durableClearCommand,
  'state list': async () => (await import('./commands/state.js')).stateListCommand,
  'state get': async () => (await import('./commands/state.js')).stateGetCommand,
  'state set': async () => (await import('./commands/state.js')).stateSetCommand,
  'state delete': async () => (await import('./commands/state.js')).stateDeleteCommand,
  'data query': async () => (await import('./commands/data-query.js')).dataQueryCommand,
  'data types': async () => (await import('./commands/data-types.js')).dataTypesCommand,
  'data serve': async () => (await import('./commands/data-serve.js')).dataServeCommand,
  serve: async () => (await import('./commands/serve.js')).serveCommand,
  'new integration': async () => (await import('./commands/new.js')).newIntegrationCommand,
  init: async () => (await import('./commands/init.js')).initCommand,
  doctor: async () => (await import('./commands/doctor.js')).doctorCommand,
  config: async () => (await import('./commands/config.js')).configCommand,
}

/** Runs the process's command line; resolves with its exit code when all output has been written. */
export async function main(): Promise<void> {
  const output = createOutput(process.stdout, process.stderr)
  const redactor = createRedactor(
    // A runner looks for commands on both streams; stdout is data.
    process.env['GITHUB_ACTIONS'] === 'true' ? { mask: (line) => output.err(addMask(line)) } : {},
  )
  const capture = installCapture({
    console,
    stdout: process.stdout,
    stderr: process.stderr,
    // Printed by code that no run has called: it must not get among the data of stdout.
    unowned: (line) => {
      output.err(`${dataLines(redactor.text(line))}\n`)
    },
  })
  tellWarnings(redactor, capture)
  tellCrashes(output, redactor)
  const context: ProcessContext = {
    argv: process.argv.slice(2),
    environment: process.env,
    cwd: process.cwd(),
    stdoutIsTerminal: process.stdout.isTTY,
    stderrIsTerminal: process.stderr.isTTY,
    // Opened only when somebody asks: it costs more than a small command.
    get stdinIsTerminal() {
      return process.stdin.isTTY
    },
    columns: process.stdout.columns,
    output,
    capture,
    redactor,
  }
  let hasEnded = false
  process.once('exit', (code) => {
    if (hasEnded || code !== 0) return
    // Node ends a process that waits for nothing, even in the middle of an await: that must not look like success.
    process.exitCode = 1
    context.output.err(
      'trueup: ended before it was done: it waited for a promise that nothing was left to settle (in an integration?). What was applied is in its journal; run again\n',
    )
  })
  process.exitCode = await runCommandLine(context)
  capture.flush()
  await context.output.drain()
  if (context.output.failure !== null && process.exitCode === 0) {
    context.output.err(`trueup: output was lost: ${context.output.failure.message}\n`)
    process.exitCode = 1
  }
  hasEnded = true
  // Author code that an interruption cut off, or a timer it left running, must not keep the process alive.
  if (await context.output.drain()) process.exit()
}

/** Node's remarks on how an author's file is loaded are nothing that its user can act on. Other warnings are shown, without secrets. */
function tellWarnings(redactor: Redactor, capture: InstalledCapture): void {
  const shown = process.listeners('warning')
  process.removeAllListeners('warning')
  process.on('warning', (warning: Error & { readonly code?: string }) => {
    const isAboutLoading =
      warning.code === 'MODULE_TYPELESS_PACKAGE_JSON' ||
      (warning.name === 'ExperimentalWarning' && /type strip/i.test(warning.message))
    if (isAboutLoading || capture.takeWarning(warning)) return
    warning.message = dataLines(redactor.text(warning.message))
    if (warning.stack !== undefined) warning.stack = dataLines(redactor.text(warning.stack))
    for (const listener of shown) listener(warning)
  })
}

/** What an author's code throws where nobody waits for it (a timer, a forgotten promise) would be printed as it is. */
function tellCrashes(output: Output, redactor: Redactor): void {
  process.once('uncaughtException', (thrown: unknown) => {
    const error = toError(thrown)
    output.err(`${dataLines(redactor.text(`trueup: Internal error: ${error.message}\n${stackOf(error)}`))}\n`)
    void output.drain().finally(() => process.exit(1))
  })
}

/** https://docs.github.com/actions/reference/workflow-commands-for-github-actions#masking-a-value-in-a-log */
function addMask(line: string): string {
  return `::add-mask::${line.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')}\n`
}

async function runCommandLine(context: ProcessContext): Promise<number> {
  const { argv, environment, output } = context
  try {
    const parsed = await parseArguments(argv, environment)
    switch (parsed.kind) {
      case 'version': {
        const { readTool } = await import('./tool.js')
        output.out(`${readTool().version}\n`)
        return 0
      }
      case 'help': {
        const { helpText } = await import('./help.js')
        const text = await helpText(parsed.command)
        if (parsed.asked) output.out(text)
        else output.err(text)
        return parsed.asked ? 0 : 64
      }
      case 'command': {
        for (const warning of parsed.warnings) output.err(`trueup: warning: ${warning}\n`)
        const command = await COMMANDS[parsed.command]()
        return await command({
          context,
          command: parsed.command,
          positionals: parsed.positionals,
          settings: parsed.settings,
        })
      }
    }
  } catch (thrown) {
    return await fail(context, toError(thrown))
  }
}

/** One or two lines for a person's mistake; a stack only for a bug or with --debug. */
async function fail(context: ProcessContext, error: Error): Promise<number> {
  const { argv, output, redactor } = context
  const known = isTrueupError(error) ? error : undefined
  const message = redactor.text(known?.message ?? `Internal error: ${error.message}`)
  // Data of authors are in it, and a runner takes commands from stderr too.
  const shown = dataLines(message)
  const [first = '', ...rest] = shown.split('\n')
  output.err(`trueup: ${[first, ...rest.map((line) => (line.startsWith('  ') ? line : `  ${line}`))].join('\n')}\n`)
  if (known === undefined || argv.includes('--debug')) output.err(`${dataLines(redactor.text(stackOf(error)))}\n`)
  const code = known === undefined ? 1 : exitCodeOf(known)
  if (wantsJson(context)) await failAsJson(output, code, known, message)
  return code
}

async function failAsJson(
  output: ProcessContext['output'],
  exitCode: number,
  known: TrueupError | undefined,
  message: string,
): Promise<void> {
  const { formatJson } = await import('../report/run-json.js')
  output.out(
    formatJson({ schema: 'trueup/1', exitCode, runs: [], error: { code: known?.code ?? 'internal', message } }),
  )
}

/** The command line may not have been understood; what it asked for is taken from its words, else from the variable. */
function wantsJson({ argv, environment }: ProcessContext): boolean {
  if (argv.some((word) => /^(?:-o|--output)/.test(word))) return asksForJson(argv)
  return environment['TRUEUP_OUTPUT'] === 'json'
}

function asksForJson(argv: readonly string[]): boolean {
  return argv.some(
    (word, index) =>
      word === '-ojson' ||
      word === '--output=json' ||
      ((word === '-o' || word === '--output') && argv[index + 1] === 'json'),
  )
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${stackOf(error.cause)}` : ''
  return `${error.stack ?? error.message}${cause}`
}

void main()
