// The one table: that everything made from it (parser, help, schema, docs) agrees, and that the contract's exceptions hold.
import { describe, expect, it } from 'vitest'
import { configSchema } from '../../src/cli/config-schema.js'
import { buildProgram, helpText } from '../../src/cli/help.js'
import { COMMANDS, commandNames } from '../../src/cli/options-commands.js'
import { optionsMarkdown } from '../../src/cli/options-docs.js'
import { flagText, optionNames, optionSpec, variableName } from '../../src/cli/options.js'
import { parseArguments } from '../../src/cli/parse-arguments.js'

const HELP_PAGES = [[], ['runs'], ['new'], ...commandNames().map((name) => name.split(' '))]

describe('the table', () => {
  it('has flags that are neither variables nor keys as the contract says', () => {
    const flagsOnly = optionNames().filter((name) => !optionSpec(name).variable)
    for (const name of [
      'apply',
      'dryRun',
      'noDryRun',
      'yes',
      'expectPlan',
      'allowEmpty',
      'allowNotConverging',
      'maxDeletes',
      'maxChanges',
      'force',
      'initStore',
    ] as const) {
      expect(flagsOnly).toContain(name)
    }
    expect(flagsOnly.filter((name) => optionSpec(name).inFile === true)).toEqual([])
  })

  it('names variables after flags', () => {
    expect(variableName('compareWith')).toBe('TRUEUP_EARLY_EXIT_COMPARE_SHA')
    expect(variableName('store')).toBe('TRUEUP_STORE')
  })

  it('has each flag, alias and short once', () => {
    const flags = optionNames().flatMap((name) => [optionSpec(name).flag, ...(optionSpec(name).aliases ?? [])])
    const shorts = optionNames().flatMap((name) => optionSpec(name).short ?? [])
    expect(new Set(flags).size).toBe(flags.length)
    expect(new Set(shorts).size).toBe(shorts.length)
  })
})

describe('help', () => {
  it.each(HELP_PAGES)('fits 80 columns: %s %s', async (...words) => {
    const text = await helpText(words)
    expect(text.split('\n').filter((line) => line.length > 80)).toEqual([])
    expect(text).toMatch(/^Usage: trueup /)
    expect(text.endsWith('\n')).toBe(true)
  })

  it('of a command names every option that it lists, its arguments and its examples', async () => {
    for (const name of commandNames()) {
      const text = await helpText(name.split(' '))
      for (const option of optionNames()) {
        const { commands, unlisted, flag } = optionSpec(option)
        const listed = commands === 'all' || (commands.includes(name) && unlisted?.includes(name) !== true)
        const line = new RegExp(`^ +.*(?<!\\S)${flagText(flag)}(?![\\w-])`, 'm')
        const terms = text.split('\n').filter((row) => row.startsWith('  -'))
        expect([name, flag, terms.some((row) => line.test(row.slice(0, 50)))]).toEqual([name, flag, listed])
      }
      for (const { name: argument } of COMMANDS[name].arguments) expect(text).toContain(argument)
      for (const example of COMMANDS[name].examples) expect(text).toContain(`$ ${example}`)
    }
  })

  it('of the program names every command before the options, and the exit codes', async () => {
    const text = await helpText([])
    for (const name of commandNames()) expect(text).toContain(`  ${name}`)
    expect(text.indexOf('Commands:')).toBeLessThan(text.indexOf('Output:'))
    expect(text).toContain(' 75  try later')
  })

  it('has examples that the parser takes', async () => {
    for (const name of commandNames()) {
      for (const example of COMMANDS[name].examples) {
        expect(await parseArguments(example.split(' ').slice(1), {})).toMatchObject({ kind: 'command', command: name })
      }
    }
  })
})

describe('the docs table', () => {
  it('has one row a setting, of six cells', () => {
    const rows = optionsMarkdown().trimEnd().split('\n')
    expect(rows).toHaveLength(optionNames().length + 2)
    for (const row of rows) expect(row.split(/(?<!\\)\|/)).toHaveLength(8)
    expect(rows).toContain(
      '| `--base, --early-exit-compare-sha <rev>` | `TRUEUP_EARLY_EXIT_COMPARE_SHA` |  |  | plan, apply, run, affected, config | skip when configuration, code and desired state are as at that revision; last-applied: as last applied |',
    )
    expect(rows).toContain(
      "| `--timeout <duration>` | `TRUEUP_TIMEOUT` | `timeout` | none | plan, apply, run, undo, destroy, owned adopt, serve, config | the run's deadline: 90s, 30m, 1h |",
    )
  })
})

describe('the schema of trueup.yaml', () => {
  it('has exactly the keys of the table and the contract', () => {
    const schema = configSchema() as {
      properties: Record<string, { properties?: object; additionalProperties?: { properties?: object } }>
      required: string[]
    }
    expect(Object.keys(schema.properties).sort()).toEqual(
      [
        'approvals',
        'cache',
        'concurrency',
        'data',
        'freezes',
        'integrations',
        'limits',
        'logLevel',
        'notifications',
        'providers',
        'queue',
        'secrets',
        'store',
        'targets',
        'timeout',
        'ttl',
        'version',
      ].sort(),
    )
    expect(schema.required).toEqual(['version'])
    expect(Object.keys(schema.properties['targets']?.additionalProperties?.properties ?? {})).toEqual([
      'integration',
      'params',
      'schedule',
      'ttl',
      'apply',
      'labels',
      'after',
      'policies',
      'limits',
      'destination',
      'source',
    ])
    expect(schema.properties['concurrency']).toMatchObject({ type: 'integer', minimum: 1, maximum: 1000 })
    expect(schema.properties['logLevel']).toMatchObject({ enum: ['debug', 'info', 'warn', 'error'] })
    expect(JSON.parse(JSON.stringify(schema))).toEqual(schema)
  })
})

describe('commander, built from the same table', () => {
  const cases: readonly (readonly string[])[] = [
    ['plan', 'dns'],
    ['run', 'dns', '--apply', '-y'],
    ['run', 'dns', '--base', 'main', '--shard', 'a', '--shard', 'b'],
    ['run', '--base=main', 'dns', '--out', 'plan.json'],
    ['-o', 'json', 'list'],
    ['list', '-ojson', '-q'],
    ['list', '-qo', 'json'],
    ['runs'],
    ['runs', 'list', '--failed', '--since', '1d'],
    ['runs', 'show', '01J'],
    ['new', 'integration', 'x'],
    ['why', 'dns', 'eu'],
    ['run', 'dns', '--no-dry-run'],
    ['run', '--', '--odd-name'],
    ['plan', 'dns', '--detailed-exitcode=any', '--param', 'a=b=c'],
    ['-C', '/tmp', 'doctor'],
    // and what neither takes
    ['plan'],
    ['plan', 'a', 'b'],
    ['plan', 'dns', '--stor', 'x'],
    ['list', '--apply'],
    ['run', 'dns', '--store'],
    ['nonsense'],
    ['runs', 'nonsense'],
    ['list', '--C', 'x'],
    ['runs', 'show'],
  ]

  it.each(cases.map((argv) => [argv]))('takes and refuses the same command lines: %j', async (argv) => {
    expect(await oursOf(argv)).toEqual(await commandersOf(argv))
  })
})

type Reading =
  | {
      readonly command: string
      readonly positionals: readonly string[]
      readonly flags: Readonly<Record<string, unknown>>
    }
  | 'refused'

/** Flags as text by their name, so that values of both can be compared. */
async function oursOf(argv: readonly string[]): Promise<Reading> {
  const parsed = await parseArguments(argv, {}).catch(() => undefined)
  if (parsed?.kind !== 'command') return 'refused'
  const given = optionNames().filter((name) => parsed.settings[name].origin === 'flag')
  const flags = given.map((name) => [optionSpec(name).flag, textOf(parsed.settings[name].value)] as const)
  return { command: parsed.command, positionals: parsed.positionals, flags: Object.fromEntries(flags) }
}

function textOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(textOf)
  if (typeof value === 'object' && value !== null && 'name' in value && 'value' in value)
    return `${String(value.name)}=${String(value.value)}`
  return value === 86_400_000 ? '1d' : value
}

async function commandersOf(argv: readonly string[]): Promise<Reading> {
  const program = await buildProgram()
  let reading: Reading = 'refused'
  const prepare = (command: typeof program, words: readonly string[]): void => {
    command.exitOverride().configureOutput({ writeErr: () => undefined, writeOut: () => undefined })
    for (const inner of command.commands) prepare(inner, [...words, inner.name()])
    if (command.commands.length > 0) return
    command.action(() => {
      const flags: Record<string, unknown> = {}
      for (const [key, value] of Object.entries(command.optsWithGlobals())) {
        if (command.getOptionValueSourceWithGlobals(key) !== 'cli') continue
        const option = [...command.options, ...program.options].find((candidate) => candidate.attributeName() === key)
        // To commander --no-dry-run sets what --dry-run sets, to false.
        flags[value === false ? 'no-dry-run' : (option?.long?.slice(2) ?? 'C')] = value === false ? true : value
      }
      reading = { command: words.join(' '), positionals: command.args, flags }
    })
  }
  prepare(program, [])
  await program.parseAsync([...argv], { from: 'user' }).catch(() => undefined)
  return reading
}
