// The states of the run cache on versitygw.
import { runCacheStates } from '../support/contracts/run-cache-states.js'
import { openS3 } from '../support/s3-double/open.js'
import { createPlace } from './s3-place.js'

runCacheStates('S3, on versitygw', async () => {
  const place = await createPlace('TRUEUP_TEST_VERSITYGW')
  // Its clock is told in whole seconds.
  return { precisionMs: 2_000, open: () => openS3(place), dispose: async () => undefined }
})
