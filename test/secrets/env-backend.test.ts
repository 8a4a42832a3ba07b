import { describe, expect, it } from 'vitest'
import { createEnvBackend, secretVariable } from '../../src/secrets/env-backend.js'

const backend = createEnvBackend({
  TRUEUP_SECRET_PLAIN: 'hush-hush',
  TRUEUP_SECRET_DNS_API: '{"token":"t0ken-value","url":"https://x","port":53,"none":""}',
  TRUEUP_SECRET_EMPTY: '',
})

describe('createEnvBackend', () => {
  it('gives a text, or a field of a JSON object, and no version', async () => {
    expect(await backend.read('plain')).toEqual({ value: 'hush-hush' })
    expect(await backend.read('dns/api', 'token')).toEqual({ value: 't0ken-value' })
    expect(await backend.fields('dns/api')).toEqual(['none', 'port', 'token', 'url'])
    expect(await backend.fields('plain')).toBeUndefined()
    expect(await backend.versionOf('plain')).toBeUndefined()
  })

  it.each([
    ['nope', undefined, 'the secret nope is not set: set TRUEUP_SECRET_NOPE (environment)'],
    ['empty', undefined, 'the secret empty is not set: set TRUEUP_SECRET_EMPTY (environment)'],
    [
      'dns/api',
      'tokn',
      'the secret dns/api has no field "tokn"; it has: none, port, token, url. (environment, TRUEUP_SECRET_DNS_API)',
    ],
    [
      'dns/api',
      'toString',
      'the secret dns/api has no field "toString"; it has: none, port, token, url. (environment, TRUEUP_SECRET_DNS_API)',
    ],
    [
      'dns/api',
      'port',
      'the secret dns/api has a field "port" that is a number: make it a text. (environment, TRUEUP_SECRET_DNS_API)',
    ],
    ['dns/api', 'none', 'the secret dns/api has an empty field "none". (environment, TRUEUP_SECRET_DNS_API)'],
    [
      'plain',
      'token',
      'the secret plain has no field "token"; it is a single text; make it a JSON object of fields. (environment, TRUEUP_SECRET_PLAIN)',
    ],
  ])('says what is missing: %s %s', async (path, field, message) => {
    await expect(backend.read(path, field)).rejects.toMatchObject({ code: 'secret-missing', message })
  })

  it('refuses two paths with one variable, naming both', () => {
    expect(secretVariable('dns-api')).toBe(secretVariable('dns/api'))
    expect(() => {
      backend.accept(['dns/api', 'plain', 'dns/api', 'dns-api'])
    }).toThrow(/dns\/api and dns-api would both be read from TRUEUP_SECRET_DNS_API/)
    backend.accept(['dns/api', 'dns/api', 'plain'])
  })
})
