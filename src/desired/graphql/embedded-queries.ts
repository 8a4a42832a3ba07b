// A snapshot and a way to open its bundle in, answers about that very revision out. Must not: answer from files that the declared inputs do not cover.
import { TrueupError } from '../../errors.js'
import type { Snapshot } from '../source.js'
import { AskOnce, dataOf } from './ask-once.js'
import type { BundleQueries } from './bundle-queries.js'
import type { DataQueries, Question } from './data-queries.js'
import { missingInputs, type DataFolders } from './query-inputs.js'

export interface EmbeddedOptions {
  readonly snapshot: Snapshot
  readonly folders: DataFolders
  /** Loads the bundle of the snapshot. Called once, at the first question whose inputs are declared. */
  readonly open: () => Promise<BundleQueries>
}

export function createEmbeddedQueries({ snapshot, folders, open }: EmbeddedOptions): DataQueries {
  const answers = new AskOnce()
  const covered = new Map<string, Promise<readonly string[]>>()
  const looked = new Set<string>()
  let opening: Promise<BundleQueries> | undefined

  async function requireDeclared({ inputs, integration }: Question, asksResources: boolean): Promise<void> {
    const key = JSON.stringify([inputs, asksResources])
    const missing = covered.get(key) ?? missingInputs(snapshot, inputs, { folders, asksResources })
    covered.set(key, missing)
    const globs = await missing
    if (globs.length === 0) return
    const whole = [...inputs, ...globs].map((glob) => `'${glob}'`).join(', ')
    throw new TrueupError(
      'undeclared-input',
      `${integration}: a query can read any file of ${globs.join(', ')}, which ${integration} does not declare, so that a skip could not notice a change of it. Declare it: inputs: [${whole}]`,
      { details: { integration, path: globs[0] ?? '', missing: globs, inputs } },
    )
  }

  return {
    async ask(question) {
      // What is missing in any case is told before anything is loaded.
      await requireDeclared(question, false)
      const [queries, { documentText, readsResources }] = await Promise.all([
        (opening ??= open()),
        import('./run-query.js'),
      ])
      const { document, variables } = question
      if (readsResources(document, queries.types)) await requireDeclared(question, true)
      const asked = { text: documentText(document), variables, integration: question.integration }
      return answers.once(asked, async () =>
        dataOf(queries.answer({ document, variables, looked }), question, placeOf(snapshot)),
      )
    },
    settle: () => Promise.resolve(true),
    schemas: () => [...looked].sort(),
  }
}

function placeOf({ revision }: Snapshot): string {
  return revision.kind === 'commit' ? `the data of ${revision.id.slice(0, 8)}` : 'the data of the working tree'
}
