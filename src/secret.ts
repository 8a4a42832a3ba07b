// Words for secrets: how an author names one, and what reads it. Type declarations only: nothing here runs.

/**
 * A secret that an integration needs, by reference. `for: 'apply'`: only handlers may read it, so that a dry run works without it;
 * `for: 'plan'`: planning needs it, and handlers may read it too. @defaultValue needed for both
 */
export interface SecretRef {
  readonly path: string
  readonly field?: string
  readonly version?: string
  readonly for?: 'plan' | 'apply'
}

/** Opaque stand-in for a secret inside desired state; resolved only while planning or applying. */
export interface SecretReference {
  readonly $secret: {
    readonly path: string
    readonly field?: string | undefined
    readonly version?: string | undefined
  }
}

type FieldOf<R extends readonly SecretRef[], P> =
  Extract<R[number], { readonly path: P }> extends { readonly field: infer F } ? F : string

export interface Secrets<R extends readonly SecretRef[]> {
  /** The value of a declared secret. Registers itself for redaction. */
  read<P extends R[number]['path']>(path: P, field?: FieldOf<R, P>): Promise<string>
  /** The value that a reference in the desired state (or to a declared secret) stands for. Registers itself for redaction. */
  resolve(reference: SecretReference): Promise<string>
}
