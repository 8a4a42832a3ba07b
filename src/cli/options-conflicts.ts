// Settings that cannot stand together in, a usage error out. Looks at values only; no file, no environment.
import { DEFAULT_ZONE, zoneFault, zonesOf } from '../early-exit/trust-zones.js'
import { TrueupError } from '../errors.js'
import type { RunMode } from '../event.js'
import type { CommandName } from './options-commands.js'
import type { Settings } from './options.js'

/** Throws `usage` for the first contradiction. */
export function checkConflicts(command: CommandName, positionals: readonly string[], settings: Settings): void {
  const acting = settings.apply.value ? settings.apply.from : settings.noDryRun.value ? settings.noDryRun.from : null
  const dry = settings.dryRun.value ? settings.dryRun.from : null
  const target = /^[\w./-]+$/.test(positionals[0] ?? '') ? ` ${String(positionals[0])}` : ''
  if (acting !== null && dry !== null) refuse(`${acting} and ${dry} contradict each other: leave one out`)
  if (command === 'plan' && acting !== null)
    refuse(`trueup plan never changes anything, so it refuses ${acting}: use \`trueup apply${target}\``)
  if (command === 'apply' && dry !== null)
    refuse(`trueup apply carries the plan out, so it refuses ${dry}: use \`trueup plan${target}\``)
  if (settings.requireCompare.value && settings.compareWith.value === undefined) {
    const from = String(settings.requireCompare.from)
    refuse(
      `${from} needs something to compare with: --base <rev>, or TRUEUP_EARLY_EXIT_COMPARE_SHA, which is empty or not set`,
    )
  }
  if (settings.noCache.value && settings.cache.value !== 'off' && settings.cache.origin === 'flag')
    refuse(`--no-cache and --cache ${settings.cache.value} contradict each other: leave one out`)
  if (settings.bundle.value !== undefined && settings.revision.origin === 'flag')
    refuse('--bundle and --revision both say which data is asked: leave one out')
  checkZones(settings)
  if (command === 'plan' || command === 'apply' || command === 'run') checkSelection(positionals, settings)
  if (settings.onlyAffected.value) {
    const from = String(settings.onlyAffected.from)
    if (settings.compareWith.value === undefined)
      refuse(`${from} needs a revision to compare with: --base <rev>, or TRUEUP_EARLY_EXIT_COMPARE_SHA`)
    if (settings.shards.value.length > 0)
      refuse(`${from} and ${String(settings.shards.from)} both say which shards to run: leave one out`)
  }
  if (settings.output.value === 'github-matrix' && command !== 'affected')
    refuse(
      `${String(settings.output.from)}: only \`trueup affected\` has that form; the others are text, json, markdown`,
    )
  const { value: out } = settings.out
  if (out !== undefined && settings.reports.value.some((report) => report.file === out)) {
    refuse(`the plan and a report would be written to one file, ${out}: give them two`)
  }
}

function checkSelection(names: readonly string[], settings: Settings): void {
  const { allTargets, labels, exclude, expectPlan } = settings
  const chosen = allTargets.value ? allTargets.from : labels.value.length > 0 ? labels.from : null
  if (names.length > 0 && chosen !== null)
    refuse(`names and ${chosen} contradict each other: name the targets, or let ${chosen} choose them`)
  if (exclude.value.length > 0 && chosen === null)
    refuse('--exclude leaves out some of the targets that --all or --label chooses: add one of them')
  if (names.length < 2 && chosen === null) return
  if (expectPlan.value !== undefined)
    refuse('--expect-plan is the digest of one plan, and several targets have one each: name one target')
}

function checkZones({ trustZone, trustZoneRead }: Settings): void {
  for (const { value, from } of [trustZone, trustZoneRead]) {
    const fault = value === undefined ? undefined : zoneFault(value)
    if (fault !== undefined) refuse(`${String(from)}: the trust zone ${JSON.stringify(value)} ${fault}`)
  }
  if (trustZoneRead.value === undefined) return
  const own = trustZone.value ?? DEFAULT_ZONE
  if (zonesOf(own).trusted)
    refuse(
      `${String(trustZoneRead.from)} is for runs that are not trusted, but the zone ${own} is: a trusted run reads its own entries alone. Leave it out, or name the zone of this run with --trust-zone untrusted-<name>`,
    )
}

/** What the command and its flags amount to: `plan` never applies, `apply` always does, `run` with --apply or --no-dry-run. */
export function runModeOf(command: 'plan' | 'apply' | 'run', settings: Settings): RunMode {
  if (command === 'plan') return 'dry-run'
  return command === 'apply' || settings.apply.value || settings.noDryRun.value ? 'apply' : 'dry-run'
}

function refuse(message: string): never {
  throw new TrueupError('usage', message)
}
