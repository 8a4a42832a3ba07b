// The examples of docs/ci and the composite action with a bucket on versitygw, as they are meant to be used.
import { ciExamples } from '../support/contracts/ci-examples.js'
import { KEYS, urlOf } from '../support/s3-double/open.js'
import { createPlace } from './s3-place.js'

ciExamples('store on versitygw', async () => ({
  url: urlOf(await createPlace('TRUEUP_TEST_VERSITYGW'), 'state'),
  env: KEYS,
}))
