// The states of the run cache on a directory, and on S3 as the double has it. The real servers have a suite of their own.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDirectoryStore } from '../src/store/directory-store.js'
import { systemClock } from '../src/util/clock.js'
import { runCacheStates } from './support/contracts/run-cache-states.js'

runCacheStates('a directory', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'trueup-cache-states-'))
  return {
    open: () => openDirectoryStore(folder, { clock: systemClock }),
    dispose: () => rm(folder, { recursive: true, maxRetries: 3 }),
  }
})
