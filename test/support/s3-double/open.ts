// S3 stores on a double, or on any other server of the protocol: with keys that are handed in, whatever the machine has.
import type { ObjectStore } from '../../../src/store/object-store.js'
import { openStore } from '../../../src/store/open-store.js'
import { systemClock, type Clock } from '../../../src/util/clock.js'

export interface S3Place {
  readonly endpoint: string
  readonly bucket: string
}

/** The variables of a program that uses the place. */
export const KEYS = {
  AWS_ACCESS_KEY_ID: 'test-key',
  AWS_SECRET_ACCESS_KEY: 'test-secret',
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
} as const

export function urlOf({ endpoint, bucket }: S3Place, prefix: string): string {
  return `s3://${bucket}${prefix === '' ? '' : `/${prefix}`}?endpoint=${encodeURIComponent(endpoint)}`
}

export interface OpenOptions {
  readonly prefix?: string
  readonly clock?: Clock
  readonly environment?: Readonly<Record<string, string>>
}

/** The adapter alone, without the look for a mark of a move. The SDK reads this process's variables: {@link KEYS} must be set in it. */
export async function openS3(place: S3Place, options: OpenOptions = {}): Promise<ObjectStore> {
  const { prefix = 'team', clock = systemClock, environment = {} } = options
  return openStore(urlOf(place, prefix), { baseDirectory: '/', clock, environment, evenIfMoved: true })
}
