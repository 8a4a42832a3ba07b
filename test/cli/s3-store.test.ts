// The built command line with its store on the S3 double: what is refused where conditions do not hold, what works all the same, and what it says.
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { KEYS, urlOf } from '../support/s3-double/open.js'
import { startS3Double, type S3Double } from '../support/s3-double/server.js'
import { createWorld, type World } from '../support/world.js'

const ab = { a: '1', b: '2' }

describe('a store on S3', () => {
  let double: S3Double
  beforeEach(async () => {
    double = await startS3Double()
  })
  afterEach(async () => double[Symbol.asyncDispose]())
  const createS3World = (env: Record<string, string> = {}): Promise<World> =>
    createWorld({
      objects: ab,
      env: {
        AWS_ACCESS_KEY_ID: KEYS.AWS_ACCESS_KEY_ID,
        AWS_SECRET_ACCESS_KEY: KEYS.AWS_SECRET_ACCESS_KEY,
        TRUEUP_STORE: urlOf(double, 'team'),
        ...env,
      },
    })
  const shown = (): string => `s3://bucket/team at ${double.endpoint}`

  it('that ignores If-Match: applies are refused with the reason, dry runs work', async () => {
    double.rules.ignored = new Set(['put-if-match'])
    await using world = await createS3World()
    const refused = await world.rig.run(['apply', 'world', '-o', 'json'])
    expect(refused.code).toBe(4)
    expect(refused.json()).toMatchObject({ runs: [{ error: { code: 'store-refused' }, outcomes: [] }] })
    expect(refused.stderr).toContain(
      `the store ${shown()} ignores If-Match, so runs could overlap: applies and durable functions are refused, dry runs and the run cache work. \`trueup store check\` shows the test.`,
    )
    expect(await world.objects()).toEqual({})
    expect(await world.calls()).toEqual([])
    const plan = await world.rig.run(['plan', 'world'])
    expect(plan.code).toBe(0)
    expect((await world.rig.run(['runs', 'list', '-o', 'json'])).stdout).toContain('dry-run')
    const owned = await world.rig.run(['owned', 'adopt', 'world', 'a'])
    expect([owned.code, owned.stderr]).toEqual([4, expect.stringContaining('ignores If-Match') as string])
  })

  it('that ignores If-Match: store check and doctor show the test, exit 1', async () => {
    double.rules.ignored = new Set(['put-if-match'])
    await using world = await createS3World()
    const check = await world.rig.run(['store', 'check'])
    expect(check.code).toBe(1)
    expect(check.stdout).toContain(
      'fail  replaced it by its former etag, which must be refused: the store said: stored',
    )
    expect(check.stdout).toContain(`The store ${shown()} ignores If-Match, so runs could overlap`)
    const json = await world.rig.run(['store', 'check', '-o', 'json'])
    expect(json.json()).toMatchObject({
      schema: 'trueup/1',
      exitCode: 1,
      store: shown(),
      fault: 'ignores If-Match',
      steps: expect.arrayContaining([
        { name: 'create', tried: 'created an object that was not there', result: 'ok', seen: null },
      ]) as unknown,
    })
    const doctor = await world.rig.run(['doctor'])
    expect(doctor.code).toBe(1)
    expect(doctor.stdout).toMatch(/^fail {2}store .* ignores If-Match, so runs could overlap/m)
  })

  it('that keeps conditions: an apply goes through, and tells nothing of the SDK', async () => {
    await using world = await createS3World({ AWS_REGION: '' })
    const done = await world.rig.run(['apply', 'world', '--log-format', 'json'])
    expect(done.code).toBe(0)
    expect(done.stderr).not.toMatch(/Deprecation|Warning|AWS/)
    expect(await world.objects()).toEqual(ab)
  })

  it('answers from the run cache without a listing, also where the kept compiled code of its client is damaged', async () => {
    await using world = await createS3World()
    const args = ['plan', 'world', '--enable-extended-early-exit', '-o', 'json']
    const hit = { runs: [{ decision: { reason: 'cache-hit' } }] }
    expect((await world.rig.run(['apply', 'world'])).code).toBe(0)
    expect((await world.rig.run(args)).json()).toMatchObject({ runs: [{ decision: { reason: 'cache-miss' } }] })
    const before = double.requests.length
    expect((await world.rig.run(args)).json()).toMatchObject(hit)
    const requests = double.requests.slice(before).map(({ method }) => method)
    expect([...new Set(requests)].sort()).toEqual(['GET', 'HEAD', 'PUT'])

    const cache = join(world.rig.home, '.cache', 'trueup')
    const code = (await readdir(cache)).find((name) => name.startsWith('code-')) ?? 'none'
    const kept = (await readdir(join(cache, code))).filter((name) => name.startsWith('run-s3-store-'))
    expect(kept.length).toBeGreaterThan(0)
    for (const name of kept) {
      const file = join(cache, code, name)
      const bytes = await readFile(file)
      await writeFile(file, bytes.fill(0, Math.floor(bytes.length / 2)))
    }
    for (let run = 0; run < 2; run += 1) expect((await world.rig.run(args)).json()).toMatchObject(hit)
  })

  it('with rights to read alone: a dry run works and says that its record was not kept', async () => {
    await using world = await createS3World()
    expect((await world.rig.run(['apply', 'world'])).code).toBe(0)
    double.rules.denied = new Set(['PUT', 'DELETE'])
    const plan = await world.rig.run(['plan', 'world'])
    expect(plan.code).toBe(0)
    expect(plan.stderr).toContain('the record of this run could not be kept')
    expect(plan.stderr).toContain('denied; writing needs s3:PutObject')
    expect((await world.rig.run(['apply', 'world'])).code).not.toBe(0)
  })

  it('with a default retention (Content-MD5 required): applies work; without the right to delete none starts', async () => {
    double.rules.requiresContentMd5 = true
    await using world = await createS3World()
    expect((await world.rig.run(['apply', 'world'])).code).toBe(0)
    await using other = await createS3World({ TRUEUP_STORE: urlOf(double, 'other') })
    double.rules.denied = new Set(['DELETE'])
    const stopped = await other.rig.run(['apply', 'world'])
    expect([stopped.code, stopped.stderr]).toEqual([
      1,
      expect.stringContaining('denied; deleting needs s3:DeleteObject') as string,
    ])
    expect(await other.calls()).toEqual([])
  })

  it('without credentials says what was tried, and ends', async () => {
    await using world = await createS3World({ AWS_ACCESS_KEY_ID: '', AWS_EC2_METADATA_DISABLED: 'true' })
    const { code, stderr } = await world.rig.run(['lease', 'list'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^trueup: The store s3:\/\/bucket\/team at .* has no credentials: .*Tried, in this order:/)
    expect(stderr).not.toContain('    at ')
  })

  it('refuses a copy into itself or memory, and tells usage', async () => {
    await using world = await createS3World()
    const url = urlOf(double, 'team')
    expect((await world.rig.run(['store', 'copy', url, url])).code).toBe(64)
    expect((await world.rig.run(['store', 'copy', url, 'memory:'])).code).toBe(64)
    expect((await world.rig.run(['store', 'copy', url])).code).toBe(64)
  })
})
