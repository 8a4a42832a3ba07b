// An s3:// location and the variables that the SDK knows, as the settings of one client. Pure. It must not read the process's own variables.
import type { StoreLocation } from '../open-store.js'

export type Checksums = 'WHEN_REQUIRED' | 'WHEN_SUPPORTED'

export interface S3Settings {
  readonly bucket: string
  /** Without slashes at the ends; empty: the whole bucket. */
  readonly prefix: string
  /** Undefined: as the SDK finds it. */
  readonly region: string | undefined
  readonly endpoint: string | undefined
  readonly pathStyle: boolean
  readonly profile: string | undefined
  /** Undefined: as the SDK has it. */
  readonly checksums: { readonly request: Checksums | undefined; readonly response: Checksums | undefined }
  /** For people: `s3://bucket/prefix`, with the endpoint where it is not AWS. */
  readonly description: string
}

export function settingsOf(
  location: Extract<StoreLocation, { readonly kind: 's3' }>,
  environment: Readonly<Record<string, string | undefined>>,
): S3Settings {
  const { bucket, prefix, profile } = location
  const endpoint = location.endpoint ?? endpointIn(environment)
  // Stores that are not AWS know the old checksum alone, and answer the new ones by 501 or a wrong signature.
  const checksums = (variable: string): Checksums | undefined =>
    endpoint === undefined || given(environment[variable]) !== undefined ? undefined : 'WHEN_REQUIRED'
  const path = prefix === '' ? '' : `/${prefix}`
  return {
    bucket,
    prefix,
    region: location.region ?? (endpoint === undefined ? undefined : 'us-east-1'),
    endpoint,
    pathStyle: location.pathStyle ?? endpoint !== undefined,
    profile,
    checksums: {
      request: checksums('AWS_REQUEST_CHECKSUM_CALCULATION'),
      response: checksums('AWS_RESPONSE_CHECKSUM_VALIDATION'),
    },
    description: `s3://${bucket}${path}${endpoint === undefined ? '' : ` at ${shown(endpoint)}`}`,
  }
}

function endpointIn(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  if (environment['AWS_IGNORE_CONFIGURED_ENDPOINT_URLS'] === 'true') return undefined
  return given(environment['AWS_ENDPOINT_URL_S3']) ?? given(environment['AWS_ENDPOINT_URL'])
}

function given(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}

/** Without what could be a credential in it. */
function shown(endpoint: string): string {
  return URL.canParse(endpoint) ? new URL(endpoint).origin : 'its endpoint'
}
