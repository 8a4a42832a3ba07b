// `--listen` and the parts of a daemon come in; its HTTP server, open, goes out.
import { TrueupError } from '../../errors.js'
import type { ServeMetrics } from '../../report/serve-metrics.js'
import { apiRoutes } from '../../schedule/http/api.js'
import { createLive } from '../../schedule/http/page/live.js'
import { proxiesOf, type Proxies } from '../../schedule/http/page/proxies.js'
import { createPages } from '../../schedule/http/page/routes.js'
import { createSessions } from '../../schedule/http/page/sessions.js'
import { isLoopback, startHttpServer, type HttpServer, type Route } from '../../schedule/http/server.js'
import type { SchedulerEvent } from '../../schedule/scheduler-types.js'
import type { ObjectStore } from '../../store/object-store.js'
import type { Clock } from '../../util/clock.js'
import { newUlid } from '../../util/ulid.js'
import { placeFlags } from '../command-line.js'
import { actorOf, type Environment } from '../process-context.js'
import type { Project } from '../project.js'
import { breathingStore } from './breathing-store.js'
import type { Daemon } from './daemon.js'
import { keepQuestions } from './open-questions.js'
import { pageActs } from './page-acts.js'
import { pageFacts } from './page-facts.js'
import { createStandings } from './standings.js'
import { statusView } from './status-view.js'
import type { Told } from './told.js'

export interface Status extends HttpServer {
  /** Shows it to who looks. */
  happened(event: SchedulerEvent): void
}

export interface Address {
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
}

/** `9464`, `127.0.0.1:9464`, `[::1]:9464`; null for `off`. @throws usage for anything else */
export function listenAddress(text: string): Address | null {
  if (text === 'off') return null
  const [, bracketed, named, digits = ''] = /^(?:(?:\[([^\]]+)\]|([^:\s]+)):)?(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  if (digits === '' || port > 65_535)
    throw new TrueupError(
      'usage',
      `--listen takes an address such as 127.0.0.1:9464, a port of 127.0.0.1, or off, not "${text}"`,
    )
  return { host: bracketed ?? named ?? '127.0.0.1', port }
}

export interface StatusOptions {
  readonly address: Address
  readonly daemon: Daemon
  readonly store: ObjectStore
  readonly metrics: ServeMetrics
  readonly project: Project
  readonly environment: Environment
  readonly clock: Clock
  readonly told: Told
  readonly stop: AbortSignal
  /** Beside those of the API and the pages. */
  readonly more: readonly Route[]
}

/** @throws usage where the address cannot be had, or who may act is not said clearly */
export async function openStatus(options: StatusOptions): Promise<Status> {
  const { address, daemon, store, metrics, project, environment, clock, told, stop, more } = options
  const { settings, tool } = project
  const token = environment['TRUEUP_TOKEN']
  const apply = settings.apply.value || settings.noDryRun.value
  const common = { daemon, clock, apply, everyMs: settings.every.value, version: tool.version }
  const live = createLive({ clock, epoch: newUlid(clock.now()) })
  const patient = breathingStore(store, clock)
  const onChange = (): void => {
    live.touch()
  }
  const standings = createStandings({ store: patient, clock, onRead: onChange })
  const questions = keepQuestions({ store: patient, clock, onChange })
  const acts = pageActs({
    ...{ daemon, store, clock, told, stop },
    self: actorOf(environment, tool),
    waitMs: settings.leaseWait.value,
    onChange() {
      questions.forget()
      onChange()
    },
  })
  const place = placeFlags({ settings })
  const maxAgeMs = settings.maxAge.value ?? null
  const pages = createPages({
    view: pageFacts({ ...common, store: patient, standings, questions, maxAgeMs, place }),
    sessions: createSessions({ clock, token, ...trustOf(settings) }),
    acts,
    live,
  })
  const server = await startHttpServer({
    ...address,
    routes: [...apiRoutes(statusView({ ...common, store, metrics }), token), ...more, ...pages.routes],
    missing: pages.missing,
  })
  return {
    ...server,
    happened(event) {
      if (event.kind === 'ended') standings.touch(event.key)
      onChange()
    },
  }
}

/** Whoever could reach the address without the proxy could call himself anybody: a header alone vouches for nothing. */
function trustOf({ trustedUserHeader, trustedProxies }: Project['settings']): {
  readonly userHeader: string | undefined
  readonly proxies: Proxies
} {
  const userHeader = trustedUserHeader.value?.toLowerCase()
  if (userHeader !== undefined && !/^[a-z0-9-]+$/.test(userHeader))
    throw new TrueupError('usage', `--trusted-user-header takes the name of a header, not "${userHeader}"`)
  if (userHeader !== undefined && trustedProxies.value.length === 0)
    throw new TrueupError(
      'usage',
      '--trusted-user-header needs --trusted-proxy <address>: from any other address the header would be what anybody says',
    )
  return { userHeader, proxies: proxiesOf(trustedProxies.value) }
}

/** Who may read it. */
export function reachOf({ host }: Address): string {
  return isLoopback(host) ? 'from this machine alone' : 'by whoever reaches this address'
}
