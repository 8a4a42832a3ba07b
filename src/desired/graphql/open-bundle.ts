// A snapshot and the places of its data in, its bundle ready to be asked out; or everything that is wrong with the data, as one error.
import { TrueupError } from '../../errors.js'
import { faultText } from '../data/faults.js'
import { loadBundle, type LoadOptions } from '../data/load-bundle.js'
import { openBundleQueries, type BundleQueries } from './bundle-queries.js'

/** Faults beyond these are counted, not told. */
const TOLD = 20

/** @throws TrueupError `desired-invalid` for data or types that are wrong; what `loadBundle` throws */
export async function openBundle(options: LoadOptions): Promise<BundleQueries> {
  const { bundle, faults } = await loadBundle(options)
  if (faults.length === 0) return openBundleQueries(bundle)
  const told = faults.map(faultText)
  const more =
    told.length > TOLD ? [`… and ${String(told.length - TOLD)} more: \`trueup data validate\` shows all`] : []
  throw new TrueupError('desired-invalid', [...told.slice(0, TOLD), ...more].join('\n'), {
    details: { errors: faults },
  })
}
