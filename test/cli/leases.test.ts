// Leases on the built CLI: who is told what while an apply runs, waiting for it, the list, and ending a lease by hand.
import { rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { describe, expect, it } from 'vitest'
import { createThings, type Things } from '../support/things.js'
import type { RunningChild } from '../support/rig.js'

interface LeaseJson {
  readonly id: string
  readonly destination: string
  readonly shard: string | null
  readonly target: string | null
  readonly host: string | null
  readonly state: string
  readonly since: string
  readonly expires: string | null
}

/** An apply that waits in its first change until `go`. */
async function slowApply(rig: Things, ...args: readonly string[]): Promise<RunningChild & { go(): Promise<void> }> {
  await writeFile(`${rig.world}.wait`, '')
  const child = rig.start(['apply', 'things', '--concurrency', '1', '--log-level', 'debug', ...args], {
    env: { CI_JOB_URL: 'https://ci.example.com/jobs/81' },
  })
  await child.until(/started {2}create/)
  return { ...child, go: () => rm(`${rig.world}.wait`) }
}

async function leasesOf(rig: Things): Promise<readonly LeaseJson[]> {
  return ((await rig.run(['lease', 'list', '-o', 'json'])).json() as { readonly leases: readonly LeaseJson[] }).leases
}

describe('leases', () => {
  it('are told while an apply runs: to a second apply (75), and to who asks', async () => {
    await using rig = await createThings()
    const slow = await slowApply(rig)
    const leases = await leasesOf(rig)
    expect(leases).toMatchObject([
      { destination: 'things', shard: null, target: 'things', host: hostname(), state: 'alive' },
    ])
    const id = leases[0]?.id ?? ''
    const text = await rig.run(['lease'])
    expect(text.stdout).toMatch(/^ID +TARGET +DESTINATION +SHARD +BY +SINCE +UNTIL +URL\n/)
    expect(text.stdout).toContain('https://ci.example.com/jobs/81')

    const second = await rig.run(['apply', 'things'])
    expect(second.code).toBe(75)
    expect(second.stderr).toMatch(
      new RegExp(
        `things is held by run ${id} on ${hostname()} \\(https://ci\\.example\\.com/jobs/81\\) until \\d\\d:\\d\\d:\\d\\d UTC\\. Wait for it with --lease-wait 2m\\.`,
      ),
    )
    expect(second.stderr).toContain('decision=none reason=lease-held')
    const { runs } = (await rig.run(['runs', 'list', '-o', 'json'])).json() as {
      readonly runs: readonly { readonly decision: { readonly reason: string }; readonly exitCode: number }[]
    }
    expect(runs[0]).toMatchObject({ decision: { action: 'none', reason: 'lease-held' }, exitCode: 75 })

    await slow.go()
    expect((await slow.result).code).toBe(0)
    expect((await rig.run(['lease', 'list'])).stdout).toBe('No apply holds a lease.\n')
  })

  it('are waited for with --lease-wait, or TRUEUP_LEASE_WAIT, and the one who waits says so once', async () => {
    await using rig = await createThings()
    const slow = await slowApply(rig)
    const waiting = rig.start(['apply', 'things'], { env: { TRUEUP_LEASE_WAIT: '2m' } })
    await waiting.until(/Waiting for it up to 2m\./)
    await slow.go()
    expect((await slow.result).code).toBe(0)
    const { code, stderr } = await waiting.result
    expect(code).toBe(0)
    expect(stderr.match(/is held by run/g)).toHaveLength(1)
    const late = await rig.run(['apply', 'things', '--lease-wait', '0'])
    expect(late.code).toBe(0)
  })

  it('are ended by hand only by their id, and by force while their run lives: it starts nothing more', async () => {
    await using rig = await createThings()
    const slow = await slowApply(rig)
    const [lease] = await leasesOf(rig)
    const id = lease?.id ?? ''
    expect(await rig.run(['lease', 'release'])).toMatchObject({ code: 64 })
    expect((await rig.run(['lease', 'release', 'nobody'])).stderr).toContain('no run "nobody" holds a lease')
    const refused = await rig.run(['lease', 'release', id])
    expect(refused.code).toBe(75)
    expect(refused.stderr).toContain(`trueup lease release ${id} --force`)
    expect(await leasesOf(rig)).toHaveLength(1)
    const released = await rig.run(['lease', 'release', id.slice(0, 12), '--force'])
    expect(released).toMatchObject({ code: 0, stdout: `Released 1 lease of run ${id}.\n` })
    expect(await leasesOf(rig)).toEqual([])
    await slow.go()
    const { code, stderr } = await slow.result
    expect(code).toBe(5)
    expect(stderr).toContain('lost its lease')
    expect(Object.keys((await rig.readWorld()) as object)).toHaveLength(1)
    expect((await rig.run(['apply', 'things'])).code).toBe(0)
    expect(await rig.readWorld()).toEqual({ a: 'hello 1', b: 'hello 2' })
  })

  it('of a killed run are taken over at once', async () => {
    await using rig = await createThings()
    const slow = await slowApply(rig)
    slow.kill('SIGKILL')
    await slow.result
    expect(await leasesOf(rig)).toMatchObject([{ state: 'dead' }])
    await slow.go()
    const next = await rig.run(['apply', 'things'])
    expect(next.code).toBe(0)
    expect(await rig.readWorld()).toEqual({ a: 'hello 1', b: 'hello 2' })
  })
})
