// `notifications:` of the served trueup.yaml comes in; who wants to hear of what, and how each is reached, go out.
import { commandChannel } from '../../notify/command-channel.js'
import type { Channel } from '../../notify/channel.js'
import { httpChannel } from '../../notify/http-channel.js'
import { USUAL_KINDS } from '../../notify/notice.js'
import type { Receiver } from '../../notify/notifier.js'
import type { Redactor } from '../../report/redact.js'
import { systemClock } from '../../util/clock.js'
import type { ConfigReceiver, NoticeAddress, NotificationsConfig } from '../config-types.js'
import { openSecrets } from '../open-secrets.js'
import type { Environment } from '../process-context.js'
import { within, type ServedTree } from './served-tree.js'

export function receiversOf({ to = {} }: Partial<NotificationsConfig>): readonly Receiver[] {
  return Object.entries(to).map(([name, { on, labels }]) => ({ name, on: on ?? USUAL_KINDS, labels: labels ?? {} }))
}

export interface Reach {
  /** Of runs: what starts them is not in it. */
  readonly environment: Environment
  readonly redactor: Redactor
  /** Of trueup. */
  readonly version: string
}

/** As the served revision has it; undefined: it has no receiver of that name. */
export function channelOf(served: ServedTree, name: string, reach: Reach): Channel | undefined {
  const { to } = served.notifications
  const receiver = to !== undefined && Object.hasOwn(to, name) ? to[name] : undefined
  if (receiver === undefined) return undefined
  const { command } = receiver
  const channel = command === undefined ? overHttp(served, receiver, reach) : byCommand(served, command, reach)
  // The tree, and what lies in it, stays until then.
  return { deliver: (notice, signal) => within(served, () => channel.deliver(notice, signal)) }
}

function byCommand(served: ServedTree, command: readonly string[], { environment, redactor }: Reach): Channel {
  return commandChannel({
    command,
    directory: served.configDirectory,
    environment,
    redact: (text) => redactor.text(text),
  })
}

function overHttp(served: ServedTree, { webhook, slack }: ConfigReceiver, reach: Reach): Channel {
  const address = webhook ?? slack ?? ''
  return httpChannel({
    form: slack === undefined ? 'webhook' : 'slack',
    url: () => addressOf(address, served, reach),
    now: () => systemClock.now(),
    agent: `trueup/${reach.version}`,
  })
}

async function addressOf(
  address: NoticeAddress,
  served: ServedTree,
  { environment, redactor }: Reach,
): Promise<string> {
  if (typeof address === 'string') return address
  const backend = openSecrets(served.secrets, { directory: served.configDirectory, environment })
  const { value } = await backend.read(address.secret, address.field)
  redactor.register(value)
  return value
}
