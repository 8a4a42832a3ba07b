// A dry run never writes: whatever run() tries while planning is refused, and the server saw nothing. Handlers of an apply may.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { createWorld, type World } from '../support/world.js'

/** A server that remembers what it was asked. */
async function listen(): Promise<{ url: string; seen: string[] } & AsyncDisposable> {
  const seen: string[] = []
  const server: Server = createServer((request, response) => {
    seen.push(`${request.method ?? ''} ${request.url ?? ''}`)
    request.resume()
    response.end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const viaHttp = `const send = (method, url) => new Promise((resolve, reject) => {
  request(url, { method }, (response) => { response.resume(); response.on('end', resolve) }).on('error', reject).end()
})`
const top = `import { request } from 'node:http'\n${viaHttp}`

describe('while planning', () => {
  it.each([
    ['fetch', 'POST', (url: string) => `await fetch('${url}/x', { method: 'POST', body: '{}' })`],
    ['fetch of a Request', 'DELETE', (url: string) => `await fetch(new Request('${url}/x', { method: 'DELETE' }))`],
    ['http.request', 'POST', (url: string) => `await send('POST', '${url}/x')`],
    ['http.request', 'PUT', (url: string) => `await send('PUT', '${url}/x')`],
    ['ctx.http', 'POST', (url: string) => `await ctx.http('${url}/x', { method: 'POST' })`],
    [
      'ctx.http that says it reads, with another method',
      'PATCH',
      (url: string) => `await ctx.http('${url}/x', { method: 'PATCH', reads: true })`,
    ],
  ])('%s: %s is refused, by name, and nothing is sent', async (_client, method, code) => {
    await using server = await listen()
    await using world = await createWorld({ objects: { a: '1' }, top, planning: code(server.url) })
    for (const mode of [
      ['plan', 'world'],
      ['run', 'world'],
      ['apply', 'world'],
    ]) {
      const { code: ended, stdout, stderr } = await world.rig.run([...mode, '-o', 'json'])
      expect({ ended, stderr }).toMatchObject({
        ended: 1,
        stderr: expect.stringMatching(new RegExp(`world.*${method}`)) as string,
      })
      expect(JSON.parse(stdout)).toMatchObject({
        runs: [{ error: { code: 'dry-run-write', details: { integration: 'world', method } } }],
      })
    }
    expect(server.seen).toEqual([])
    expect(await world.calls()).toEqual([])
  })

  it('ctx.exec is refused', async () => {
    await using world = await createWorld({
      objects: { a: '1' },
      planning: "await ctx.exec('touch', [at('objects', 'touched')])",
    })
    const { code, stderr } = await world.rig.run(['plan', 'world'])
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringMatching(/world.*touch/) as string })
    expect(await world.objects()).toEqual({})
  })

  it('desiredState() may not write either', async () => {
    await using server = await listen()
    await using world = await createWorld({
      objects: { a: '1' },
      desiring: `await fetch('${server.url}/x', { method: 'POST' })`,
    })
    expect((await world.rig.run(['plan', 'world'])).code).toBe(1)
    expect(server.seen).toEqual([])
  })

  it('reading works: GET by any client, and a POST that is declared to read', async () => {
    await using server = await listen()
    await using world = await createWorld({
      objects: { a: '1' },
      top,
      planning: `
        await fetch('${server.url}/fetch')
        await send('GET', '${server.url}/http')
        await ctx.http('${server.url}/ctx')
        await ctx.http('${server.url}/query', { method: 'POST', reads: true })`,
    })
    const { code, stderr } = await world.rig.run(['plan', 'world'])
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(server.seen).toEqual(['GET /fetch', 'GET /http', 'GET /ctx', 'POST /query'])
  })
})

describe('handlers', () => {
  it('may write by any client, in an apply', async () => {
    await using server = await listen()
    await using world = await createWorld({
      objects: { a: '1' },
      top,
      handling: `
        await fetch('${server.url}/fetch', { method: 'POST' })
        await send('PUT', '${server.url}/http')
        await ctx.http('${server.url}/ctx', { method: 'PATCH' })
        await ctx.exec('true')`,
    })
    const { code, stdout } = await world.rig.run(['apply', 'world'])
    expect({ code, stdout }).toMatchObject({ code: 0 })
    expect(server.seen).toEqual(['POST /fetch', 'PUT /http', 'PATCH /ctx'])
  })

  it.each([
    ['plan', ['plan', 'world'], {}],
    ['run without a word', ['run', 'world'], {}],
    ['run in CI', ['run', 'world'], { CI: 'true' }],
    ['run --dry-run', ['run', 'world', '--dry-run'], {}],
    [
      'run where a variable asks for more',
      ['run', 'world'],
      { TRUEUP_APPLY: 'true', TRUEUP_NO_DRY_RUN: 'true', TRUEUP_DRY_RUN: 'false' },
    ],
    ['plan that is told yes', ['plan', 'world', '--yes'], {}],
  ] as const)('are not called by %s', async (_name, args, env) => {
    await using world = await createWorld({ objects: { a: '1' } })
    await world.rig.run(args, { env })
    expect(await world.calls()).toEqual([])
    expect(await world.objects()).toEqual({})
  })

  it('are not called by a dry run even where trueup.yaml says apply', async () => {
    await using world: World = await createWorld({
      objects: { a: '1' },
      files: { 'trueup.yaml': 'version: 1\nintegrations: [integrations]\ntargets:\n  world: { apply: true }\n' },
    })
    expect((await world.rig.run(['run', 'world'])).code).toBe(0)
    expect(await world.calls()).toEqual([])
  })
})
