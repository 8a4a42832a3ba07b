// What an author may read, and when: `ctx.secrets` of run(). In: declarations, references in desired state, the phase. Out: values or reasons.
import { TrueupError } from '../errors.js'
import type { SecretReference, SecretRef, Secrets } from '../integration.js'
import type { RunSecrets } from './run-secrets.js'
import { addressText, referenceOf, type SecretAddress } from './secret-reference.js'

export interface SecretAccessOptions {
  /** For messages. */
  readonly target: string
  readonly declared: readonly SecretRef[]
  /** What the desired state refers to. */
  readonly referenced: readonly SecretAddress[]
  /** Whether the run is planning now: then secrets for apply stay closed. */
  readonly planning: () => boolean
  readonly secrets: RunSecrets
}

/**
 * `for: 'apply'` is readable in handlers only, so that a dry run needs no such credentials; everything else at any time.
 * Errors: `secret-missing` for what is not declared, not there, or not for now.
 */
export function createSecretAccess(options: SecretAccessOptions): Secrets<readonly SecretRef[]> {
  const { target, declared, referenced, planning, secrets } = options

  function refuseNow(candidates: readonly SecretRef[], address: SecretAddress): void {
    if (!planning() || candidates.length === 0 || candidates.some((secret) => secret.for !== 'apply')) return
    throw new TrueupError(
      'secret-missing',
      `${target}: the secret ${addressText(address)} is declared for apply only and was read while planning: read it in a handler of the plan, or declare it without for: 'apply'`,
      { details: { target, ...address } },
    )
  }

  return {
    async read(path, typed) {
      // The author's type of the field is narrower than text.
      const field = typed as string | undefined
      const candidates = declarationsOf(declared, { path, ...(field === undefined ? {} : { field }) })
      const [reference] = candidates
      if (reference === undefined) {
        throw new TrueupError(
          'secret-missing',
          `${target}: the secret ${path}${field === undefined ? '' : ` (field ${field})`} is read but not declared; add it to secrets: [{ path: '${path}' }]`,
          { details: { target, path } },
        )
      }
      const fields = [...new Set(candidates.map((secret) => secret.field))]
      if (field === undefined && fields.length > 1) {
        const names = fields.map((name) => name ?? '(all of it)').join(', ')
        throw new TrueupError(
          'secret-missing',
          `${target}: the secret ${path} is declared with several fields (${names}): name one, ctx.secrets.read('${path}', field)`,
          { details: { target, path } },
        )
      }
      const wanted = field ?? reference.field
      const address = {
        path,
        ...(wanted === undefined ? {} : { field: wanted }),
        ...(reference.version === undefined ? {} : { version: reference.version }),
      }
      refuseNow(candidates, address)
      return secrets.read(address)
    },

    async resolve(reference: SecretReference) {
      const address = referenceOf(reference)
      if (address === undefined) {
        throw new TrueupError(
          'secret-missing',
          `${target}: ctx.secrets.resolve() takes { $secret: { path, field?, version? } } with texts that are not empty`,
          { details: { target } },
        )
      }
      const candidates = declarationsOf(declared, address)
      const isReferenced = referenced.some((it) => it.path === address.path && it.field === address.field)
      if (candidates.length === 0 && !isReferenced) {
        throw new TrueupError(
          'secret-missing',
          `${target}: the secret ${addressText(address)} is neither declared nor part of the desired state, so a skip could not know of it; add it to secrets: [{ path: '${address.path}' }]`,
          { details: { target, ...address } },
        )
      }
      refuseNow(candidates, address)
      return secrets.read(address)
    },
  }
}

/** Those that name this very field, else those of the whole secret; without a field all of that path. */
function declarationsOf(declared: readonly SecretRef[], { path, field }: SecretAddress): readonly SecretRef[] {
  const there = declared.filter((secret) => secret.path === path)
  if (field === undefined) return there
  const exact = there.filter((secret) => secret.field === field)
  return exact.length > 0 ? exact : there.filter((secret) => secret.field === undefined)
}
