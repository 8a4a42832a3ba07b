// The commands as data: their words, arguments, summaries and examples. Parser and help read this; it runs nothing.
import { LIST_HINT, TARGET, type CommandSpec } from './options-command-spec.js'
import { QUERY_COMMANDS } from './options-commands-query.js'
import { STORE_COMMANDS } from './options-commands-store.js'

export type { ArgumentSpec, CommandSpec } from './options-command-spec.js'

const TARGETS = { name: 'target', required: true, repeatable: true, unless: ['allTargets', 'labels'] } as const
const KEYS = { name: 'key', required: true, repeatable: true } as const
const RUN_HINT = '`trueup list` shows all targets, --all runs those of trueup.yaml'

/** All commands of the program by their words. */
export const COMMANDS = {
  plan: {
    summary: 'show what an apply would change; changes nothing and refuses --apply',
    arguments: [TARGETS],
    whenMissing: RUN_HINT,
    examples: [
      'trueup plan dns-records',
      'trueup plan dns-records --base origin/main --detailed-exitcode',
      'trueup plan --all -l team=web --report markdown=comment.md',
    ],
  },
  apply: {
    summary: 'plan, check the limits, and carry the plan out; also a plan kept with --out',
    arguments: [{ ...TARGETS, name: 'target|file' }],
    whenMissing: RUN_HINT,
    examples: [
      'trueup apply dns-records',
      'trueup apply dns-records --expect-plan 71c2b04e9d33',
      'trueup apply plan.json',
      'trueup apply users groups grants --yes',
    ],
  },
  run: {
    summary: 'one run: decide, plan, and with --apply carry the plan out; a dry run without',
    arguments: [TARGETS],
    whenMissing: RUN_HINT,
    examples: [
      'trueup run dns-records --early-exit-compare-sha origin/main',
      'trueup run dns-records --apply --yes --early-exit-compare-sha last-applied',
    ],
  },
  report: {
    summary: 'one document of several that -o json or --report json=FILE wrote, as of the jobs of a matrix',
    arguments: [{ name: 'file', required: true, repeatable: true }],
    whenMissing: 'for example `trueup report reports/*.json -o markdown`',
    examples: ['trueup report reports/*.json -o markdown', 'trueup report a.json b.json --report json=all.json'],
  },
  affected: {
    summary: 'which targets and shards a change touches, as a table, JSON or a matrix of GitHub Actions',
    arguments: [],
    examples: ['trueup affected --base origin/main', 'trueup affected --base origin/main --committed -o github-matrix'],
  },
  'data validate': {
    summary: 'check the data of a revision: syntax, schemas, references, unique values; all that is wrong at once',
    arguments: [],
    examples: ['trueup data validate', 'trueup data validate --revision origin/main -o json'],
  },
  'data bundle': {
    summary: 'the data of a revision as one JSON document, where nothing is wrong with it',
    arguments: [],
    examples: ['trueup data bundle --out bundle.json', 'trueup data bundle --revision HEAD --out bundle.json -o json'],
  },
  'shards list': {
    summary: 'the shards of a target: items, digest, last apply',
    arguments: [TARGET],
    whenMissing: LIST_HINT,
    examples: ['trueup shards list dns-records', 'trueup shards list dns-records -o json'],
  },
  'shards verify': {
    summary: 'prove that the shards of a target are a partition of its desired state',
    arguments: [TARGET],
    whenMissing: LIST_HINT,
    examples: ['trueup shards verify dns-records', 'trueup shards verify users --counts 16,20'],
  },
  list: {
    summary: 'the targets and integrations, and how their last run ended',
    arguments: [],
    examples: ['trueup list', 'trueup list -l team=web -o json'],
  },
  show: {
    summary: 'what a target declares: parameters, inputs, secrets, delete policy',
    arguments: [TARGET],
    whenMissing: LIST_HINT,
    examples: ['trueup show dns-records'],
  },
  why: {
    summary: 'why the last run (or --run) ran or was skipped, component by component',
    arguments: [
      { name: 'target', required: false },
      { name: 'shard', required: false },
    ],
    examples: ['trueup why dns-records', 'trueup why --run 01JDXK5Q2M'],
  },
  history: {
    summary: 'what was done to the objects of a target: when, by which run and whom, with the value before',
    arguments: [
      { name: 'target', required: true },
      { name: 'key', required: false },
    ],
    whenMissing: LIST_HINT,
    examples: ['trueup history dns-records example.com/old/A', 'trueup history dns-records -o json'],
  },
  undo: {
    summary: 'a plan of the way back from an apply, limited like any other; a dry run without --apply',
    arguments: [{ name: 'run', required: true }],
    whenMissing: '`trueup runs list --mode apply` shows the ids',
    examples: ['trueup undo 01JDXK5Q2M', 'trueup undo 01JDXK5Q2M --only example.com/old/A --apply'],
  },
  destroy: {
    summary: 'a plan that removes all a target owns, under its limits; a dry run without --apply',
    arguments: [TARGET],
    whenMissing: LIST_HINT,
    examples: ['trueup destroy dns-records', 'trueup destroy dns-records --apply --allow-empty --max-deletes 41'],
  },
  'owned list': {
    summary: 'the objects that a target owns',
    arguments: [{ name: 'target', required: false }],
    examples: ['trueup owned list dns-records', 'trueup owned list --all -o json'],
  },
  'owned adopt': {
    summary: "take objects that exist and are nobody's; the next plan brings them in line",
    arguments: [TARGET, KEYS],
    whenMissing: LIST_HINT,
    examples: ['trueup owned adopt dns-records example.com/www/A'],
  },
  'owned release': {
    summary: 'forget objects without deleting them',
    arguments: [TARGET, KEYS],
    whenMissing: '`trueup owned list <target>` shows the keys',
    examples: ['trueup owned release dns-records example.com/www/A'],
  },
  'owned move': {
    summary: 'hand objects to another target of the same destination',
    arguments: [KEYS],
    whenMissing: '`trueup owned list <target>` shows the keys',
    examples: ['trueup owned move example.com/www/A --from dns-records --to dns-web'],
  },
  'runs list': {
    summary: 'the kept records of runs, newest first',
    arguments: [],
    examples: ['trueup runs list --target dns-records --failed', 'trueup runs list --since 1d -o json'],
  },
  'runs show': {
    summary: 'one record: decision, plan, outcomes and log',
    arguments: [{ name: 'id', required: true }],
    whenMissing: '`trueup runs list` shows the ids',
    examples: ['trueup runs show 01JDXK5Q2M'],
  },
  'runs gc': {
    summary: 'the records that nothing needs any more; deletes them with --yes',
    arguments: [],
    examples: ['trueup runs gc', 'trueup runs gc --yes'],
  },
  status: {
    summary: 'when each target was last brought to its desired state, holds, doubts; exit 1 when one is overdue',
    arguments: [{ name: 'target', required: false, repeatable: true }],
    examples: ['trueup status --max-age 26h', 'trueup status dns-records -o json'],
  },
  hold: {
    summary:
      'stop the applies of a target, of shards or objects of it, or with --all of every target, everywhere and for a time',
    arguments: [{ name: 'target', required: false }],
    examples: [
      'trueup hold dns-records --for 2h --reason maintenance',
      'trueup hold dns-records --key example.com/www/A --for 2h --reason moves',
      'trueup hold --all --for 3d --reason holidays',
    ],
  },
  release: {
    summary: 'end a hold before its time',
    arguments: [{ name: 'target', required: false }],
    examples: [
      'trueup release dns-records',
      'trueup release dns-records --key example.com/www/A',
      'trueup release --all',
    ],
  },
  ...STORE_COMMANDS,
  ...QUERY_COMMANDS,
  serve: {
    summary: 'run each target when it is due, from the newest commit; a dry run without --apply',
    arguments: [],
    examples: [
      'trueup serve --ref main',
      "trueup serve --ref main --apply --store 's3://bucket/team?region=eu-west-1'",
      'trueup serve --once --apply',
    ],
  },
  'new integration': {
    summary: 'write a working integration with its test, to start from',
    arguments: [{ name: 'name', required: true }],
    whenMissing: 'for example `trueup new integration dns-records`',
    examples: ['trueup new integration dns-records'],
  },
  init: { summary: 'write a trueup.yaml and an example that works', arguments: [], examples: ['trueup init'] },
  doctor: {
    summary: 'check git, store and configuration; says how to mend what is wrong',
    arguments: [{ name: 'target', required: false }],
    examples: ['trueup doctor'],
  },
  config: {
    summary: 'the effective settings, each with where it came from',
    arguments: [],
    examples: ['trueup config', 'trueup config -o json'],
  },
} as const satisfies Readonly<Record<string, CommandSpec>>

/** `plan`, `runs list` … */
export type CommandName = keyof typeof COMMANDS

/** Commands of two words: the first word, and which one is meant by it alone (none: help is shown). */
export const COMMAND_GROUPS: Readonly<Record<string, { readonly summary: string; readonly alone?: CommandName }>> = {
  owned: { summary: 'what targets own: list, adopt, release, move' },
  runs: { summary: 'the kept records: list, show, gc', alone: 'runs list' },
  data: { summary: 'the data that desired states are made of: validate, bundle, query, types, serve' },
  shards: { summary: 'the shards of a target: list, verify' },
  lease: { summary: 'the leases of applies: list, release', alone: 'lease list' },
  store: { summary: 'the store itself: check, copy' },
  cache: { summary: 'the run cache: list, show, delete, gc', alone: 'cache list' },
  doubts: { summary: 'what nobody knows the outcome of: list, resolve', alone: 'doubts list' },
  durable: { summary: 'what durable functions have done: list, show, clear' },
  state: { summary: 'what targets remember: list, get, set, delete' },
  new: { summary: 'write something to start from: integration' },
}

/** All command names, in the order of help. */
export function commandNames(): readonly CommandName[] {
  return Object.keys(COMMANDS) as CommandName[]
}

export function isCommandName(words: string): words is CommandName {
  return Object.hasOwn(COMMANDS, words)
}

/** The first words: `plan`, `runs`, `new` … */
export function firstWords(): readonly string[] {
  return [...new Set(commandNames().map((name) => name.split(' ')[0] ?? name))]
}

/** The second words of a group: `list`, `show`. */
export function secondWords(group: string): readonly string[] {
  return commandNames().flatMap((name) => (name.startsWith(`${group} `) ? [name.slice(group.length + 1)] : []))
}
