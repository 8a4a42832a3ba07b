// How output looks: colour, symbols, width, log form; from flags, variables and what the terminal can do.
import type { LogLevel } from '../event.js'
import { createStyle, type Style } from '../report/style.js'
import type { Settings } from './options.js'
import { isCi, type ProcessContext } from './process-context.js'

export function styleOf(context: ProcessContext, settings: Settings, stream: 'stdout' | 'stderr'): Style {
  const { environment } = context
  const isTerminal = stream === 'stdout' ? context.stdoutIsTerminal : context.stderrIsTerminal
  return createStyle({
    color: hasColor(context, settings.color.value, isTerminal),
    unicode: environment['TERM'] !== 'dumb' && isUtf8(environment),
    // A terminal of no known size says 0.
    width: (isTerminal ? context.columns : 0) || 80,
    githubActions: environment['GITHUB_ACTIONS'] === 'true',
    // Azure Pipelines and TeamCity have commands of their own and need not set CI.
    runner: isCi(environment) || ['GITHUB_ACTIONS', 'TF_BUILD', 'TEAMCITY_VERSION'].some((name) => environment[name]),
  })
}

function hasColor({ environment }: ProcessContext, asked: 'auto' | 'always' | 'never', isTerminal: boolean): boolean {
  if (asked !== 'auto') return asked === 'always'
  // https://no-color.org: set and not empty. FORCE_COLOR=0 switches off.
  const forced = environment['FORCE_COLOR']
  if (environment['NO_COLOR'] !== undefined && environment['NO_COLOR'] !== '') return false
  if (forced !== undefined && forced !== '') return forced !== '0' && forced !== 'false'
  return isTerminal && environment['TERM'] !== 'dumb'
}

/** POSIX: the first of these that is set decides. Where none is, as in a container, most readers take UTF-8. */
function isUtf8(environment: ProcessContext['environment']): boolean {
  const locale = [environment['LC_ALL'], environment['LC_CTYPE'], environment['LANG']].find(
    (value) => value !== undefined && value !== '',
  )
  return locale === undefined || /utf-?8/i.test(locale)
}

export function logFormatOf(context: ProcessContext, settings: Settings): 'pretty' | 'json' {
  return settings.logFormat.value ?? (isCi(context.environment) && !context.stderrIsTerminal ? 'json' : 'pretty')
}

export function logLevelOf(settings: Settings): LogLevel {
  return settings.quiet.value ? 'warn' : settings.logLevel.value
}
