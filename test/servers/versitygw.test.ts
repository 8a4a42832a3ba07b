// The S3 store on versitygw, whose conditions hold: the contract, and races as long as the ones that moto loses.
import { describe, expect, it } from 'vitest'
import { storeKey, type ObjectStore } from '../../src/store/object-store.js'
import { objectStoreContract, type OpenedStore } from '../support/contracts/object-store.js'
import { openS3 } from '../support/s3-double/open.js'
import { createPlace } from './s3-place.js'

const open = async (): Promise<OpenedStore> => {
  const place = await createPlace('TRUEUP_TEST_VERSITYGW')
  return { store: await openS3(place), reopen: () => openS3(place), dispose: async () => undefined }
}

objectStoreContract('S3, on versitygw', open, { tellsDeletes: false })

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('races on versitygw', () => {
  const handles = async (count: number): Promise<ObjectStore[]> => {
    const place = await createPlace('TRUEUP_TEST_VERSITYGW')
    return Promise.all(Array.from({ length: count }, () => openS3(place)))
  }

  it('20 rounds of 16 creates have one winner each', async () => {
    const stores = await handles(16)
    for (let round = 0; round < 20; round += 1) {
      const key = storeKey('race', String(round))
      const results = await Promise.all(
        stores.map((store, at) => store.put(key, bytes(String(at)), { condition: { kind: 'if-absent' } })),
      )
      const winners = results.flatMap(({ kind }, at) => (kind === 'stored' ? [String(at)] : []))
      const found = await stores[0]?.get(key)
      expect([found?.kind === 'found' && new TextDecoder().decode(found.value)]).toEqual(winners)
    }
  })

  it('8 writers lose none of 200 increments', async () => {
    const stores = await handles(8)
    const key = storeKey('counter')
    await stores[0]?.put(key, bytes('0'))
    const increment = async (store: ObjectStore): Promise<void> => {
      for (;;) {
        const found = await store.get(key)
        if (found.kind === 'missing') throw new Error('the counter is gone')
        const next = bytes(String(Number(new TextDecoder().decode(found.value)) + 1))
        const put = await store.put(key, next, { condition: { kind: 'if-etag', etag: found.etag } })
        if (put.kind === 'stored') return
      }
    }
    await Promise.all(
      stores.map(async (store) => {
        for (let at = 0; at < 25; at += 1) await increment(store)
      }),
    )
    const found = await stores[0]?.get(key)
    expect(found?.kind === 'found' && new TextDecoder().decode(found.value)).toBe('200')
  })
})
