// A repository with a bare remote and a running `trueup serve` that follows its branch main. Give it files; push to it, ask its API.
import { createHmac } from 'node:crypto'
import { join } from 'node:path'
import { createRig, type Files, type Rig, type RunningChild } from './rig.js'

export interface ServedRig extends AsyncDisposable {
  readonly rig: Rig
  readonly daemon: RunningChild
  readonly url: string
  get(path: string): Promise<unknown>
  post(path: string, body: string, headers: Readonly<Record<string, string>>): Promise<Response>
  /** Text of `/metrics`. */
  metrics(): Promise<string>
  /** Writes, commits and pushes. Gives the commit's id. */
  push(files: Files): Promise<string>
}

export interface ServedOptions {
  /** From the rig, which has the folder `out` for what targets keep. */
  readonly files: (rig: Rig) => Files
  readonly env?: Readonly<Record<string, string>>
  /** @defaultValue `--ref main` */
  readonly from?: readonly string[]
  /** @defaultValue 1d */
  readonly every?: string
  /** On top. @defaultValue none */
  readonly args?: readonly string[]
}

/** The remote is asked once a day: what comes sooner came by an event. */
export async function servedRig({
  files,
  env = {},
  from = ['--ref', 'main'],
  every = '1d',
  args = [],
}: ServedOptions): Promise<ServedRig> {
  const rig = await createRig()
  const origin = join(rig.root, 'origin.git')
  await rig.git('init', '--quiet', '--bare', '--initial-branch=main', origin)
  await rig.git('remote', 'add', 'origin', origin)
  await rig.git('init', '--quiet', join(rig.root, 'out'))
  const push = async (changed: Files): Promise<string> => {
    await rig.write(changed)
    const commit = await rig.commit()
    await rig.git('push', '--quiet', 'origin', 'HEAD:main')
    return commit
  }
  await push({ '.gitignore': '.trueup/\nnode_modules\n', ...files(rig) })
  const words = ['serve', '--apply', '--listen', '127.0.0.1:0', '--poll', '1d', '--every', every, ...from, ...args]
  const daemon = rig.start(words, { env })
  const [, url = ''] = await daemon.until(/status {5}(http:\S+) [^]*to end it: SIGTERM/)
  return {
    rig,
    daemon,
    url,
    push,
    get: async (path) => (await fetch(`${url}${path}`)).json(),
    post: (path, body, headers) => fetch(`${url}${path}`, { method: 'POST', body, headers }),
    metrics: async () => (await fetch(`${url}/metrics`)).text(),
    [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose](),
  }
}

/** As GitHub signs it. */
export function pushHook(
  secret: string,
  { ref = 'refs/heads/main', after, id }: { readonly ref?: string; readonly after: string; readonly id: string },
): readonly [body: string, headers: Readonly<Record<string, string>>] {
  const body = JSON.stringify({ ref, after })
  const signature = createHmac('sha256', secret).update(body).digest('hex')
  return [body, { 'x-github-event': 'push', 'x-github-delivery': id, 'x-hub-signature-256': `sha256=${signature}` }]
}
