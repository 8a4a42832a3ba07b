// Command lines and variables in, typed commands or usage errors out: every conflict and every bad value, by tables.
import { describe, expect, it } from 'vitest'
import { runModeOf } from '../../src/cli/options-conflicts.js'
import type { ParsedCommand } from '../../src/cli/parse-arguments.js'
import { parseArguments } from '../../src/cli/parse-arguments.js'
import { isTrueupError } from '../../src/errors.js'

type Command = Extract<ParsedCommand, { kind: 'command' }>

/** Splits at blanks; enough for the command lines here. */
async function parse(
  line: string | readonly string[],
  environment: Record<string, string> = {},
): Promise<ParsedCommand> {
  return parseArguments(typeof line === 'string' ? line.split(' ').filter((word) => word !== '') : line, environment)
}

async function command(line: string | readonly string[], environment: Record<string, string> = {}): Promise<Command> {
  const parsed = await parse(line, environment)
  if (parsed.kind !== 'command') throw new Error(`no command: ${JSON.stringify(parsed)}`)
  return parsed
}

async function refusal(line: string | readonly string[], environment: Record<string, string> = {}): Promise<string> {
  try {
    await parse(line, environment)
  } catch (error) {
    if (isTrueupError(error) && error.code === 'usage') return error.message
    throw error
  }
  throw new Error('was not refused')
}

describe('commands', () => {
  it.each([
    ['plan dns', 'plan', ['dns']],
    ['apply plan.json', 'apply', ['plan.json']],
    ['run dns', 'run', ['dns']],
    ['list', 'list', []],
    ['show dns', 'show', ['dns']],
    ['why', 'why', []],
    ['why dns eu', 'why', ['dns', 'eu']],
    ['runs', 'runs list', []],
    ['runs list', 'runs list', []],
    ['runs show 01J', 'runs show', ['01J']],
    ['history t k', 'history', ['t', 'k']],
    ['owned adopt t a b c', 'owned adopt', ['t', 'a', 'b', 'c']],
    ['owned move a b --from t --to u', 'owned move', ['a', 'b']],
    ['new integration dns', 'new integration', ['dns']],
    ['init', 'init', []],
    ['doctor', 'doctor', []],
    ['doctor dns', 'doctor', ['dns']],
    ['config', 'config', []],
    ['run -- --odd', 'run', ['--odd']],
    ['-C /srv plan dns', 'plan', ['dns']],
  ])('%s', async (line, name, positionals) => {
    expect(await command(line)).toMatchObject({ command: name, positionals })
  })

  it.each<[string, ParsedCommand]>([
    ['', { kind: 'help', command: [], asked: false }],
    ['-q', { kind: 'help', command: [], asked: false }],
    ['--help', { kind: 'help', command: [], asked: true }],
    ['-h', { kind: 'help', command: [], asked: true }],
    ['help', { kind: 'help', command: [], asked: true }],
    ['help run', { kind: 'help', command: ['run'], asked: true }],
    ['help runs show', { kind: 'help', command: ['runs', 'show'], asked: true }],
    ['run --help', { kind: 'help', command: ['run'], asked: true }],
    ['run --bad --timeout 1y -qh', { kind: 'help', command: ['run'], asked: true }],
    ['--help plan dns', { kind: 'help', command: ['plan'], asked: true }],
    ['runs --help', { kind: 'help', command: ['runs'], asked: true }],
    ['new', { kind: 'help', command: ['new'], asked: false }],
    ['--version', { kind: 'version' }],
    ['run --version', { kind: 'version' }],
  ])('%j is not for a command', async (line, expected) => {
    expect(await parse(line, { TRUEUP_TIMEOUT: 'nonsense' })).toEqual(expected)
  })

  it.each([
    ['pla dns', 'there is no command "pla". Did you mean `trueup plan`? `trueup --help` shows all.'],
    ['dns-records', 'there is no command "dns-records". `trueup --help` shows all.'],
    ['help rum', 'there is no command "rum". Did you mean `trueup run`? `trueup --help` shows all.'],
    [
      'runs shw 01J',
      'there is no command "runs shw"; trueup runs has list, show or gc. Did you mean `trueup runs show`?',
    ],
    [
      'new integraton x',
      'there is no command "new integraton"; trueup new has integration. Did you mean `trueup new integration`?',
    ],
    ['toString', 'there is no command "toString". `trueup --help` shows all.'],
    ['plan', 'plan needs a target: `trueup list` shows all targets, --all runs those of trueup.yaml'],
    ['apply', 'apply needs a target or a file: `trueup list` shows all targets, --all runs those of trueup.yaml'],
    ['owned adopt t', 'owned adopt needs a key: `trueup list` shows all targets'],
    ['runs show', 'runs show needs an id: `trueup runs list` shows the ids'],
    ['new integration', 'new integration needs a name: for example `trueup new integration dns-records`'],
    ['show a b', 'trueup show takes only <target>, so "b" is one too many. `trueup show --help` shows how it is used.'],
    ['list a', 'trueup list takes no arguments, so "a" is one too many. `trueup list --help` shows how it is used.'],
    [
      'plan dns --detailed-exitcode any',
      'trueup plan: "any" is taken for a target. A value of --detailed-exitcode is written --detailed-exitcode=any.',
    ],
    [
      '--color never list',
      'there is no command "never". A value of --color is written --color=never. `trueup --help` shows all.',
    ],
  ])('%j is refused', async (line, message) => {
    expect(await refusal(line)).toBe(message)
  })

  it('refuses an empty target', async () => {
    expect(await refusal(['plan', ''])).toContain('needs a target')
  })
})

describe('flags', () => {
  it('are typed', async () => {
    const line =
      'run dns --apply -y --base main --require-compare --committed --shard eu --shard us --shard eu --force --store s3://b/p --init-store --out plan.json ' +
      '--expect-plan 71C2B04E9D33 --max-deletes 10% --max-changes 12 --allow-empty --detailed-exitcode --timeout 30m --concurrency 4 ' +
      '--param root=/srv --param query=a=b --trust-repo -C /a -C b -o json --report json=r.json --report markdown=r.md --log-level debug --log-format json --color -q --debug --config t.yaml'
    const { settings } = await command(line)
    const values = Object.fromEntries(Object.entries(settings).map(([name, { value }]) => [name, value]))
    expect(values).toMatchObject({
      apply: true,
      yes: true,
      compareWith: 'main',
      requireCompare: true,
      committed: true,
      shards: ['eu', 'us'],
      force: true,
      store: 's3://b/p',
      initStore: true,
      out: 'plan.json',
      expectPlan: '71c2b04e9d33',
      maxDeletes: '10%',
      maxChanges: 12,
      allowEmpty: true,
      detailedExitcode: 'any',
      timeout: 1_800_000,
      concurrency: 4,
      params: [
        { name: 'root', value: '/srv' },
        { name: 'query', value: 'a=b' },
      ],
      trustRepo: true,
      directory: '/a/b',
      output: 'json',
      reports: [
        { format: 'json', file: 'r.json' },
        { format: 'markdown', file: 'r.md' },
      ],
      logLevel: 'debug',
      logFormat: 'json',
      color: 'always',
      quiet: true,
      debug: true,
      config: 't.yaml',
    })
    expect(settings.compareWith).toEqual({ value: 'main', origin: 'flag', from: '--base' })
    expect(settings.yes.from).toBe('-y')
  })

  it('have defaults', async () => {
    const { settings, warnings } = await command('run dns')
    expect(Object.values(settings).filter(({ origin }) => origin !== 'default')).toEqual([])
    expect(settings.store.value).toBe('file:.trueup')
    expect(settings.concurrency.value).toBe(8)
    expect(settings.shards.value).toEqual([])
    expect(settings.timeout.value).toBeUndefined()
    expect(settings.detailedExitcode.value).toBe('off')
    expect(settings.apply.value).toBe(false)
    expect(warnings).toEqual([])
  })

  it.each([
    ['--detailed-exitcode=any', 'any'],
    ['--detailed-exitcode=any', 'any'],
    ['--detailed-exitcode=off', 'off'],
  ])('%s', async (flag, value) => {
    expect((await command(`run ${flag} dns`)).settings.detailedExitcode.value).toBe(value)
  })

  it('do not swallow the target behind an optional value', async () => {
    expect((await command('run --detailed-exitcode dns')).positionals).toEqual(['dns'])
  })

  it.each([
    ['-C a -C b', 'a/b'],
    ['-C a -C /b', '/b'],
    ['-C /a -C ../c', '/c'],
    ['-Ca', 'a'],
  ])('%s adds up as in git', async (flags, directory) => {
    expect((await command(`${flags} list`)).settings.directory.value).toBe(directory)
  })

  it('takes an empty -C as here, as git does', async () => {
    expect((await command(['-C', '', 'list'])).settings.directory.value).toBeUndefined()
  })

  it.each([
    ['plan dns --stor x', 'there is no option --stor. Did you mean --store? `trueup plan --help` shows all.'],
    [
      'plan dns --early-exit',
      'there is no option --early-exit. Did you mean --early-exit-compare-sha? `trueup plan --help` shows all.',
    ],
    ['plan dns --bse main', 'there is no option --bse. Did you mean --base? `trueup plan --help` shows all.'],
    ['list --C x', 'there is no option --C. `trueup list --help` shows all.'],
    ['list -x', 'there is no option -x. `trueup list --help` shows all.'],
    ['--nothing-like-it', 'there is no option --nothing-like-it. `trueup --help` shows all.'],
    [
      'list --apply',
      'trueup list has no --apply; it belongs to trueup plan, trueup apply, trueup run, trueup undo, trueup destroy or trueup serve',
    ],
    ['plan dns --failed', 'trueup plan has no --failed; it belongs to trueup runs list'],
    ['plan dns --apply=false', '--apply takes no value, so "=false" cannot stand behind it'],
    ['plan dns --committed=maybe', '--committed must be true, false, 1 or 0, not "maybe"'],
    ['plan dns --store', '--store needs a value: a text that is not empty'],
    [
      'plan dns --store --apply',
      '--store needs a value; "--apply" looks like a flag (if it is the value, write --store=--apply)',
    ],
    ['plan dns --base=', '--base must be a text that is not empty, not ""'],
    ['plan dns -o yaml', '-o must be text, json, markdown or github-matrix, not "yaml"'],
    ['plan dns --color=red', '--color must be auto, always or never, not "red"'],
    ['plan dns --detailed-exitcode=drift', '--detailed-exitcode must be off, any or change, not "drift"'],
    ['plan dns --log-level trace', '--log-level must be debug, info, warn or error, not "trace"'],
    ['plan dns --log-format xml', '--log-format must be pretty or json, not "xml"'],
    ['plan dns --report r.json', '--report must be json=FILE or markdown=FILE, not "r.json"'],
    ['plan dns --report json=', '--report must be json=FILE or markdown=FILE, not "json="'],
    ['plan dns --param root', '--param must be name=value, not "root"'],
    ['plan dns --param =x', '--param must be name=value, not "=x"'],
    ['plan dns --expect-plan 71c2', '--expect-plan must be the 12 to 64 hex digits of a plan digest, not "71c2"'],
    [
      'plan dns --expect-plan zzzzzzzzzzzz',
      '--expect-plan must be the 12 to 64 hex digits of a plan digest, not "zzzzzzzzzzzz"',
    ],
    ['plan dns --concurrency 0', '--concurrency must be a whole number from 1 to 1000, not "0"'],
    ['plan dns --concurrency 1.5', '--concurrency must be a whole number from 1 to 1000, not "1.5"'],
    ['plan dns --concurrency many', '--concurrency must be a whole number from 1 to 1000, not "many"'],
    ['plan dns --max-deletes 101%', '--max-deletes must be a count (12) or a percentage (10%), not "101%"'],
    ['plan dns --max-deletes=-1', '--max-deletes must be a count (12) or a percentage (10%), not "-1"'],
    ['plan dns --max-changes some', '--max-changes must be a count (12) or a percentage (10%), not "some"'],
    ['runs --mode wet', '--mode must be dry-run or apply, not "wet"'],
  ])('%j is refused', async (line, message) => {
    expect(await refusal(line)).toBe(message)
  })

  it.each(['0', '0s', '1y', 'soon', '1.5h', '-5s', ''])(
    '--timeout=%s is refused with the accepted forms',
    async (text) => {
      expect(await refusal(`plan dns --timeout=${text}`)).toBe(
        `--timeout must be a duration above zero and at most 24d (90s, 30m, 1h, 1d, or a bare number of seconds), not "${text}"`,
      )
    },
  )

  it('refuses a timeout that a timer cannot count', async () => {
    expect(await refusal('plan dns --timeout 25d')).toContain('at most 24d')
    expect((await command('plan dns --timeout 24d')).settings.timeout.value).toBeLessThan(2 ** 31)
  })
})

describe('conflicts', () => {
  it.each([
    ['run dns --apply --dry-run', '--apply and --dry-run contradict each other: leave one out'],
    ['run dns --dry-run --no-dry-run', '--no-dry-run and --dry-run contradict each other: leave one out'],
    ['plan dns --apply', 'trueup plan never changes anything, so it refuses --apply: use `trueup apply dns`'],
    ['plan dns --no-dry-run', 'trueup plan never changes anything, so it refuses --no-dry-run: use `trueup apply dns`'],
    ['plan dns --yes --apply', 'trueup plan never changes anything, so it refuses --apply: use `trueup apply dns`'],
    ['apply dns --dry-run', 'trueup apply carries the plan out, so it refuses --dry-run: use `trueup plan dns`'],
    [
      'run dns --base a --early-exit-compare-sha b',
      '--base a and --early-exit-compare-sha b contradict each other: give one of them',
    ],
    ['run dns --base a --base b', '--base a and --base b contradict each other: give one of them'],
    ['run dns --store a --store b', '--store a and --store b contradict each other: give one of them'],
    [
      'run dns --max-deletes 1 --max-deletes 2',
      '--max-deletes 1 and --max-deletes 2 contradict each other: give one of them',
    ],
    ['run dns --param a=1 --param a=2', '--param: the parameter a has two values; give one of them'],
    ['run dns --report json=r --report markdown=r', '--report: the file r is asked for in two forms; give one of them'],
    ['run dns --out r --report json=r', 'the plan and a report would be written to one file, r: give them two'],
    [
      'run dns --require-compare',
      '--require-compare needs something to compare with: --base <rev>, or TRUEUP_EARLY_EXIT_COMPARE_SHA, which is empty or not set',
    ],
  ])('%j', async (line, message) => {
    expect(await refusal(line)).toBe(message)
  })

  it('does not paste a target that the shell would take apart', async () => {
    expect(await refusal(['plan', '$(x)', '--apply'])).toContain('use `trueup apply`')
  })

  it.each([
    ['plan dns --yes', 'dry-run'],
    ['plan dns --dry-run', 'dry-run'],
    ['run dns', 'dry-run'],
    ['run dns --dry-run --yes', 'dry-run'],
    ['run dns --apply', 'apply'],
    ['run dns --no-dry-run', 'apply'],
    ['run dns --apply --no-dry-run', 'apply'],
    ['apply dns', 'apply'],
    ['apply dns --apply', 'apply'],
    ['run dns --base a --early-exit-compare-sha a', 'dry-run'],
    ['run dns --require-compare --base last-applied', 'dry-run'],
    ['run dns --param a=1 --param a=1', 'dry-run'],
  ])('%j is none, and means %s', async (line, mode) => {
    const parsed = await command(line)
    expect(runModeOf(parsed.command as 'plan' | 'apply' | 'run', parsed.settings)).toBe(mode)
  })
})

describe('variables', () => {
  it('hold what flags hold, under them', async () => {
    const environment = {
      TRUEUP_STORE: 'file:x',
      TRUEUP_EARLY_EXIT_COMPARE_SHA: 'main',
      TRUEUP_COMMITTED: 'true',
      TRUEUP_QUIET: '0',
      TRUEUP_SHARD: 'eu\nus,west\r\n',
      TRUEUP_PARAM: 'root=/srv\nq=a b',
      TRUEUP_TIMEOUT: '90',
      TRUEUP_DETAILED_EXITCODE: 'any',
      TRUEUP_COLOR: 'false',
      TRUEUP_REPORT: 'json=r.json',
    }
    const { settings } = await command('run dns --store file:y', environment)
    expect(settings.store).toEqual({ value: 'file:y', origin: 'flag', from: '--store' })
    expect(settings.compareWith).toEqual({ value: 'main', origin: 'variable', from: 'TRUEUP_EARLY_EXIT_COMPARE_SHA' })
    expect(settings.committed.value).toBe(true)
    expect(settings.quiet).toEqual({ value: false, origin: 'variable', from: 'TRUEUP_QUIET' })
    expect(settings.shards.value).toEqual(['eu', 'us,west'])
    expect(settings.params.value).toEqual([
      { name: 'root', value: '/srv' },
      { name: 'q', value: 'a b' },
    ])
    expect(settings.timeout.value).toBe(90_000)
    expect(settings.detailedExitcode.value).toBe('any')
    expect(settings.color.value).toBe('never')
    expect(settings.reports.value).toEqual([{ format: 'json', file: 'r.json' }])
  })

  it('can be switched off by a flag', async () => {
    expect((await command('run dns --committed=false', { TRUEUP_COMMITTED: '1' })).settings.committed).toEqual({
      value: false,
      origin: 'flag',
      from: '--committed',
    })
  })

  it('are not set when they are empty, as CI systems leave them', async () => {
    const { settings } = await command('run dns', {
      TRUEUP_STORE: '',
      TRUEUP_COMMITTED: '',
      TRUEUP_EARLY_EXIT_COMPARE_SHA: '  ',
    })
    expect([settings.store.origin, settings.committed.origin, settings.compareWith.origin]).toEqual([
      'default',
      'default',
      'default',
    ])
  })

  it.each([
    [{ TRUEUP_COMMITTED: 'yes' }, 'the variable TRUEUP_COMMITTED must be true, false, 1 or 0, not "yes"'],
    [{ TRUEUP_DEBUG: 'TRUE' }, 'the variable TRUEUP_DEBUG must be true, false, 1 or 0, not "TRUE"'],
    [
      { TRUEUP_TIMEOUT: '1y' },
      'the variable TRUEUP_TIMEOUT must be a duration above zero and at most 24d (90s, 30m, 1h, 1d, or a bare number of seconds), not "1y"',
    ],
    [{ TRUEUP_OUTPUT: 'yaml' }, 'the variable TRUEUP_OUTPUT must be text, json, markdown or github-matrix, not "yaml"'],
    [{ TRUEUP_PARAM: 'a=1\nb' }, 'the variable TRUEUP_PARAM must be name=value, not "b"'],
    [{ TRUEUP_PARAM: 'a=1\na=2' }, 'TRUEUP_PARAM: the parameter a has two values; give one of them'],
    [
      { TRUEUP_REQUIRE_COMPARE: '1' },
      'TRUEUP_REQUIRE_COMPARE needs something to compare with: --base <rev>, or TRUEUP_EARLY_EXIT_COMPARE_SHA, which is empty or not set',
    ],
  ])('%j is refused', async (environment, message) => {
    expect(await refusal('run dns', environment as Record<string, string>)).toBe(message)
  })

  it('are read only by commands that have the flag', async () => {
    const { settings } = await command('list', { TRUEUP_TIMEOUT: 'nonsense', TRUEUP_STORE: 'file:x' })
    expect(settings.timeout.origin).toBe('default')
    expect(settings.store.origin).toBe('variable')
  })

  it('are all shown by config', async () => {
    expect((await command('config', { TRUEUP_TIMEOUT: '1h', TRUEUP_SHARD: 'eu' })).settings).toMatchObject({
      timeout: { value: 3_600_000, origin: 'variable' },
      shards: { value: ['eu'], origin: 'variable' },
    })
  })

  it('that nothing reads are warned of, not refused', async () => {
    const environment = {
      TRUEUP_STOR: 'x',
      TRUEUP_WHATEVER_IT_MAY_BE: 'x',
      TRUEUP_APPLY: 'true',
      TRUEUP_MAX_DELETES: '5',
      TRUEUP_TOKEN: 't',
      TRUEUP_HOOK_SECRET: 'h',
      TRUEUP_EVENT: '{}',
      TRUEUP_ANSWERS: '1',
      TRUEUP_SECRET_DNS: 's',
      PATH: '/bin',
    }
    const { settings, warnings } = await command('run dns', environment)
    expect(warnings).toEqual([
      'the variable TRUEUP_APPLY is ignored: --apply can only be given as a flag.',
      'the variable TRUEUP_MAX_DELETES is ignored: --max-deletes can only be given as a flag.',
      'the variable TRUEUP_STOR is not one that trueup reads. Did you mean TRUEUP_STORE?',
      'the variable TRUEUP_WHATEVER_IT_MAY_BE is not one that trueup reads.',
    ])
    expect(settings.apply.value).toBe(false)
    expect(settings.maxDeletes.value).toBeUndefined()
  })
})
