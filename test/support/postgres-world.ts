// postgres-access on a real server, through the real engine: give it roles and grants, plan and apply, read the catalogue back.
import integration from '../../integrations/postgres-access/index.js'
import type { LimitSettings } from '../../src/integration.js'
import {
  assertConverges,
  createFakeClock,
  createMemoryStore,
  recordRun,
  type RecordedRun,
  type TestOptions,
} from '../../src/testing.js'
import type { TestPostgres } from './postgres.js'

export interface Access {
  readonly roles?: readonly unknown[]
  readonly grants?: readonly unknown[]
}

export interface WorldOptions {
  /** Instances by name → the URI they are reached by. @defaultValue `main`, as the superuser */
  readonly uris?: Readonly<Record<string, string>>
  readonly secrets?: Readonly<Record<string, string | Readonly<Record<string, string>>>>
  readonly target?: string
  readonly place?: string
}

export interface World {
  readonly options: TestOptions
  plan(access: Access | Readonly<Record<string, Access>>, more?: TestOptions): Promise<RecordedRun>
  apply(access: Access | Readonly<Record<string, Access>>, more?: TestOptions): Promise<RecordedRun>
  /** Applies, and expects that nothing is left to do. */
  converge(access: Access | Readonly<Record<string, Access>>, more?: TestOptions): Promise<RecordedRun>
}

/** No limits but those that a test gives. */
const NO_LIMITS: LimitSettings = { allowEmpty: true, maxDeletes: '100%' }

/** Each has its own store, as if nothing had run before. */
export function createWorld(server: TestPostgres, world: WorldOptions = {}): World {
  const uris = world.uris ?? { main: server.uri() }
  const clock = createFakeClock()
  const store = createMemoryStore({ clock })
  const secrets = {
    ...Object.fromEntries(Object.entries(uris).map(([name, uri]) => [`pg/${name}`, { uri }])),
    ...world.secrets,
  }
  const options: TestOptions = {
    clock,
    store,
    secrets,
    limits: NO_LIMITS,
    params: world.place === undefined ? {} : { place: world.place },
    ...(world.target === undefined ? {} : { target: world.target }),
  }
  const dataOf = (access: Access | Readonly<Record<string, Access>>): Record<string, string> => {
    const instances = isOne(access) ? { [Object.keys(uris)[0] ?? 'main']: access } : access
    return Object.fromEntries(
      Object.entries(instances).map(([instance, it]) => [
        `data/postgres-access/${instance}.yaml`,
        JSON.stringify({ instance, connection: { secret: { path: `pg/${instance}`, field: 'uri' } }, ...it }),
      ]),
    )
  }
  const run = (access: Access | Readonly<Record<string, Access>>, more: TestOptions, mode: 'dry-run' | 'apply') =>
    recordRun(integration, { ...options, data: dataOf(access), mode, ...more })
  return {
    options,
    plan: (access, more = {}) => run(access, more, 'dry-run'),
    apply: (access, more = {}) => run(access, more, 'apply'),
    converge: async (access, more = {}) =>
      (await assertConverges(integration, { ...options, data: dataOf(access), ...more })).applied,
  }
}

function isOne(access: Access | Readonly<Record<string, Access>>): access is Access {
  return 'roles' in access || 'grants' in access || Object.keys(access).length === 0
}

/** `create main/role/app` … */
export function actions({ plan }: RecordedRun): readonly string[] {
  return (plan?.changes ?? []).map(({ action, key }) => `${action} ${key}`)
}

/** `main/grant/app/shop privileges: [CONNECT] → []` … of the updates. */
export function fieldsOf({ plan }: RecordedRun, key: string): Readonly<Record<string, readonly [unknown, unknown]>> {
  const change = plan?.changes.find((one) => one.key === key)
  return Object.fromEntries((change?.fields ?? []).map(({ path, before, after }) => [path, [before, after]]))
}

/** Everything that went wrong or was said, as one text. */
export function told({ record }: RecordedRun): string {
  return [
    record.error?.message,
    ...record.limits.map(({ message }) => message),
    ...record.outcomes.map(({ error }) => error),
    ...record.log.records.map(({ message }) => message),
  ]
    .filter((text) => typeof text === 'string')
    .join('\n')
}
