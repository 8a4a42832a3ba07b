// `secrets:` of trueup.yaml in, the backend that it names out.
import { resolve } from 'node:path'
import { createEnvBackend } from '../secrets/env-backend.js'
import { createFileBackend } from '../secrets/file-backend.js'
import type { SecretBackend } from '../secrets/secret-backend.js'
import type { SecretsConfig } from './config-types.js'
import type { Environment } from './process-context.js'

/** @param where `directory`: what a relative `dir` is relative to */
export function openSecrets(
  { backend, dir = '.' }: SecretsConfig,
  where: { readonly directory: string; readonly environment: Environment },
): SecretBackend {
  switch (backend) {
    case 'env':
      return createEnvBackend(where.environment)
    case 'file':
      return createFileBackend({ directory: resolve(where.directory, dir), shown: dir })
  }
}

/** For people: `environment variables`, `files in secrets`. */
export function secretsText({ backend, dir = '.' }: SecretsConfig): string {
  return backend === 'env' ? 'environment variables' : `files in ${dir}`
}
