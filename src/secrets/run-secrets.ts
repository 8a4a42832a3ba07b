// The secrets of one run: each value is read once and hidden from then on in everything the run tells. In: a backend. Out: values, and what
// stands for them in decisions. Values leave it to author code alone.
import { createHmac } from 'node:crypto'
import type { SecretBackend, SecretValue } from './secret-backend.js'
import { addressId, addressText, type SecretAddress } from './secret-reference.js'

export interface RunSecrets {
  readonly description: string
  /** @throws secret-missing */
  read(address: SecretAddress): Promise<string>
  /**
   * Differs when the value does: the backend's version, else an HMAC of the value under the key. Null where neither can be told.
   * Of a value read before in this run it speaks of that very value.
   */
  fingerprint(address: SecretAddress, key: () => Promise<Uint8Array | undefined>): Promise<string | null>
  /** @throws usage, see {@link SecretBackend.accept} */
  accept(paths: readonly string[]): void
}

export interface RunSecretsOptions {
  readonly backend: SecretBackend
  /** Hides the value; `whole-only` when it is too short to be hidden inside of texts. */
  readonly register: (value: string) => 'hidden' | 'whole-only' | 'nothing'
  readonly warn: (message: string) => void
}

export function createRunSecrets({ backend, register, warn }: RunSecretsOptions): RunSecrets {
  const values = new Map<string, Promise<SecretValue>>()
  const versions = new Map<string, string>()
  const warned = new Set<string>()

  function load(address: SecretAddress): Promise<SecretValue> {
    const id = addressId(address)
    const known = values.get(id)
    if (known !== undefined) return known
    const loading = backend.read(address.path, address.field, address.version).then((found) => {
      if (found.version !== undefined && !versions.has(address.path)) versions.set(address.path, found.version)
      return found
    })
    values.set(id, loading)
    // Another attempt may do better.
    loading.catch(() => values.delete(id))
    return loading
  }

  async function contentOf(address: SecretAddress): Promise<readonly (readonly [string | null, string])[]> {
    if (address.field !== undefined) return [[address.field, (await load(address)).value]]
    const whole = await load(address).catch(() => undefined)
    if (whole !== undefined) return [[null, whole.value]]
    // A folder of fields has no text of its own: it is all of them.
    const names = (await backend.fields(address.path)) ?? []
    if (names.length === 0) throw new Error('there is nothing to tell apart')
    return Promise.all(names.map(async (field) => [field, (await load({ path: address.path, field })).value] as const))
  }

  return {
    description: backend.description,
    accept: (paths) => {
      backend.accept(paths)
    },
    async read(address) {
      const { value } = await load(address)
      const name = addressText(address)
      if (register(value) === 'whole-only' && !warned.has(name)) {
        warned.add(name)
        warn(
          `the secret ${name} has fewer than 6 characters: it is hidden only where a whole text equals it. Use a longer one.`,
        )
      }
      return value
    },
    async fingerprint(address, key) {
      try {
        const version = versions.get(address.path) ?? (await backend.versionOf(address.path))
        if (version !== undefined) return `version ${version}`
        const secret = await key()
        if (secret === undefined) return null
        const content = await contentOf(address)
        return createHmac('sha256', secret)
          .update(JSON.stringify([address.path, content]))
          .digest('hex')
      } catch {
        // It may be readable where it is needed; a skip just cannot know of it.
        return null
      }
    },
  }
}
