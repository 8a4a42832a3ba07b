// doctor: checks git, the store, the configuration and (with a target) its integration; says what is off and how to mend it.
// Writes probe objects to the store and removes them again; changes nothing else.
import { isTrueupError, toError } from '../../errors.js'
import type { Style } from '../../report/style.js'
import { systemClock } from '../../util/clock.js'
import { formatDuration } from '../../util/duration.js'
import { styleOf } from '../appearance.js'
import type { CommandInput } from '../command.js'
import { resolveTargets, secretsOf } from '../config-targets.js'
import { checkSecrets } from '../doctor-secrets.js'
import { loadOptions, loadTarget, targetOf } from '../load-target.js'
import { openSecrets } from '../open-secrets.js'
import { openStoreOf } from '../open-target.js'
import { printed } from '../print.js'
import { isCi } from '../process-context.js'
import { openProject, type Project } from '../project.js'

export interface Check {
  readonly result: 'ok' | 'warn' | 'fail'
  readonly what: string
  /** What was found, what is off as a result, and how to mend it. */
  readonly text: string
}

export async function doctorCommand(input: CommandInput): Promise<number> {
  const { context } = input
  const checks: Check[] = []
  let project: Project | undefined
  try {
    project = await openProject(context, input.settings)
    checks.push(
      ...(await checkGit(project)),
      checkConfig(project),
      ...(await checkIntegrations(project)),
      ...(await checkStore(project, isCi(context.environment))),
    )
    const [name] = input.positionals
    if (name !== undefined) checks.push(...(await checkTarget(project, name, context.environment)))
  } catch (thrown) {
    checks.push({ result: 'fail', what: whatFailed(thrown), text: toError(thrown).message })
  } finally {
    await project?.repository.close()
  }
  const settings = project?.settings ?? input.settings
  const style = styleOf(context, settings, 'stdout')
  const exitCode = checks.some(({ result }) => result === 'fail') ? 1 : 0
  context.output.out(
    await printed(settings, {
      json: () => ({ schema: 'trueup/1', exitCode, checks }),
      text: () =>
        checks.map((check) => `${mark(check, style)}  ${check.what.padEnd(13)} ${style.data(check.text)}\n`).join(''),
    }),
  )
  return exitCode
}

/** What a person looks for, where the whole could not be opened. */
function whatFailed(thrown: unknown): string {
  if (!isTrueupError(thrown)) return 'trueup'
  if (thrown.code === 'config-invalid') return 'configuration'
  return thrown.code === 'git-missing' || thrown.code === 'git-failed' || thrown.code === 'source-unavailable'
    ? 'git'
    : thrown.code
}

function mark({ result }: Check, style: Style): string {
  const paint = { ok: style.green, warn: style.yellow, fail: style.red }[result]
  return paint(result.padEnd(4))
}

async function checkGit(project: Project): Promise<readonly Check[]> {
  const facts = await project.repository.facts()
  const checks: Check[] = [{ result: 'ok', what: 'git', text: `${facts.tool}, repository ${project.repository.root}` }]
  if (facts.commit === null) {
    checks.push({
      result: 'warn',
      what: 'commit',
      text: 'there is no commit yet: nothing can be compared with. Make one with: git commit',
    })
  }
  if (facts.shallow) {
    checks.push({
      result: 'warn',
      what: 'history',
      text: 'this clone is shallow: a base that is not here is fetched by its full id, other names are not. In GitHub Actions, fetch-depth: 0 brings all',
    })
  }
  return checks
}

function checkConfig(project: Project): Check {
  if (project.configFile === null)
    return {
      result: 'warn',
      what: 'configuration',
      text: 'there is no trueup.yaml here or above; defaults are in force. Write one with: trueup init',
    }
  const targets = resolveTargets(project.config).size
  return {
    result: 'ok',
    what: 'configuration',
    text: `${project.configFile}, ${String(targets)} ${targets === 1 ? 'target' : 'targets'}`,
  }
}

async function checkIntegrations(project: Project): Promise<readonly Check[]> {
  const { listIntegrations } = await import('../../load-integration.js')
  const found = await listIntegrations(await loadOptions(project))
  const broken = found.flatMap((it): Check[] =>
    it.kind === 'broken' ? [{ result: 'fail', what: 'integration', text: it.problem }] : [],
  )
  const known = new Set(found.map(({ name }) => name))
  const missing = [...resolveTargets(project.config).values()].flatMap((target): Check[] => {
    if (known.has(target.integration) || /[/\\]/.test(target.integration)) return []
    return [
      {
        result: 'fail',
        what: 'target',
        text: `${target.name} wants the integration "${target.integration}", which is not there; \`trueup list\` shows those that are`,
      },
    ]
  })
  return [
    { result: 'ok', what: 'integrations', text: `${String(found.length - broken.length)} can be loaded` },
    ...broken,
    ...missing,
  ]
}

async function checkStore(project: Project, ci: boolean): Promise<readonly Check[]> {
  const url = project.settings.store.value
  try {
    const store = await openStoreOf(project, url)
    const { probeStore } = await import('../../store/probe.js')
    const began = systemClock.monotonic()
    const { fault, steps } = await probeStore(store, systemClock, store.conditions === 'sound' ? { rounds: 1 } : {})
    const spent = formatDuration(Math.max(1, Math.round(systemClock.monotonic() - began)))
    await store.close()
    const checks: Check[] = [
      fault === null
        ? {
            result: 'ok',
            what: 'store',
            text: `${store.description}: no fault in ${String(steps.length)} tests of conditions, reads and races, ${spent}`,
          }
        : {
            result: 'fail',
            what: 'store',
            text: `${store.description} ${fault}, so runs could overlap: applies and durable functions are refused, dry runs and the run cache work`,
          },
      ...steps.flatMap(({ name, result, tried, seen }): Check[] =>
        seen === null ? [] : [{ result, what: name === 'clock' ? 'clock' : 'store', text: `${tried}: ${seen}` }],
      ),
    ]
    if (ci && store.description.startsWith('file:')) {
      checks.push({
        result: 'warn',
        what: 'store',
        text: 'a file: store in CI is forgotten with the job unless it is kept: an apply then refuses to start without --init-store',
      })
    }
    return checks
  } catch (thrown) {
    return [{ result: 'fail', what: 'store', text: toError(thrown).message }]
  }
}

async function checkTarget(
  project: Project,
  name: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<readonly Check[]> {
  try {
    const target = await targetOf(project, name)
    const { definition, params } = await loadTarget({ project, target, params: {}, ci: false })
    const inputs = typeof definition.inputs === 'function' ? definition.inputs(params) : (definition.inputs ?? [])
    await using head = await project.repository.head({ committed: false })
    const files = await head.entries(inputs)
    const backend = openSecrets(secretsOf(project.config), { directory: project.directory, environment })
    return [
      { result: 'ok', what: 'target', text: `${target.name}: parameters are valid` },
      files.length > 0 || inputs.length === 0
        ? {
            result: 'ok',
            what: 'inputs',
            text: `${String(files.length)} ${files.length === 1 ? 'file matches' : 'files match'} ${inputs.join(', ')}`,
          }
        : { result: 'warn', what: 'inputs', text: `no file matches ${inputs.join(', ')}: nothing is desired` },
      ...(await checkSecrets(definition.secrets ?? [], backend)),
    ]
  } catch (thrown) {
    return [{ result: 'fail', what: 'target', text: toError(thrown).message }]
  }
}
