// data serve: the HTTP surface of data bundles until a signal comes. POST /reload reads the revision, or the file, again.
import type { DataBundle } from '../../desired/data/bundle.js'
import { TrueupError } from '../../errors.js'
import { exitCodeOf } from '../../exit-codes.js'
import { digestBytes } from '../../util/digest.js'
import { readBundleFile } from '../bundle-file.js'
import type { CommandInput } from '../command.js'
import { withProject } from '../data-command.js'
import { loadOptions, snapshotOf } from '../open-data.js'
import { printed } from '../print.js'
import type { Project } from '../project.js'
import { listenForStop } from '../stop-signals.js'

export async function dataServeCommand(input: CommandInput): Promise<number> {
  const { output } = input.context
  return withProject(input, async (project) => {
    const [{ serveBundles }, { isLoopback, startBundleServer }] = await Promise.all([
      import('../../desired/graphql/served-bundles.js'),
      import('../../desired/graphql/http-server.js'),
    ])
    const signals = listenForStop({ onStop: () => undefined })
    try {
      const bundles = await serveBundles(() => load(project))
      const { host, port } = project.settings
      const warn = (message: string): void => output.err(`trueup: warning: ${message}\n`)
      if (!isLoopback(host.value))
        warn(`${host.value} is no loopback address: whoever reaches it can read all the data`)
      const server = await startBundleServer({ bundles, port: port.value, host: host.value, warn })
      const { id, queries } = bundles.newest()
      output.out(
        await printed(project.settings, {
          json: () => ({
            schema: 'trueup/1',
            exitCode: 0,
            url: server.url,
            sha256: id,
            commit: queries.bundle.gitCommit,
          }),
          text: () =>
            `${server.url}/graphql answers from bundle ${id.slice(0, 12)} (${String(queries.bundle.data.size)} data files)\n`,
        }),
      )
      await aborted(signals.stop)
      await server.close()
      const { reason } = signals.stop as { reason: unknown }
      return reason instanceof TrueupError ? exitCodeOf(reason) : 0
    } finally {
      signals.close()
    }
  })
}

async function load(project: Project): Promise<{ id: string; bundle: DataBundle }> {
  const { bundle: file, revision } = project.settings
  if (file.value !== undefined) return readBundleFile(project, file.value)
  const [{ writeBundleJson }, { openBundle }] = await Promise.all([
    import('../../desired/data/bundle-json.js'),
    import('../../desired/graphql/open-bundle.js'),
  ])
  await using snapshot = await snapshotOf(project, revision.value)
  // Not one that another commit with the same data shares: the commit is part of the answer.
  const { bundle } = await openBundle(await loadOptions(project, snapshot))
  return { id: digestBytes(writeBundleJson(bundle)), bundle }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else
      signal.addEventListener(
        'abort',
        () => {
          resolve()
        },
        { once: true },
      )
  })
}
