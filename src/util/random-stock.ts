// Random bytes are taken from the system in large portions and given out in small ones: asking costs more than the bytes. None is given out twice.
import { randomBytes } from 'node:crypto'

const PORTION = 4_096

/** So many random bytes a call, from one stock. */
export function createRandomStock(): (size: number) => Uint8Array {
  let stock: Uint8Array = new Uint8Array(0)
  let given = 0
  return (size) => {
    if (given + size > stock.byteLength) {
      stock = randomBytes(Math.max(size, PORTION))
      given = 0
    }
    given += size
    return stock.subarray(given - size, given)
  }
}
