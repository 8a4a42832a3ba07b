// Rows of a hit with the store on S3 (versitygw on loopback), each in a fresh process, against the same GET by a bundled program of the AWS client
// and by one that signs the request itself. The server: versitygw.mjs.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { cachedRepository, fillCache, PLAN } from './cached-repository.mjs'
import { interleaved, timeChild } from './measure.mjs'
import { besideVersitygw, KEYS } from './versitygw.mjs'

const BUCKET = 'bench'
const PROGRAM = fileURLToPath(new URL('against-s3-program.mjs', import.meta.url))

/** @type {readonly import('./command.mjs').Bench[]} */
export const s3Benches = [{ name: 'hit-s3', measure }]

async function measure(place) {
  const rows = await besideVersitygw((endpoint) => measureAt(place, endpoint))
  const label = 'a hit on S3, against a GET'
  return rows ?? [{ label, note: 'no versitygw here: test/servers/versitygw.sh npm run bench:against installs it' }]
}

async function measureAt(place, endpoint) {
  const inFolder = (name) => join(place.folder, name)
  const store = `s3://${BUCKET}/bench?endpoint=${encodeURIComponent(endpoint)}`
  const env = {
    ...place.env,
    ...KEYS,
    ENDPOINT: endpoint,
    BUCKET,
  }
  const program = inFolder('s3-get.cjs')
  await build({ entryPoints: [PROGRAM], outfile: program, bundle: true, minify: true, platform: 'node', format: 'cjs' })
  const bare = inFolder('s3-get-signed.mjs')
  await build({
    entryPoints: [fileURLToPath(new URL('against-s3-signed.mjs', import.meta.url))],
    outfile: bare,
    format: 'esm',
  })
  const options = { cwd: place.folder, env }
  timeChild(process.execPath, [program, 'create-bucket'], options)
  const cwd = cachedRepository(place, { name: 'against-s3', inputs: 1 })
  const own = { cwd, env: { ...env, TRUEUP_STORE: store } }
  fillCache(place, own)
  const key = await entryKey(endpoint)
  const times = await interleaved(
    {
      own: { run: () => timeChild(process.execPath, [place.bin, ...PLAN], own) },
      client: { run: () => timeChild(process.execPath, [program, key], options) },
      signed: { run: () => timeChild(process.execPath, [bare, key], options) },
    },
    { rounds: place.rounds },
  )
  const row = (name, what, target) => ({
    label: `a hit on S3, against a GET ${what}`,
    value: times.own.ms / times[name].ms,
    unit: 'x',
    ...(target === undefined ? {} : { target }),
    note: `${times.own.ms.toFixed(0)} ms against ${times[name].ms.toFixed(0)} ms`,
  })
  return [row('client', 'by the AWS client', 1.25), row('signed', 'signed by hand')]
}

async function entryKey(endpoint) {
  // The client reads the variables of this process.
  Object.assign(process.env, KEYS)
  const { ListObjectsV2Command, S3Client } = await import('@aws-sdk/client-s3')
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true })
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: 'bench/cache/' }))
  client.destroy()
  // What is remembered of its inputs lies one part higher.
  const entries = Contents.filter(({ Key }) => Key.split('/').length === 7)
  if (entries.length !== 1) throw new Error(`${String(entries.length)} entries where one was kept`)
  return entries[0].Key
}
