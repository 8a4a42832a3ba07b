// The port for where secret values come from. Adapters: env.
export interface SecretValue {
  readonly value: string
  /** The backend's version of it, where it has one. */
  readonly version?: string
}
/** A missing secret or field is a `secret-missing` error that names the path and the fields that exist; values never appear in errors. */
export interface SecretBackend {
  readonly description: string
  read(path: string, field?: string, version?: string): Promise<SecretValue>
}
