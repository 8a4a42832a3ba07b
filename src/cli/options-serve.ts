// Rows of the table of settings: what `serve` alone takes. Data only.
import type { OptionSpec } from './options-spec.js'
import { FLAG } from './options-spec.js'

const DAY_MS = 86_400_000

export const SERVE_OPTIONS = {
  ref: {
    flag: 'ref',
    value: { kind: 'text', placeholder: 'branch' },
    commands: ['serve'],
    group: 'What to run',
    description: 'the branch of the remote origin whose newest commit is served',
    defaultText: 'HEAD of this repository',
    variable: true,
  },
  listen: {
    flag: 'listen',
    value: { kind: 'text', placeholder: 'host:port' },
    commands: ['serve'],
    group: 'What to run',
    description: 'where health, metrics and status are served: an address, a port of 127.0.0.1, or off',
    default: '127.0.0.1:9464',
    variable: true,
  },
  trustedUserHeader: {
    flag: 'trusted-user-header',
    value: { kind: 'text', placeholder: 'header' },
    commands: ['serve'],
    group: 'Safety',
    description: 'who a trusted proxy says the user is, for those who act at the page',
    variable: true,
  },
  trustedProxies: {
    flag: 'trusted-proxy',
    value: { kind: 'text', placeholder: 'address' },
    repeatable: true,
    commands: ['serve'],
    group: 'Safety',
    description: 'an address, or a range such as 10.0.0.0/8, whose headers about the user and the host are believed',
    variable: true,
  },
  once: {
    flag: 'once',
    value: FLAG,
    commands: ['serve'],
    group: 'What to run',
    description: 'run what is due, then end; for cron',
    variable: false,
  },
  every: {
    flag: 'every',
    value: { kind: 'duration', maxMs: 366 * DAY_MS },
    commands: ['serve'],
    group: 'What to run',
    description: 'how often a target without a schedule runs',
    default: 3_600_000,
    defaultText: '1h',
    variable: true,
  },
  poll: {
    flag: 'poll',
    value: { kind: 'duration', maxMs: DAY_MS },
    commands: ['serve'],
    group: 'What to run',
    description: 'how often it is asked whether there is a new commit',
    default: 60_000,
    defaultText: '1m',
    variable: true,
  },
} as const satisfies Readonly<Record<string, OptionSpec>>
