// In: the built code and the pages. Out: the same pages with their tables written anew from the code. `npm run build` first.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PAGES, root, tables, withTables } from './docs-tables.mjs'

const all = await tables()
for (const page of PAGES) {
  const file = join(root, page)
  await writeFile(file, withTables(await readFile(file, 'utf8'), all))
}
