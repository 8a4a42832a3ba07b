import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createOutput } from '../../src/cli/output.js'

const support = (name: string): string => fileURLToPath(new URL(`../support/${name}`, import.meta.url))
const reader = support('output-slow-reader.mjs')
const size = 5 * 1024 * 1024
const head = '{"filler":"'
const tail = '"}\n'
const text = head + 'é😀'.repeat((size - head.length - tail.length) / 6) + tail
const whole = `${Buffer.byteLength(text)} ${createHash('sha256').update(text).digest('hex')}`

let folder = ''
let program = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trueup-output-'))
  program = join(folder, 'program.mjs')
  await build({
    entryPoints: [support('output-program.mjs')],
    bundle: true,
    format: 'esm',
    platform: 'node',
    outfile: program,
  })
})

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
})

/** A shell line in which `$NODE $PROGRAM` is the program; its exit code ends up in stderr, as that of a pipe's head is lost. */
function shell(line: string): { readonly code: number | null; readonly stdout: string; readonly stderr: string } {
  const { status, stdout, stderr } = spawnSync('sh', ['-c', line], {
    env: { PATH: process.env['PATH'], NODE: process.execPath, PROGRAM: program, READER: reader },
    encoding: 'utf8',
  })
  return { code: status, stdout, stderr }
}

describe('a real process', () => {
  it.each(['drain', 'exit'])('5 MB reach a slow reader of a pipe whole (%s)', (mode) => {
    const { stdout, stderr } = shell(`{ "$NODE" "$PROGRAM" ${size} ${mode}; echo "exit $?" >&2; } | "$NODE" "$READER"`)
    expect(stdout.trim()).toBe(whole)
    expect(stderr).toBe('exit 0\n')
  })

  it('5 MB reach a reader of a socket that starts late', async () => {
    const child = spawn(process.execPath, [program, String(size), 'exit'], { stdio: ['ignore', 'pipe', 'pipe'] })
    const ended = new Promise((resolve) => child.on('close', resolve))
    const hash = createHash('sha256')
    let bytes = 0
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      hash.update(chunk)
      bytes += chunk.length
      // Lets the buffers between the two fill up again before the next read.
      for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    }
    expect(await ended).toBe(0)
    expect(`${bytes} ${hash.digest('hex')}`).toBe(whole)
  })

  it('`| head` ends quietly with exit 0', () => {
    const { code, stdout, stderr } = shell(`{ "$NODE" "$PROGRAM" ${size}; echo "exit $?" >&2; } | head -c 100`)
    expect(code).toBe(0)
    expect(Buffer.byteLength(stdout)).toBeGreaterThan(60)
    expect(stderr).toBe('exit 0\n')
  })

  it('a reader of stderr that has gone is no trouble either', () => {
    expect(shell(`{ { "$NODE" "$PROGRAM" 100 3>&1 1>&2 2>&3; echo "exit $?" >&4; } | true; } 4>&1`).stdout).toBe(
      'exit 0\n',
    )
  })

  it.runIf(existsSync('/dev/full'))('a full disk is a failure that is told, not silence', () => {
    const { code, stderr } = shell(`"$NODE" "$PROGRAM" ${size} > /dev/full`)
    expect(stderr).toBe('lost: ENOSPC\n')
    expect(code).toBe(1)
  })
})

describe('createOutput', () => {
  /** A stream that takes a piece only when told to. */
  function gate(): { readonly stream: Writable; readonly pieces: string[]; open(error?: Error): void } {
    const pieces: string[] = []
    let taken: ((error?: Error | null) => void) | null = null
    const stream = new Writable({
      autoDestroy: false,
      write: (chunk: Buffer, _encoding, done) => {
        pieces.push(chunk.toString())
        taken = done
      },
    })
    return {
      stream,
      pieces,
      open: (error) => {
        taken?.(error)
      },
    }
  }
  const sink = (): Writable =>
    new Writable({
      write: (_chunk, _encoding, done: () => void) => {
        done()
      },
    })

  it('drain waits for the last piece', async () => {
    const { stream, pieces, open } = gate()
    const output = createOutput(stream, sink())
    output.out('a'.repeat(100_000))
    let drained = false
    const drain = output.drain().then(() => {
      drained = true
    })
    await new Promise((resolve) => setImmediate(resolve))
    open()
    await new Promise((resolve) => setImmediate(resolve))
    expect([drained, pieces.length]).toEqual([false, 2])
    open()
    await drain
    expect(pieces.join('')).toBe('a'.repeat(100_000))
    expect([output.closed, output.failure]).toEqual([false, null])
  })

  it('drain gives up on a stream that takes nothing', async () => {
    const output = createOutput(gate().stream, sink(), { stallMs: 1 })
    output.out('x')
    await output.drain()
    expect(output.failure).toBeNull()
  })

  it('a reader that has gone ends the writing quietly; any other error is kept', async () => {
    const gone = gate()
    const quiet = createOutput(gone.stream, sink())
    quiet.out('a'.repeat(100_000))
    gone.open(Object.assign(new Error('gone'), { code: 'EPIPE' }))
    await quiet.drain()
    quiet.out('more')
    expect([quiet.closed, quiet.failure, gone.pieces.length]).toEqual([true, null, 1])

    const full = gate()
    const loud = createOutput(full.stream, sink())
    loud.out('x')
    full.open(Object.assign(new Error('no space'), { code: 'ENOSPC' }))
    await loud.drain()
    expect(loud.failure?.message).toBe('no space')
  })

  it('bytes go out as they are, in pieces too', async () => {
    const { stream, pieces, open } = gate()
    const output = createOutput(stream, sink())
    output.out(Buffer.from('b'.repeat(100_000)))
    output.out('end')
    const drain = output.drain()
    for (let taken = 0; taken < 3; taken += 1) {
      await new Promise((resolve) => setImmediate(resolve))
      open()
    }
    await drain
    expect(pieces.map(({ length }) => length)).toEqual([65_536, 34_464, 3])
    expect(pieces.join('')).toBe(`${'b'.repeat(100_000)}end`)
  })

  it('never splits a character between pieces', () => {
    const { stream, pieces, open } = gate()
    const output = createOutput(stream, sink())
    output.out(`${'a'.repeat(64 * 1024 - 1)}😀b`)
    open()
    expect(pieces.join('')).not.toContain('\ufffd')
    expect(pieces[0]?.endsWith('a')).toBe(true)
  })
})
