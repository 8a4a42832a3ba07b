// What 50 runs print at once in one process lands in the right run and shard; trueup's own prints in none. Streams and console are this process's.
import { spawn } from 'node:child_process'
import { Console } from 'node:console'
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import type { LogRecord, Reporter } from '../../src/event.js'
import { installCapture, type InstalledCapture } from '../../src/report/capture.js'
import { createExec } from '../../src/reconcile/exec.js'
import { createRunLog } from '../../src/report/run-log.js'
import { createBudget } from '../../src/util/budget.js'
import { boundedMap } from '../../src/util/bounded-map.js'
import { boundSignal } from '../../src/util/bound-signal.js'
import { createFakeClock } from '../../src/util/fake-clock.js'

const clock = createFakeClock()
const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

interface Installed {
  readonly capture: InstalledCapture
  readonly console: Console
  readonly stdout: PassThrough
  readonly stderr: PassThrough
  /** Lines of nobody. */
  readonly unowned: string[]
}

function install(): Installed {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const own = new Console({ stdout, stderr })
  // The global one has the constructor as a member.
  const console = Object.assign(own, { Console })
  const unowned: string[] = []
  const capture = installCapture({ console, stdout, stderr, unowned: (line) => unowned.push(line) })
  const onWarning = (warning: Error): void => void capture.takeWarning(warning)
  const others = process.listeners('warning')
  process.removeAllListeners('warning').on('warning', onWarning)
  cleanups.push(() => {
    capture.uninstall()
    process.removeAllListeners('warning')
    for (const other of others) process.on('warning', other)
  })
  return { capture, console, stdout, stderr, unowned }
}

interface Run {
  readonly target: string
  readonly records: LogRecord[]
  readonly reporter: Reporter
  /** As `[shard] source level message`. */
  lines(): string[]
}

function run(target: string): Run {
  const records: LogRecord[] = []
  const reporter: Reporter = {
    report: (event) => {
      if (event.kind === 'logged') {
        expect(event.target).toBe(target)
        records.push(event.record)
      }
    },
  }
  const lines = (): string[] =>
    records.map(({ shard, source, level, message }) => `[${shard ?? ''}] ${source ?? 'log'} ${level} ${message}`)
  return { target, records, reporter, lines }
}

describe('50 runs at once', () => {
  it('each get what they print: console, streams, timers, warnings, programs, in order within a source', async () => {
    const { capture, console, stdout, stderr, unowned } = install()
    const runs = Array.from({ length: 50 }, (_, index) => run(`target-${String(index)}`))
    const shards = ['eu', 'us']
    // One queue for all of them, as a library has it: its worker runs in the context of whoever came first.
    const bounded = boundedMap(createBudget(4))

    async function author({ target, reporter }: Run, shard: string): Promise<void> {
      const name = `${target}/${shard}`
      console.log('%s starts', name)
      stdout.write(`${name} in `)
      await setImmediate()
      stdout.write('two pieces\n')
      console.group(`${name} group`)
      await bounded([1, 2, 3], async (item) => {
        await setTimeout(Math.floor(item / 2))
        console.warn(`${name} item ${String(item)}`)
      })
      console.groupEnd()
      process.emitWarning(`${name} is old`, { code: 'OLD' })
      const log = createRunLog({ target, shard, source: 'exec', clock, reporter })
      const signal = new AbortController().signal
      const exec = createExec({ integration: target, log, signal, planning: () => false })
      if (shard === 'eu' && target.endsWith('7'))
        await exec(process.execPath, ['-e', `console.log(${JSON.stringify(`${name} child`)})`])
      // Started past the engine, its output piped by hand.
      if (shard === 'us' && target.endsWith('7')) {
        const child = spawn(process.execPath, ['-e', `console.log(${JSON.stringify(`${name} piped`)})`])
        child.stdout.pipe(stderr, { end: false })
        await once(child, 'close')
      }
      console.error(new Error(`${name} failed`).message)
      await setImmediate()
    }
    await Promise.all(
      runs.map(async (one) => {
        const authored = capture.forRun({ target: one.target, reporter: one.reporter, clock })
        await Promise.all(shards.map((shard) => authored(shard, () => author(one, shard))))
      }),
    )

    for (const { target, records, lines } of runs) {
      for (const shard of shards) {
        const name = `${target}/${shard}`
        const own = lines().filter((line) => line.startsWith(`[${shard}]`))
        const starting = `[${shard}]`
        const expected = [
          `${starting} console info ${name} starts`,
          `${starting} stdout info ${name} in two pieces`,
          `${starting} console info ${name} group`,
          ...[1, 2, 3].map((item) => `${starting} console warn   ${name} item ${String(item)}`),
          `${starting} warning warn Warning: ${name} is old`,
          ...(shard === 'eu' && target.endsWith('7') ? [`${starting} exec info ${name} child`] : []),
          ...(shard === 'us' && target.endsWith('7') ? [`${starting} stderr info ${name} piped`] : []),
          `${starting} console error ${name} failed`,
        ]
        expect([...own].sort()).toEqual([...expected].sort())
        const byConsole = own.filter((line) => line.includes('console'))
        expect(byConsole[0]).toBe(expected[0])
        expect(byConsole.at(-1)).toBe(expected.at(-1))
      }
      expect(records.every(({ message }) => message.includes(target))).toBe(true)
      expect(records.find(({ source }) => source === 'warning')?.fields).toEqual({ code: 'OLD' })
    }
    expect(unowned).toEqual([])
    expect([stdout.readableLength, stderr.readableLength]).toEqual([0, 0])
  })

  it('a timer that outlives its run still prints into it, and a promise made by another run does not change hands', async () => {
    const { capture, console } = install()
    const [first, second] = [run('first'), run('second')]
    let release: (() => void) | undefined
    const shared = new Promise<void>((resolve) => {
      release = resolve
    })
    let late: Promise<void> | undefined
    await capture.forRun({ ...first, clock })('', async () => {
      late = shared.then(() => {
        console.log('late')
      })
    })
    await capture.forRun({ ...second, clock })('', async () => {
      console.log('before')
      release?.()
      await shared
      console.log('after')
    })
    await late
    expect(first.lines()).toEqual(['[] console info late'])
    expect(second.lines()).toEqual(['[] console info before', '[] console info after'])
  })

  it('listeners of a shared signal print into the run that listened', () => {
    const { capture, console, unowned } = install()
    const stop = new AbortController()
    const runs = Array.from({ length: 30 }, (_, index) => run(`t${String(index)}`))
    for (const one of runs) {
      const authored = capture.forRun({ ...one, clock })
      authored('', () => {
        boundSignal(stop.signal).addEventListener('abort', () => {
          console.log(`${one.target} stops`)
        })
      })
    }
    stop.abort(new Error('enough'))
    expect(runs.map(({ lines }) => lines())).toEqual(runs.map(({ target }) => [`[] console info ${target} stops`]))
    expect(unowned).toEqual([])
    expect(boundSignal(stop.signal).reason).toEqual(new Error('enough'))
  })
})

describe('console', () => {
  it('every method, with its level, formatted as Node does it', () => {
    const { capture, console } = install()
    const one = run('x')
    capture.forRun({ ...one, clock })('', () => {
      console.log('a %s %d', 'b', 1, { deep: { er: [1] } })
      console.info('info')
      console.debug('debug')
      console.warn('warn')
      console.error('error')
      console.dir({ a: { b: { c: { d: 1 } } } }, { depth: 0, colors: true })
      console.dirxml('xml')
      console.assert(true, 'not shown')
      console.assert(false, 'must be %s', 'so')
      console.count()
      console.count('named')
      console.countReset('named')
      console.count('named')
      console.group('outer')
      console.groupCollapsed('inner')
      console.log('two\nlines')
      console.groupEnd()
      console.groupEnd()
      console.clear()
      console.table([{ a: 1 }])
      console.log()
    })
    expect(one.lines()).toEqual([
      '[] console info a b 1 { deep: { er: [ 1 ] } }',
      '[] console info info',
      '[] console debug debug',
      '[] console warn warn',
      '[] console error error',
      '[] console info { a: [Object] }',
      '[] console info xml',
      '[] console error Assertion failed: must be so',
      '[] console info default: 1',
      '[] console info named: 1',
      '[] console info named: 1',
      '[] console info outer',
      '[] console info   inner',
      '[] console info     two\n    lines',
      '[] console info ┌─────────┬───┐\n│ (index) │ a │\n├─────────┼───┤\n│ 0       │ 1 │\n└─────────┴───┘',
      '[] console info ',
    ])
  })

  it('trace and timers', () => {
    const { capture, console } = install()
    const one = run('x')
    const authored = capture.forRun({ ...one, clock })
    authored('', () => {
      console.time('t')
    })
    authored('', () => {
      console.timeLog('t', 'now')
      console.timeEnd('t')
      console.trace('here')
    })
    const [log, end, trace] = one.lines()
    expect(log).toMatch(/^\[\] console info t: [\d.]+ms now$/)
    expect(end).toMatch(/^\[\] console info t: [\d.]+ms$/)
    expect(trace).toMatch(/^\[\] console info Trace: here\n {4}at /)
  })
})

describe('streams', () => {
  it('gives whole lines, whatever they come in; calls back; stores no colours', async () => {
    const { capture, stdout, stderr } = install()
    const one = run('x')
    await capture.forRun({ ...one, clock })('', async () => {
      const bytes = Buffer.from('größe\r\nzwei')
      for (const byte of bytes) stdout.write(Buffer.from([byte]))
      stdout.write('6869', 'hex')
      await new Promise<void>((resolve) =>
        stderr.write('\u001b[31mred\u001b[0m \u001b]0;title here\u0007text\n', () => resolve()),
      )
      await new Promise<void>((resolve) => stderr.write('10%\r20%\b\n', 'utf8', () => resolve()))
      expect(stderr.write('end')).toBe(true)
    })
    expect(one.lines().sort()).toEqual(
      [
        '[] stdout info größe',
        '[] stdout info zweihi',
        '[] stderr info red text',
        '[] stderr info 10%\n20%',
        '[] stderr info end',
      ].sort(),
    )
  })

  it('a line without an end is told in pieces, between words', () => {
    const { capture, stdout } = install()
    const one = run('x')
    const word = 'abcdefg '
    capture.forRun({ ...one, clock })('', () => {
      for (let index = 0; index < 100_000; index += 1) stdout.write(word)
    })
    expect(one.records.length).toBeGreaterThan(2)
    expect(one.records.every(({ message }) => message.length <= 256 * 1024 && message.startsWith(word))).toBe(true)
    expect(one.records.map(({ message }) => message).join('')).toBe(word.repeat(100_000))
  })
})

describe('whose it is not', () => {
  it('what is printed outside of a run, or by trueup itself in one, goes to no run and never to stdout', async () => {
    const { capture, console, stdout, stderr, unowned } = install()
    const one = run('x')
    console.log('outside\nof a run')
    await capture.forRun({ ...one, clock })('', async () => {
      await capture.own(async () => {
        console.warn('the SDK is old')
        process.emitWarning('Node 20 is old')
        await setImmediate()
        stdout.write('::set-output name=a::b')
      })
      console.log('mine')
    })
    capture.flush()
    expect(one.lines()).toEqual(['[] console info mine'])
    expect(unowned).toEqual(['outside', 'of a run', 'the SDK is old', '::set-output name=a::b'])
    expect([stdout.readableLength, stderr.readableLength]).toEqual([0, 0])
  })

  it('silently drops', async () => {
    const { capture, console, stdout, unowned } = install()
    await capture.silently(async () => {
      console.log('the base')
      await setImmediate()
      stdout.write('side\n')
    })
    capture.flush()
    expect(unowned).toEqual([])
  })

  it('uninstalled, everything prints as before', () => {
    const { capture, console, stdout } = install()
    capture.uninstall()
    console.log('plain')
    expect(String(stdout.read())).toBe('plain\n')
  })
})

describe('ctx.log', () => {
  it('never throws at an author, and keeps plain text and JSON', () => {
    const one = run('x')
    const log = createRunLog({ target: 'x', clock, reporter: one.reporter })
    const circular: Record<string, unknown> = { big: 10n, at: new Date(0), text: '\u001b[1mbold\u001b[0m' }
    circular['self'] = circular
    log.info('\u001b[32mgreen\u001b[0m', circular as never)
    log.warn(new Error('not a text') as never, ['list'] as never)
    expect(one.records).toEqual([
      {
        level: 'info',
        time: clock.now(),
        message: 'green',
        fields: { big: '10', at: '1970-01-01T00:00:00.000Z', text: 'bold', self: '(circular)' },
      },
      { level: 'warn', time: clock.now(), message: 'Error: not a text', fields: { value: ['list'] } },
    ])
  })
})
