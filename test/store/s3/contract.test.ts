import { beforeEach, vi } from 'vitest'
import { objectStoreContract } from '../../support/contracts/object-store.js'
import { KEYS, openS3 } from '../../support/s3-double/open.js'
import { startS3Double } from '../../support/s3-double/server.js'

beforeEach(() => {
  for (const [name, value] of Object.entries(KEYS)) vi.stubEnv(name, value)
})

objectStoreContract('S3, on the double', async () => {
  const double = await startS3Double({ pageSize: 7 })
  return {
    store: await openS3(double),
    reopen: () => openS3(double),
    dispose: async () => double[Symbol.asyncDispose](),
  }
})
