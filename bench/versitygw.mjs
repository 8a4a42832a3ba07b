// In: what is to be measured on S3. Out: its rows, with a versitygw on loopback beside it: the one of TRUEUP_TEST_VERSITYGW, else one that
// test/servers/versitygw.sh starts if it is installed. Installs nothing itself: that takes minutes.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** What the AWS client reads of its process's variables. */
export const KEYS = {
  AWS_ACCESS_KEY_ID: 'test-key',
  AWS_SECRET_ACCESS_KEY: 'test-secret',
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
}
const SCRIPT = fileURLToPath(new URL('../test/servers/versitygw.sh', import.meta.url))

/**
 * Undefined where no versitygw is installed.
 * @template T
 * @param {(endpoint: string) => Promise<T> | T} measureAt
 * @returns {Promise<T | undefined>}
 */
export async function besideVersitygw(measureAt) {
  if (process.env.TRUEUP_TEST_VERSITYGW !== undefined) return measureAt(process.env.TRUEUP_TEST_VERSITYGW)
  const servers = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'trueup-test-servers')
  const isInstalled = existsSync(servers) && readdirSync(servers).some((name) => name.startsWith('versitygw-'))
  if (!isInstalled) return undefined
  // The server lives as long as the command beside it, which lives as long as its standard input.
  const child = spawn(SCRIPT, ['sh', '-c', 'echo "$TRUEUP_TEST_VERSITYGW"; cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  try {
    for await (const endpoint of createInterface({ input: child.stdout })) return await measureAt(endpoint)
    throw new Error('versitygw did not start')
  } finally {
    child.stdin.end()
    await ended
  }
}
