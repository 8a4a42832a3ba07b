// Addresses of trusted proxies as text come in; whether a peer is one of them goes out.
import { BlockList, isIP } from 'node:net'
import { TrueupError } from '../../../errors.js'

export interface Proxies {
  has(address: string): boolean
}

/** @param texts - `10.0.0.7`, `10.0.0.0/8`, `fd00::/8` @throws usage for anything else */
export function proxiesOf(texts: readonly string[]): Proxies {
  const list = new BlockList()
  for (const text of texts) {
    const [, address = '', , digits] = /^([^/]+)(\/(\d{1,3}))?$/.exec(text) ?? []
    const version = isIP(address)
    const most = version === 4 ? 32 : 128
    const bits = digits === undefined ? most : Number(digits)
    if (version === 0 || bits > most)
      throw new TrueupError(
        'usage',
        `--trusted-proxy takes an address or a range of them, such as 10.0.0.7 or 10.0.0.0/8, not "${text}"`,
      )
    list.addSubnet(address, bits, version === 4 ? 'ipv4' : 'ipv6')
  }
  return {
    has(address) {
      // As a socket of both families tells an IPv4 peer.
      const plain = address.replace(/^::ffff:(?=\d+\.)/i, '')
      const version = isIP(plain)
      return version !== 0 && list.check(plain, version === 4 ? 'ipv4' : 'ipv6')
    },
  }
}
