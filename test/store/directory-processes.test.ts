// The directory store under real processes, kills and limits.
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openDirectoryStore } from '../../src/store/directory-store.js'
import type { DirectoryStore } from '../../src/store/directory-store.js'
import { storeKey } from '../../src/store/object-store.js'
import { systemClock } from '../../src/util/clock.js'
import { buildStoreProgram } from '../support/store-processes.js'
import type { StorePrograms, StoreProcess } from '../support/store-processes.js'

// Hundreds of processes are started here, on whatever machine.
describe('directory store in several processes', { timeout: 180_000 }, () => {
  let programs: StorePrograms
  let base: string
  let root: string
  const running: StoreProcess[] = []
  beforeAll(async () => {
    programs = await buildStoreProgram()
  })
  afterAll(() => programs[Symbol.asyncDispose]())
  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), 'trueup-processes-'))
    root = join(base, 'store')
  })
  afterEach(async () => {
    await Promise.all(running.splice(0).map((each) => (each.kill(), each.ended)))
    await rm(base, { recursive: true })
  })

  const start = (...args: Parameters<StorePrograms['start']>): StoreProcess => {
    const started = programs.start(...args)
    running.push(started)
    return started
  }
  const open = (directory = root): Promise<DirectoryStore> => openDirectoryStore(directory, { clock: systemClock })
  const textOf = async (store: DirectoryStore, ...parts: string[]): Promise<string> => {
    const object = await store.get(storeKey(...parts))
    return object.kind === 'missing' ? '(missing)' : Buffer.from(object.value).toString('utf8').trim()
  }
  const startSweeper = async (directory = root): Promise<void> => {
    await start({ kind: 'sweep', directory }).until(1)
  }
  /** Nothing but what counts is left after a sweep. */
  const expectTidy = async (directory: string): Promise<void> => {
    for (const each of running.splice(0)) {
      each.kill()
      await each.ended
    }
    await (await open(directory)).sweep({ graceMs: 0 })
    expect(await readdir(join(directory, 'prepared'))).toEqual([])
    const files = (await readdir(join(directory, 'objects'), { recursive: true })).filter((path) =>
      /\/[dmtx]\.[^/]*$/.test(path),
    )
    for (const path of files) expect(path).toMatch(/@\/[dmt]\./)
    const values = files.filter((path) => path.includes('/d.'))
    expect(files.filter((path) => path.includes('/t.'))).toHaveLength(values.length)
  }

  it.each([
    { durable: false, times: 20 },
    { durable: true, times: 4 },
  ])('16 lose no increment of one counter ($times each, durable: $durable)', async ({ durable, times }) => {
    await startSweeper()
    const writers = Array.from({ length: 16 }, () =>
      start({ kind: 'increment', directory: root, times, durable, padding: 0 }),
    )
    for (const writer of writers) expect(await writer.ended).toEqual({ code: 0, signal: null, stderr: '' })
    expect(await textOf(await open(), 'counter')).toBe(String(16 * times))
    expect(new Set(writers.flatMap((writer) => writer.lines)).size).toBe(16 * times)
    await expectTidy(root)
  })

  it('killed at any moment, they lose nothing that was acknowledged', async () => {
    await startSweeper()
    let acknowledged = 0
    let kills = 0
    for (let round = 0; round < 5; round += 1) {
      const writers = Array.from({ length: 4 }, () =>
        start({ kind: 'increment', directory: root, times: 100_000, durable: round === 0, padding: 50_000 }),
      )
      await Promise.all(
        writers.map(async (writer, index) => {
          await writer.until(1 + ((round * 7 + index * 5) % 13))
          writer.kill()
          expect((await writer.ended).signal).toBe('SIGKILL')
        }),
      )
      kills += writers.length
      const lines = writers.flatMap((writer) => writer.lines)
      acknowledged += lines.length
      const count = Number(await textOf(await open(), 'counter'))
      // What a killed writer had done but not yet said may be there, once a kill.
      expect(count).toBeGreaterThanOrEqual(acknowledged)
      expect(count).toBeLessThanOrEqual(acknowledged + kills)
      for (const line of lines) expect(Number(line.replace('counted ', ''))).toBeLessThanOrEqual(count)
    }
    await expectTidy(root)
  })

  describe('killed at each step', () => {
    const dieAtEachStep = async (
      action: 'create' | 'replace' | 'delete' | 'sweep',
      prepare: (round: number) => Promise<string>,
      check: (store: DirectoryStore, answer: string | undefined) => Promise<void>,
    ): Promise<number> => {
      for (let dieAt = 1; ; dieAt += 1) {
        expect(dieAt).toBeLessThan(200)
        const directory = await prepare(dieAt)
        const program = start({ kind: 'act', directory, action, dieAt })
        const { signal, stderr } = await program.ended
        expect(stderr).toBe('')
        const [, answer] = program.lines[0]?.split(' ') ?? []
        expect(signal).toBe(answer === undefined ? 'SIGKILL' : null)
        const store = await open(directory)
        await check(store, answer)
        // And all goes on.
        await store.put(storeKey('team', 'object'), Buffer.from('after'))
        expect(await textOf(await open(directory), 'team', 'object')).toBe('after')
        if (answer !== undefined) return dieAt - 1
      }
    }

    const expectWhole = async (
      store: DirectoryStore,
      answer: string | undefined,
      states: { before: string; after: string },
    ): Promise<void> => {
      const value = await textOf(store, 'team', 'object')
      expect(answer === undefined ? [states.before, states.after] : [states.after]).toContain(value)
      if (value !== 'new') return
      expect(await store.head(storeKey('team', 'object'))).toMatchObject({ metadata: { by: 'program' }, size: 3 })
    }

    it('of the first create, the old state or the new one is there', async () => {
      const steps = await dieAtEachStep(
        'create',
        async (round) => join(base, String(round)),
        (store, answer) => expectWhole(store, answer, { before: '(missing)', after: 'new' }),
      )
      expect(steps).toBeGreaterThan(20)
      await expectTidy(join(base, '1'))
      await expectTidy(join(base, String(steps)))
    })

    it.each([
      { action: 'create', before: '(missing)', after: 'new', least: 10 },
      { action: 'replace', before: 'old', after: 'new', least: 8 },
      { action: 'delete', before: 'old', after: '(missing)', least: 5 },
    ] as const)(
      'of a $action beside a sweeper, the old state or the new one is there',
      async ({ action, before, after, least }) => {
        const setUp = await open()
        await setUp.put(storeKey('team', 'neighbour'), Buffer.from('stays'))
        await startSweeper()
        const steps = await dieAtEachStep(
          action,
          async () => {
            await setUp.put(storeKey('team', 'object'), Buffer.from('old'))
            if (before === '(missing)') await setUp.delete(storeKey('team', 'object'))
            return root
          },
          (store, answer) => expectWhole(store, answer, { before, after }),
        )
        expect(steps).toBeGreaterThanOrEqual(least)
        expect(await textOf(setUp, 'team', 'neighbour')).toBe('stays')
        await expectTidy(root)
      },
    )

    it('of a sweep, nothing that counts is touched', async () => {
      const setUp = await open()
      const orphan = `5_orphan_3_${'0'.repeat(64)}`
      const steps = await dieAtEachStep(
        'sweep',
        async () => {
          await setUp.put(storeKey('team', 'object'), Buffer.from('old'))
          await writeFile(join(root, 'objects', 'team', 'object@', `d.${orphan}`), 'abc')
          await mkdir(join(root, 'objects', 'team', 'dead@'), { recursive: true })
          await writeFile(join(root, 'objects', 'team', 'dead@', `x.${orphan}`), '')
          await mkdir(join(root, 'prepared', '5-half'), { recursive: true })
          await writeFile(join(root, 'prepared', '5-half', `d.${orphan}`), 'abc')
          return root
        },
        (store) => expectWhole(store, undefined, { before: 'old', after: 'old' }),
      )
      expect(steps).toBeGreaterThanOrEqual(7)
      await expectTidy(root)
    })
  })

  it('with a limit on file sizes, says so and keeps what was', async () => {
    const store = await open()
    await store.put(storeKey('big'), Buffer.from('old'))
    const limited = start({ kind: 'put', directory: root, size: 1_000_000 }, { mostBlocks: 100 })
    expect((await limited.ended).code).toBe(0)
    expect(limited.lines[0]).toMatch(/^store-unavailable .*EFBIG.*ulimit -f/)
    expect(await textOf(store, 'big')).toBe('old')
    await expectTidy(root)
    const free = start({ kind: 'put', directory: root, size: 1_000_000 })
    await free.ended
    expect(free.lines).toEqual(['stored'])
  })
})
