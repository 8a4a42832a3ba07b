// `--listen` and the parts of a daemon come in; its HTTP server, open, goes out.
import { TrueupError } from '../../errors.js'
import type { ServeMetrics } from '../../report/serve-metrics.js'
import { apiRoutes } from '../../schedule/http/api.js'
import { isLoopback, startHttpServer, type HttpServer, type Route } from '../../schedule/http/server.js'
import type { ObjectStore } from '../../store/object-store.js'
import type { Project } from '../project.js'
import type { Daemon } from './daemon.js'
import { statusView } from './status-view.js'

export type Status = HttpServer

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
  readonly token: string | undefined
  /** Beside those of the API. */
  readonly more: readonly Route[]
}

/** @throws usage where the address cannot be had */
export function openStatus({ address, daemon, store, metrics, project, token, more }: StatusOptions): Promise<Status> {
  const { settings, tool } = project
  const apply = settings.apply.value || settings.noDryRun.value
  const view = statusView({ daemon, store, metrics, apply, everyMs: settings.every.value, version: tool.version })
  return startHttpServer({ ...address, routes: [...apiRoutes(view, token), ...more] })
}

/** Who may read it. */
export function reachOf({ host }: Address): string {
  return isLoopback(host) ? 'from this machine alone' : 'by whoever reaches this address'
}
