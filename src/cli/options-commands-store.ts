// Commands about what the store keeps: leases, the store itself, the run cache, durable calls, state. Data only, as options-commands.ts.
import { LIST_HINT, TARGET, type CommandSpec } from './options-command-spec.js'

export const STORE_COMMANDS = {
  'lease list': {
    summary: 'who holds which destination and shard, since when and until when',
    arguments: [],
    examples: ['trueup lease list', 'trueup lease list -o json'],
  },
  'lease release': {
    summary: 'end the leases of a run that is gone, or with --force of one that is alive',
    arguments: [{ name: 'id', required: true }],
    whenMissing: '`trueup lease list` shows the ids',
    examples: ['trueup lease release 01JDXK5Q2M'],
  },
  'store check': {
    summary: 'try what locking relies on in the store, and tell what was tried; exit 1 when a fault was seen',
    arguments: [],
    examples: ['trueup store check', "trueup store check --store 's3://bucket/team?region=eu-west-1'"],
  },
  'store copy': {
    summary: 'move a store: copy and compare every object, then mark the old one as moved',
    arguments: [
      { name: 'from', required: true },
      { name: 'to', required: true },
    ],
    whenMissing: 'name the old store and the new one',
    examples: ["trueup store copy file:.trueup 's3://bucket/team?region=eu-west-1'"],
  },
  'cache list': {
    summary: 'the entries of the run cache: what converged, and until when that may answer',
    arguments: [],
    examples: ['trueup cache list --target dns-records', 'trueup cache list --trust-zone main -o json'],
  },
  'cache show': {
    summary: 'one entry: the components of its key and the log that a hit replays',
    arguments: [{ name: 'id', required: true }],
    whenMissing: '`trueup cache list` shows the ids',
    examples: ['trueup cache show 5d1c40b2'],
  },
  'cache delete': {
    summary: 'forget entries: by id, or with --target, --trust-zone or --all those that are shown, with --yes',
    arguments: [{ name: 'id', required: false, repeatable: true }],
    examples: ['trueup cache delete 5d1c40b2', 'trueup cache delete --target dns-records --yes'],
  },
  'cache gc': {
    summary: 'the entries that have expired or cannot be read; deletes them with --yes',
    arguments: [],
    examples: ['trueup cache gc', 'trueup cache gc --yes'],
  },
  'doubts list': {
    summary: 'durable calls and changes whose outcome nobody knows; exit 0 also when there are some',
    arguments: [],
    examples: ['trueup doubts', 'trueup doubts list -o json'],
  },
  'doubts resolve': {
    summary: 'say what became of one: it has happened (--done, with its result) or it has not (--absent)',
    arguments: [{ name: 'id', required: true }],
    whenMissing: '`trueup doubts` shows the ids',
    examples: ['trueup doubts resolve 3f9a0c1b2d4e --done=42', 'trueup doubts resolve 3f9a0c1b2d4e --absent'],
  },
  'durable list': {
    summary: 'what durable functions have done or kept, of all functions or of one',
    arguments: [{ name: 'function', required: false }],
    examples: ['trueup durable list', 'trueup durable list create-account -o json'],
  },
  'durable show': {
    summary: 'one call of a durable function: who made it, when, and its result',
    arguments: [{ name: 'id', required: true }],
    whenMissing: '`trueup durable list` shows the ids',
    examples: ['trueup durable show 3f9a0c1b2d4e'],
  },
  'durable clear': {
    summary: 'forget calls, so that they may be made again; deletes them with --yes',
    arguments: [{ name: 'id', required: true, repeatable: true }],
    whenMissing: '`trueup durable list` shows the ids',
    examples: ['trueup durable clear 3f9a0c1b2d4e --yes'],
  },
  'state list': {
    summary: 'the keys that a target remembers',
    arguments: [TARGET, { name: 'prefix', required: false }],
    whenMissing: LIST_HINT,
    examples: ['trueup state list mailing', 'trueup state list mailing seen/ -o json'],
  },
  'state get': {
    summary: 'one value of what a target remembers',
    arguments: [TARGET, { name: 'key', required: true }],
    whenMissing: '`trueup state list <target>` shows the keys',
    examples: ['trueup state get mailing cursor'],
  },
  'state set': {
    summary: 'change what a target remembers; leaves a trace in its records',
    arguments: [TARGET, { name: 'key', required: true }, { name: 'value', required: true }],
    whenMissing: '`trueup state list <target>` shows the keys',
    examples: ['trueup state set mailing who ann', 'trueup state set mailing cursor 3 --json'],
  },
  'state delete': {
    summary: 'forget one key of what a target remembers; leaves a trace in its records',
    arguments: [TARGET, { name: 'key', required: true }],
    whenMissing: '`trueup state list <target>` shows the keys',
    examples: ['trueup state delete mailing cursor'],
  },
} as const satisfies Readonly<Record<string, CommandSpec>>
