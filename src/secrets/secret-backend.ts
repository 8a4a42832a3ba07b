// The port for where secret values come from. Adapters: env, file. Values never appear in errors; paths and names of fields do.

export interface SecretValue {
  readonly value: string
  /** The backend's version of it, where it has one. */
  readonly version?: string
}

/**
 * Thrown are `secret-missing` (no such secret or field, with the fields that exist; or it cannot be read) and `usage` (a path that this backend
 * cannot have). A backend is opened for one run: all it gives of one path is of one moment.
 */
export interface SecretBackend {
  /** Where it is, for people: `environment`. */
  readonly description: string
  /**
   * The text at a path, or one field of it.
   * @param version which one, where the backend keeps several; else it is a mere label, whose change counts as a change
   */
  read(path: string, field?: string, version?: string): Promise<SecretValue>
  /** The newest version; undefined where this backend has none. */
  versionOf(path: string): Promise<string | undefined>
  /** Names of the fields, sorted; undefined for a single text. */
  fields(path: string): Promise<readonly string[] | undefined>
  /** @throws usage when one of these paths cannot be, or two of them are the same place */
  accept(paths: readonly string[]): void
}
