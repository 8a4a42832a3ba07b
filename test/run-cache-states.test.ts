// The states of the run cache on a directory. On S3 they have a suite beside its servers.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openDirectoryStore } from '../src/store/directory-store.js'
import { systemClock } from '../src/util/clock.js'
import { runCacheStates } from './support/contracts/run-cache-states.js'

runCacheStates('a directory', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'trueup-cache-states-'))
  return {
    precisionMs: 0,
    open: () => openDirectoryStore(folder, { clock: systemClock }),
    dispose: () => rm(folder, { recursive: true, maxRetries: 3 }),
  }
})
