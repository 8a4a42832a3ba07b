// `npm run bench:against`: a hit of the run cache against hits of other programs, installed from npm into a temporary folder, and a hit on S3
// against the bare GET. Options: command.mjs.
import { againstBenches } from './against-npm.mjs'
import { s3Benches } from './against-s3.mjs'
import { benchCommand } from './command.mjs'

await benchCommand([...againstBenches, ...s3Benches])
