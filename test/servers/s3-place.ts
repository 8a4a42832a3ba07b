// A fresh bucket on the server that the script beside it has started. In: the variable with its address. Out: a place to open stores in.
import { randomUUID } from 'node:crypto'
import { vi } from 'vitest'
import { KEYS, type S3Place } from '../support/s3-double/open.js'

export type ServerVariable = 'TRUEUP_TEST_VERSITYGW' | 'TRUEUP_TEST_MOTO'

export function endpointOf(variable: ServerVariable): string {
  const endpoint = process.env[variable]
  if (endpoint !== undefined) return endpoint
  const script = variable === 'TRUEUP_TEST_MOTO' ? 'moto' : 'versitygw'
  throw new Error(
    `${variable} is not set: run test/servers/${script}.sh npx vitest run --config vitest.servers.config.ts ${script}`,
  )
}

export async function createPlace(variable: ServerVariable): Promise<S3Place> {
  for (const [name, value] of Object.entries(KEYS)) vi.stubEnv(name, value)
  const place = { endpoint: endpointOf(variable), bucket: `b-${randomUUID()}` }
  const { CreateBucketCommand, S3Client } = await import('@aws-sdk/client-s3')
  const client = new S3Client({ endpoint: place.endpoint, region: 'us-east-1', forcePathStyle: true })
  await client.send(new CreateBucketCommand({ Bucket: place.bucket }))
  client.destroy()
  return place
}
