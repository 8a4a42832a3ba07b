// store check: tries what locking relies on, and tells what was tried and what was seen. Writes objects of its own and removes them; exit 1 on a fault.
import { formatDuration } from '../../util/duration.js'
import { systemClock } from '../../util/clock.js'
import { probeStore, type ProbeReport } from '../../store/probe.js'
import { styleOf } from '../appearance.js'
import type { CommandInput } from '../command.js'
import { openStoreOf } from '../open-target.js'
import { printed } from '../print.js'
import { openProject } from '../project.js'

export async function storeCheckCommand(input: CommandInput): Promise<number> {
  const { context } = input
  const project = await openProject(context, input.settings)
  try {
    const { settings } = project
    const store = await openStoreOf(project, settings.store.value)
    const began = systemClock.monotonic()
    const report = await probeStore(store, systemClock)
    const spentMs = Math.round(systemClock.monotonic() - began)
    await store.close()
    const exitCode = report.fault === null ? 0 : 1
    const style = styleOf(context, settings, 'stdout')
    const paint = { ok: style.green, warn: style.yellow, fail: style.red }
    context.output.out(
      await printed(settings, {
        json: () => ({
          schema: 'trueup/1',
          exitCode,
          store: store.description,
          durationMs: spentMs,
          fault: report.fault,
          skewMs: report.skewMs,
          steps: report.steps,
        }),
        text: () => {
          const lines = report.steps.map(
            ({ result, tried, seen }) =>
              `${paint[result](result.padEnd(4))}  ${tried}${seen === null ? '' : `: ${style.data(seen)}`}\n`,
          )
          return `${lines.join('')}\n${style.data(verdict(store.description, report))} ${formatDuration(Math.max(1, spentMs))}.\n`
        },
      }),
    )
    return exitCode
  } finally {
    await project.repository.close()
  }
}

/** Never that it is safe: only what was tried. */
export function verdict(store: string, { fault }: ProbeReport): string {
  return fault === null
    ? `No fault was seen in ${store} by what is listed above. That is no proof: a fault that shows rarely, or under more load, is not found so. It took`
    : `The store ${store} ${fault}, so runs could overlap: applies and durable functions are refused, dry runs and the run cache work. It took`
}
