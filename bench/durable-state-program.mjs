// In: the built library's folder, rounds; ENDPOINT and keys of an S3 store. Out: JSON, milliseconds of one operation of `ctx.state` and of the bare
// requests that it cannot do without. By durable.mjs.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { interleaved, timed } from './measure.mjs'

const [built, rounds] = process.argv.slice(2)
const load = (path) => import(pathToFileURL(join(built, path)).href)
const { createRunState } = await load('reconcile/run-state.js')
const { openStore } = await load('store/open-store.js')
const { createStateStore } = await load('store/state.js')
const { systemClock } = await load('util/clock.js')

/** Few at a time, and more often in turn: other programs disturb a server, too. */
const OPERATIONS = 5
const TURNS_A_ROUND = 4
/** Turns that do not count: until then much is compiled. */
const WARM_UP = 20
const BUCKET = 'bench-durable'
const { ENDPOINT } = process.env
const client = new S3Client({
  endpoint: ENDPOINT,
  region: 'us-east-1',
  forcePathStyle: true,
  // The least that it can do: no checksums that nobody asked for.
  requestChecksumCalculation: 'WHEN_REQUIRED',
  responseChecksumValidation: 'WHEN_REQUIRED',
})
await client.send(new CreateBucketCommand({ Bucket: BUCKET }))

const url = `s3://${BUCKET}/store?endpoint=${encodeURIComponent(ENDPOINT)}`
const store = await openStore(url, { baseDirectory: '/', clock: systemClock })
const backend = createStateStore(store, { target: 'shop', destination: 'bench', run: 'bench' })
const state = createRunState({
  target: 'shop',
  backend: () => Promise.resolve(backend),
  check: () => Promise.resolve(),
  hasSecret: () => false,
}).view(() => false)
let turn = 0
const value = () => ({ rotated: 1_767_225_600_000, key: 'k-0123456789', turn: (turn += 1) })
await state.set('rotation', value())

const { Contents } = await client.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: 'store/state/' }))
const bareGet = async (key) => {
  const { Body, ETag, Metadata } = await client.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }))
  return { body: await Body.transformToByteArray(), etag: ETag, metadata: Metadata }
}
const [{ Key: storedKey }] = Contents
const { body: stored, metadata: Metadata } = await bareGet(storedKey)
const barePut = async (key, condition) => {
  // The object that the state is stored in, metadata and all, with other bytes each time as those of the state are.
  const Body = Uint8Array.from(stored)
  Body.set(Buffer.from(String((turn += 1)).padStart(8, '0')))
  await client.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body, Metadata, ...condition }))
}
const indexes = Array.from({ length: OPERATIONS }, (_, index) => index)
const ownKey = (index) => `put-${String(index)}`
const bareKey = (index) => `bare/put-${String(index)}`
for (const index of indexes) {
  await state.set(ownKey(index), value())
  await barePut(bareKey(index), { IfNoneMatch: '*' })
}

const operations = (work) => ({
  run: async () =>
    (await timed(async () => {
      for (const index of indexes) await work(index)
    })) / OPERATIONS,
})
let read = []
let etags = []
const sides = {
  get: operations(() => state.get('rotation')),
  bareGet: operations(() => bareGet(storedKey)),
  put: {
    before: async () => (read = await Promise.all(indexes.map((index) => backend.read(ownKey(index))))),
    ...operations(async (index) => {
      if (!(await backend.write(ownKey(index), value(), read[index]))) throw new Error('a put was refused')
    }),
  },
  barePut: {
    before: async () => (etags = await Promise.all(indexes.map(async (index) => (await bareGet(bareKey(index))).etag))),
    ...operations((index) => barePut(bareKey(index), { IfMatch: etags[index] })),
  },
  update: operations((index) => state.update(ownKey(index), value)),
  bareUpdate: operations(async (index) => {
    const { etag } = await bareGet(bareKey(index))
    await barePut(bareKey(index), { IfMatch: etag })
  }),
}
await interleaved(sides, { rounds: WARM_UP })
const times = await interleaved(sides, { rounds: Number(rounds) * TURNS_A_ROUND })
const row = (label, own, bare) => ({ label, ownMs: times[own].ms, bareMs: times[bare].ms })
console.log(
  JSON.stringify([
    row('get, against a GET', 'get', 'bareGet'),
    row('put, against a conditional PUT', 'put', 'barePut'),
    row('update, against both in turn', 'update', 'bareUpdate'),
  ]),
)
await store.close()
client.destroy()
