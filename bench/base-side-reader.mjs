// A process of its own, so that its peak memory is that of the reading. In: folder of the built library, repository, revision, globs.
// Out: one line of JSON: how many files were read, in how many ms from opening the repository to closing it, memory in MiB.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [built, directory, revision, ...globs] = process.argv.slice(2)
const load = (path) => import(pathToFileURL(join(built, path)).href)
const { openGitRepository } = await load('desired/git-repository.js')
const { systemClock } = await load('util/clock.js')

const startMiB = Math.round(process.resourceUsage().maxRSS / 1024)
const start = performance.now()
const repository = await openGitRepository(directory, { clock: systemClock, environment: process.env })
const resolved = await repository.resolve(revision)
const snapshot = await repository.at(resolved.id)
const entries = await snapshot.entries(globs)
let bytes = 0
let files = 0
for await (const { content } of snapshot.readMany(entries.map(({ path }) => path))) {
  bytes += content.length
  files += 1
}
await repository.close()
const ms = performance.now() - start
const peakMiB = Math.round(process.resourceUsage().maxRSS / 1024)
console.log(JSON.stringify({ files, bytes, ms, startMiB, peakMiB }))
