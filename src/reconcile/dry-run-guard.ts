// Refuses what would write over HTTP while a run is planning, in code that does not use ctx.http. Per run, by async context.
// Must not: touch a run that is applying beside it in the same process, nor trueup's own clients (exempt()).
import { AsyncLocalStorage } from 'node:async_hooks'
import type * as Http from 'node:http'
import type * as Https from 'node:https'
import { TrueupError } from '../errors.js'
import type { RunMode } from '../event.js'
import { replaceMember } from '../util/replace-member.js'
import { isSafeMethod } from './safe-method.js'

/** The run whose planning is under way in an async context. */
interface Scope {
  readonly kind: 'planning' | 'exempt'
  readonly integration: string
  closed: boolean
}

/** Holds nothing itself: what is in it belongs to the async context of one run. Shared by all guards, since the patched functions are. */
const scopes = new AsyncLocalStorage<Scope>()

export interface PlanningRun {
  readonly integration: string
  /**
   * In an `apply` the refusal ends with the planning, also for connections and queues that were opened meanwhile and are used by handlers.
   * In a `dry-run` whatever was started while planning stays refused. @defaultValue 'dry-run'
   */
  readonly mode?: RunMode
}

export interface DryRunGuard {
  /** Runs `fn` (and all that it starts) as planning. Patches HTTP when first called. */
  planning<T>(run: PlanningRun, fn: () => Promise<T>): Promise<T>
  /** Puts back what was patched, unless somebody else has patched it since; then it lets everything through. */
  uninstall(): void
}

/** Runs `fn` as one of trueup's own clients: nothing in it is refused. */
export function exempt<T>(fn: () => T): T {
  return scopes.run({ kind: 'exempt', integration: '', closed: false }, fn)
}

/**
 * While planning, anything but GET, HEAD and OPTIONS is refused with `dry-run-write`, through global `fetch` and through `request`, `get` and
 * `ClientRequest` of `node:http` and `node:https`, however they are imported.
 *
 * Not seen: the npm package undici and clients on top of it, functions of `node:http` that were copied out of a CommonJS `require` before the
 * first run, `node:http2`, `node:net` and other sockets, databases, child processes started without `ctx.exec`, worker threads, files, and writes
 * that a server does on a GET.
 */
export function installDryRunGuard(): DryRunGuard {
  let patching: Promise<void> | undefined
  let undo: (() => void) | undefined
  let gone = false
  const active = (): boolean => !gone
  const install = async (): Promise<void> => {
    const restore = await patch(active)
    if (gone) restore()
    else undo = restore
  }
  return {
    async planning(run, fn) {
      if (!gone) await (patching ??= install())
      const scope: Scope = { kind: 'planning', integration: run.integration, closed: false }
      try {
        return await scopes.run(scope, fn)
      } finally {
        if (run.mode === 'apply') scope.closed = true
      }
    },
    uninstall() {
      gone = true
      undo?.()
    },
  }
}

/** Replaces the functions; the result puts them back. */
async function patch(active: () => boolean): Promise<() => void> {
  // Imported here: a run that is skipped loads no HTTP.
  const [{ default: http }, { default: https }, { syncBuiltinESMExports }] = await Promise.all([
    import('node:http'),
    import('node:https'),
    import('node:module'),
  ])
  const check = (method: string, origin: () => string): void => {
    if (active()) refuse(method, origin)
  }
  const undo = [patchFetch(check), ...patchModule(http, 'http:', check), ...patchModule(https, 'https:', check)]
  syncBuiltinESMExports()
  return () => {
    for (const step of undo) step()
    syncBuiltinESMExports()
  }
}

type Check = (method: string, origin: () => string) => void

function refuse(method: string, origin: () => string): void {
  const scope = scopes.getStore()
  if (scope?.kind !== 'planning' || scope.closed || isSafeMethod(method)) return
  throw new TrueupError(
    'dry-run-write',
    `${scope.integration}: ${method.toUpperCase()} to ${origin()} was refused: planning only reads. Move it into a handler of the plan; if it only reads, send it by ctx.http with { reads: true }`,
    { details: { integration: scope.integration, method: method.toUpperCase(), origin: origin() } },
  )
}

function patchFetch(check: Check): () => void {
  return replaceMember(globalThis, 'fetch', (original) => {
    const guarded: typeof fetch = async (input, init) => {
      const method = init?.method ?? (input instanceof Request ? input.method : 'GET')
      check(method, () => originOf(input instanceof Request ? input.url : String(input)))
      return original(input, init)
    }
    return guarded
  })
}

type ClientModule = Pick<typeof Http, 'request' | 'get'> & Partial<Pick<typeof Http, 'ClientRequest'>>

function patchModule(module: ClientModule | typeof Https, protocol: string, check: Check): (() => void)[] {
  const guard = (args: readonly unknown[]): void => {
    const { method, origin } = describeRequest(args, protocol)
    check(method, origin)
  }
  // Proxies, so that names, lengths, prototypes and instanceof stay as they are.
  const wrap = <F extends object>(original: F): F =>
    new Proxy(original, {
      apply(target, self, args: unknown[]) {
        guard(args)
        return Reflect.apply(target as (...args: unknown[]) => unknown, self, args)
      },
      construct(target, args: unknown[], newTarget) {
        guard(args)
        return Reflect.construct(target as never, args, newTarget) as object
      },
    })
  const client = module as ClientModule
  const undo = [replaceMember(client, 'request', wrap), replaceMember(client, 'get', wrap)]
  if (client.ClientRequest !== undefined)
    undo.push(replaceMember(client as Required<ClientModule>, 'ClientRequest', wrap))
  return undo
}

/** Of `request(url, options?, callback?)` and `request(options, callback?)`. */
function describeRequest(args: readonly unknown[], protocol: string): { method: string; origin: () => string } {
  const [first, second] = args
  const hasUrl = typeof first === 'string' || first instanceof URL
  const given = hasUrl ? second : first
  const options: Http.RequestOptions = typeof given === 'object' && given !== null ? given : {}
  return {
    method: options.method ?? 'GET',
    origin: () => {
      if (hasUrl) return originOf(String(first))
      const host = options.hostname ?? options.host ?? 'localhost'
      const port = options.port === undefined || options.port === null ? '' : `:${options.port}`
      return originOf(`${options.protocol ?? protocol}//${host}${port}`)
    },
  }
}

/** Never path, query or credentials. */
function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : 'an address that is no URL'
}
