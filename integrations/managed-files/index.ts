// managed-files: files on disk, as data files of the repository say. The example of how to write an integration.
import { defineIntegration, diff, TrueupError } from 'trueup'
import { z } from 'zod'
import { clash, pathProblem } from './paths.js'

const path = z.string().superRefine((text, ctx) => {
  const problem = pathProblem(text)
  if (problem !== undefined) ctx.addIssue({ code: 'custom', message: `${JSON.stringify(text)} ${problem}` })
})

/** As chmod takes it. YAML reads 0644 without quotes as the number 644, so quotes are asked for. */
const mode = z
  .string("must be octal digits in quotes, such as '0644'")
  .regex(/^0?[0-7]{3}$/, "must be octal digits such as '0644'")
  .transform((text) => text.padStart(4, '0'))

const dataFile = z.strictObject({
  files: z.array(z.strictObject({ path, content: z.string(), mode: mode.default('0644') })),
})

export default defineIntegration({
  name: 'managed-files',
  version: '1.0.0',
  description: 'Files below one folder of this machine',
  describe: 'reads and writes only below root; a dry run only reads',

  params: z.object({
    root: z.string().startsWith('/', 'must be an absolute path').describe('Folder that the files lie below; absolute'),
    data: z.string().default('data/managed-files/*.yaml').describe('Data files: a glob from the repository root'),
  }),
  inputs: (params) => [params.data],
  deletePolicy: 'owned',

  // The place is told by an id inside it, so that two machines with one store are two destinations.
  async destination({ root }, { create }) {
    const { rootId } = await import('./root-id.js')
    return rootId(root, { create })
  },

  async desiredState(ctx) {
    const names = await ctx.source.files(ctx.params.data)
    const contents = await ctx.source.loadAll(ctx.params.data, dataFile) // in the order of names
    const placed = contents.flatMap(({ files }, at) => files.map((file) => ({ ...file, from: names[at] ?? '' })))
    const problem = clash(placed)
    if (problem !== undefined) throw new TrueupError('desired-invalid', `${problem} (managed-files, desired state)`)
    return placed.map(({ from, ...file }) => file).sort((a, b) => (a.path < b.path ? -1 : 1))
  },

  async run(ctx, desired) {
    const { openRoot } = await import('./client.js') // loaded only when a run is needed
    const root = openRoot(ctx.params.root, { now: () => ctx.clock.now(), map: ctx.map })
    // Not the whole folder, which may hold anything: what should be there, and what was put there.
    const current = await root.list([...desired.map((file) => file.path), ...ctx.owned])
    const changes = diff({
      desired,
      current,
      key: (file) => file.path,
      normalize: ({ path, content, mode }) => ({ path, content, mode }),
    })
    return ctx.plan(changes, {
      create: ({ after }) => root.create(after),
      update: ({ before, after }) => root.replace(before, after),
      delete: ({ before }) => root.remove(before),
    })
  },
})
