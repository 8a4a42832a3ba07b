// The examples of docs/ci and the composite action with a store in a folder that outlives the jobs.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'
import { ciExamples } from '../support/contracts/ci-examples.js'

const folders: string[] = []
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true })
})

ciExamples('store in a folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'trueup-ci-store-'))
  folders.push(folder)
  return { url: `file:${folder}`, env: {} }
})
