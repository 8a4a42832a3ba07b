// managed-files: files on disk, as data files of the repository say. The example of how to write an integration.
import { defineIntegration, diff, TrueupError } from 'trueup'
import { z } from 'zod'

/** As git and chmod write them. A number would be read as decimal, so quotes are asked for. */
const mode = z
  .string("must be a text of octal digits in quotes, such as '0644'")
  .regex(/^0?[0-7]{3}$/, "must be octal digits such as '0644'")
  .transform((text) => text.padStart(4, '0'))

const dataFile = z.strictObject({
  files: z.array(z.strictObject({ path: z.string().min(1), content: z.string(), mode: mode.default('0644') })),
})

export default defineIntegration({
  name: 'managed-files',
  version: '1.0.0',
  description: 'Files below one folder of this machine',
  describe: 'reads and writes only below root; a dry run only reads',

  params: z.object({
    root: z.string().startsWith('/', 'must be an absolute path').describe('The folder that the files lie below (absolute)'),
    data: z.string().default('data/managed-files/*.yaml').describe('Data files, as a glob from the root of the repository'),
  }),
  inputs: (params) => [params.data],
  deletePolicy: 'owned',

  // The place is told by an id inside it, so that two machines with one store are two destinations.
  async destination({ root }, { create }) {
    const { rootId } = await import('./client.js')
    return rootId(root, { create })
  },

  async desiredState(ctx) {
    const { checkPath } = await import('./paths.js')
    const files = (await ctx.source.loadAll(ctx.params.data, dataFile)).flatMap((data) => data.files)
    const seen = new Set<string>()
    for (const { path } of files) {
      const problem = seen.has(path) ? 'is there twice' : checkPath(path)
      if (problem !== undefined) throw new TrueupError('desired-invalid', `${ctx.params.data}: the path "${path}" ${problem} (managed-files)`)
      seen.add(path)
    }
    return files.sort((a, b) => (a.path < b.path ? -1 : 1))
  },

  async run(ctx, desired) {
    const { openRoot } = await import('./client.js') // loaded only when a run is needed
    const root = openRoot(ctx.params.root)
    // Not the whole folder, which may hold anything: what should be there, and what was put there.
    const current = await root.list([...desired.map(({ path }) => path), ...ctx.owned])
    return ctx.plan(diff({ desired, current, key: (file) => file.path, normalize: ({ path, content, mode }) => ({ path, content, mode }) }), {
      create: ({ after }) => root.create(after),
      update: ({ before, after }) => root.replace(before, after),
      delete: ({ before }) => root.remove(before),
    })
  },
})
