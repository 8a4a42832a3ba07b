import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Exec, Log } from '../../src/integration.js'
import { createExec, type ExecOptions } from '../../src/reconcile/exec.js'

/** A log that keeps its lines and tells each to `onLine`. */
function keep(onLine: (line: string) => void = () => undefined): { log: Log; lines: string[] } {
  const lines: string[] = []
  const put = (message: string, fields?: unknown): void => {
    lines.push(`${message} ${JSON.stringify(fields)}`)
    onLine(message)
  }
  return { lines, log: { debug: put, info: put, warn: put, error: put } }
}

function program(options: Partial<ExecOptions> = {}): Exec {
  return createExec({
    integration: 'demo',
    log: keep().log,
    signal: new AbortController().signal,
    planning: () => false,
    ...options,
  })
}
const node = process.execPath
const script = (code: string): readonly string[] => ['-e', code]

describe('createExec', () => {
  it('gives the output, logs its lines, and passes arguments without a shell', async () => {
    const { log, lines } = keep()
    const result = await program({ log })(node, [
      ...script('console.log(process.argv[1]); process.stdout.write("é\\nlast"); console.error("oops")'),
      '$(id) "x"; *',
    ])
    expect(result).toEqual({ stdout: '$(id) "x"; *\né\nlast', stderr: 'oops\n' })
    const out = (line: string): string => `${line} ${JSON.stringify({ program: node, stream: 'stdout' })}`
    expect(lines.filter((line) => line.includes('stdout'))).toEqual([out('$(id) "x"; *'), out('é'), out('last')])
    expect(lines).toContain(`oops ${JSON.stringify({ program: node, stream: 'stderr' })}`)
  })

  it('passes input, working directory and environment', async () => {
    const cwd = await mkdtemp(join(tmpdir(), 'trueup-exec-'))
    try {
      const run = program({ baseEnv: { BASE: 'b', OTHER: 'o' } })
      const { stdout } = await run(
        node,
        script(
          'process.stdin.pipe(process.stdout); process.stdout.write([process.env.BASE, process.env.OTHER, process.env.MINE, process.cwd()].join(" ") + "\\n")',
        ),
        { cwd, env: { MINE: 'm', OTHER: 'x' }, input: 'given' },
      )
      expect(stdout).toContain(`b x m ${cwd}\n`)
      expect(stdout).toContain('given')
    } finally {
      await rm(cwd, { recursive: true })
    }
  })

  it('is refused while planning, before anything starts', async () => {
    const { log, lines } = keep()
    await expect(program({ log, planning: () => true })(node, script('console.log("started")'))).rejects.toMatchObject({
      code: 'dry-run-write',
      details: { program: node },
    })
    expect(lines).toEqual([])
  })

  it('fails with the last lines, never with the arguments', async () => {
    const failed = program()(node, [
      ...script('for (let i = 1; i < 9; i++) console.error("line " + i); process.exitCode = 3'),
      's3cret',
    ])
    await expect(failed).rejects.toMatchObject({
      code: 'apply-failed',
      message: `demo: ${node} ended with exit code 3\n  line 4\n  line 5\n  line 6\n  line 7\n  line 8`,
      details: { exitCode: 3 },
    })
    await expect(program()(node, script('process.kill(process.pid, "SIGKILL")'))).rejects.toThrow('by signal SIGKILL')
  })

  it('says when there is no such program, and bears one that does not read its input', async () => {
    await expect(program()('trueup-no-such-program')).rejects.toMatchObject({
      code: 'apply-failed',
      message: expect.stringContaining('there is no such program') as string,
    })
    expect(await program()(node, script(''), { input: 'x'.repeat(1_000_000) })).toEqual({ stdout: '', stderr: '' })
  })

  it('ends the program and what it started when the run is aborted', async () => {
    const stop = new AbortController()
    let grandchild = 0
    const { log } = keep((line) => {
      grandchild = Number(line)
      stop.abort(new Error('stop'))
    })
    // The grandchild holds the output open: only the end of both ends this.
    const code =
      'const c = require("child_process").spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "inherit" }); console.log(c.pid)'
    await expect(program({ log, signal: stop.signal })(node, script(code))).rejects.toThrow('stop')
    expect(grandchild).toBeGreaterThan(0)
    await expect(program({ signal: stop.signal })(node, script(''))).rejects.toThrow('stop')
  })
})
