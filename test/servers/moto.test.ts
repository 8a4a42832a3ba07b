// The S3 store on moto, whose If-Match is not one step with its write: what one caller at a time sees is the contract's.
import { objectStoreContract, type OpenedStore } from '../support/contracts/object-store.js'
import { openS3 } from '../support/s3-double/open.js'
import { createPlace } from './s3-place.js'

const open = async (): Promise<OpenedStore> => {
  const place = await createPlace('TRUEUP_TEST_MOTO')
  return { store: await openS3(place), reopen: () => openS3(place), dispose: async () => undefined }
}

objectStoreContract('S3, on moto', open, { tellsDeletes: false })
