// How often the origins that `ctx.http` calls may be called: the key `providers` of trueup.yaml, its shape and what it means.
import type { ProviderRate } from '../reconcile/providers.js'
import type { Shape } from './config-shape.js'
import type { Config } from './config-types.js'

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 }

/** As URL.origin writes it: lower case, and no port that its scheme means anyway. */
const ORIGIN_PATTERN = '^(?!https:.*:443$)(?!http:.*:80$)https?://([a-z0-9.-]+|\\[[0-9a-f:]+\\])(:[1-9][0-9]*)?$'

export const PROVIDERS: Shape = {
  kind: 'map',
  description: 'How often ctx.http may call an origin, all targets of a process together.',
  keys: {
    pattern: ORIGIN_PATTERN,
    expected: 'an origin in lower case, without path and default port (https://dns.example.com, http://localhost:8080)',
  },
  of: {
    kind: 'object',
    description: 'One origin.',
    required: ['rate'],
    keys: {
      rate: {
        kind: 'text',
        description: 'Calls in a second, a minute or an hour.',
        expected: 'calls per time (10/s, 600/m, 1000/h)',
        pattern: '^[1-9][0-9]{0,8}/[smh]$',
      },
      burst: {
        kind: 'count',
        description: 'Calls at once after a time without any. Default: those of one second, at least 1.',
        min: 1,
        max: 1_000_000,
      },
    },
  },
}

/** By origin. */
export function providerRates(providers: Config['providers'] = {}): ReadonlyMap<string, ProviderRate> {
  return new Map(
    Object.entries(providers).map(([origin, { rate, burst }]) => {
      const [calls = '', unit = ''] = rate.split('/')
      const perSecond = Number(calls) / (UNIT_SECONDS[unit] ?? 1)
      return [origin, { perSecond, burst: burst ?? Math.max(1, Math.floor(perSecond)) }]
    }),
  )
}
