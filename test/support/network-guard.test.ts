// The guard is on in every suite: loopback is reached, everything else fails at once and says which host.
import dns from 'node:dns'
import { once } from 'node:events'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'

describe('the network guard', () => {
  it('lets a test talk to its own server, by address and by name', async () => {
    const server = http.createServer((_, response) => response.end('here'))
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    try {
      expect(await (await fetch(`http://127.0.0.1:${String(port)}`)).text()).toBe('here')
      expect(await (await fetch(`http://localhost:${String(port)}`)).text()).toBe('here')
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })

  it.each(['192.0.2.1', '[2001:db8::1]', 'example.com'])('refuses %s through fetch', async (host) => {
    const failure = await fetch(`http://${host}/`).catch((error: unknown) => error as Error)
    expect(String((failure as Error).cause)).toContain(`a test tried to reach ${host.replace(/[[\]]/g, '')}`)
  })

  it('refuses a bare socket and a look-up', async () => {
    const [error] = (await once(net.connect(80, 'example.com'), 'error')) as [Error]
    expect(error.message).toContain('reach example.com: only loopback')
    await expect(dns.promises.lookup('example.com')).rejects.toThrow('reach example.com: only loopback')
  })
})
