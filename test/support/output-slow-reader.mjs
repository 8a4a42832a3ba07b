// Reads standard input in small bites with a pause after each, then prints how many bytes came and their SHA-256.
import { createHash } from 'node:crypto'
import { readSync } from 'node:fs'

const bite = Buffer.alloc(32 * 1024)
const pause = new Int32Array(new SharedArrayBuffer(4))
const hash = createHash('sha256')
let bytes = 0
for (;;) {
  const read = readSync(0, bite)
  if (read === 0) break
  hash.update(bite.subarray(0, read))
  bytes += read
  Atomics.wait(pause, 0, 0, 1)
}
console.log(`${bytes} ${hash.digest('hex')}`)
