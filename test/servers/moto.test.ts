// The S3 store on moto, whose If-Match is not one step with its write: what one caller at a time sees is the contract's.
import { describe, expect, it } from 'vitest'
import { probeStore } from '../../src/store/probe.js'
import { systemClock } from '../../src/util/clock.js'
import { keysOf } from '../support/failing-store.js'
import { objectStoreContract, type OpenedStore } from '../support/contracts/object-store.js'
import { openS3 } from '../support/s3-double/open.js'
import { createPlace } from './s3-place.js'

const open = async (): Promise<OpenedStore> => {
  const place = await createPlace('TRUEUP_TEST_MOTO')
  return { store: await openS3(place), reopen: () => openS3(place), dispose: async () => undefined }
}

objectStoreContract('S3, on moto', open, { tellsDeletes: false, keepsRaces: false })

describe('the probe on moto', () => {
  it('comes to its end, tells what it tried, and leaves nothing; whether it meets the weakness is chance', async () => {
    const store = await openS3(await createPlace('TRUEUP_TEST_MOTO'))
    const { steps, fault } = await probeStore(store, systemClock)
    expect(steps.filter(({ result }) => result === 'fail').map(({ name }) => name)).toEqual(
      fault === null ? [] : expect.arrayContaining([expect.stringMatching(/^race-/)]),
    )
    expect(steps.map(({ tried }) => tried)).toContain('replaced one object by the same etag 8 times at once, 16 rounds')
    expect(await keysOf(store)).toEqual([])
  })
})
