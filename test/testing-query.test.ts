// ctx.source.query in tests of integrations: the files of `data` are a bundle too.
import { describe, expect, it } from 'vitest'
import { defineIntegration, diff, listing } from '../src/index.js'
import { assertConverges, recordRun } from '../src/testing.js'
import { COMPANY, INPUTS } from './support/data-company.js'

const files = COMPANY as Readonly<Record<string, string | object>>
const data = Object.fromEntries(
  Object.entries(files).map(([path, content]) => [
    path,
    typeof content === 'string' ? content : JSON.stringify(content),
  ]),
)

interface Lead {
  readonly team: string
  readonly lead: string
}

function leads(world: Map<string, string>) {
  return defineIntegration({
    name: 'leads',
    version: '1.0.0',
    deletePolicy: 'never',
    inputs: INPUTS,
    async desiredState({ source }): Promise<Lead[]> {
      const answer = await source.query<{ teams: { name: string; lead: { name: string } | null }[] }>(
        '{ teams { name lead { name } } }',
      )
      return answer.teams.map(({ name, lead }) => ({ team: name, lead: lead?.name ?? 'nobody' }))
    },
    run(ctx, desired) {
      const items = [...world].map(([team, lead]): Lead => ({ team, lead }))
      return ctx.plan(diff({ desired, current: listing.whole(items), key: ({ team }) => team }), {
        create: ({ after }) => void world.set(after.team, after.lead),
        update: ({ after }) => void world.set(after.team, after.lead),
      })
    },
  })
}

describe('ctx.source.query under test', () => {
  it('converges', async () => {
    const world = new Map<string, string>()
    await assertConverges(leads(world), { data })
    expect([...world]).toEqual([
      ['ops', 'nobody'],
      ['web', 'ann'],
    ])
  })

  it('asks the base as it asks the head', async () => {
    const changed = { ...data, 'data/users/bob.yml': '$schema: /user-1.yml\nname: robert\n' }
    const { record } = await recordRun(leads(new Map()), { data: changed, base: data })
    expect(record.decision).toMatchObject({ action: 'skip', reason: 'desired-unchanged' })
    const other = { ...data, 'data/users/ann.yml': '$schema: /user-1.yml\nname: anna\n' }
    expect((await recordRun(leads(new Map()), { data: other, base: data })).record.decision.reason).toBe(
      'desired-changed',
    )
  })
})
