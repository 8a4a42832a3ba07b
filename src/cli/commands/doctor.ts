// doctor: checks git, the store, the configuration and (with a target) its integration; says what is off and how to mend it.
// Writes one probe object to the store and removes it again; changes nothing else.
import { isTrueupError, toError } from '../../errors.js'
import type { Style } from '../../report/style.js'
import { storeKey, type ObjectStore } from '../../store/object-store.js'
import { systemClock } from '../../util/clock.js'
import { newUlid } from '../../util/ulid.js'
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
