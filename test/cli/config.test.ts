// trueup.yaml: found, parsed strictly with the place of every problem, resolved to targets and to what decides outcomes.
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  defaultTarget,
  effectiveTargetSettings,
  findTarget,
  resolveTargets,
  withOverrides,
} from '../../src/cli/config-targets.js'
import { providerRates } from '../../src/cli/config-providers.js'
import type { Config } from '../../src/cli/config.js'
import { emptyConfig, fileSettings, findConfigFile, parseConfig } from '../../src/cli/config.js'
import { withFileSettings } from '../../src/cli/options-settings.js'
import { parseArguments } from '../../src/cli/parse-arguments.js'
import { isTrueupError } from '../../src/errors.js'

const FULL = `version: 1
integrations: [integrations, ./extra/one.ts]
data: data
store: s3://bucket/team
timeout: 30m
concurrency: 4
logLevel: warn
secrets: { backend: env }
limits: { maxDeletes: 10%, maxChanges: 50, percentFrom: 5 }
targets:
  files-prod:
    integration: managed-files
    params: { root: /srv/prod, deep: { list: [1, 2.5, null, true, x, [y, [z]]] } }
    schedule: '*/10 * * * *'
    ttl: 1h
    apply: true
    labels: { team: web }
    limits: { maxDeletes: 3, allowEmpty: true }
    destination: files:prod
    source: git
  managed-files:
`

async function refusal(text: string): Promise<readonly string[]> {
  try {
    await parseConfig(text, 'trueup.yaml')
  } catch (error) {
    if (isTrueupError(error) && error.code === 'config-invalid') return error.message.split('\n')
    throw error
  }
  throw new Error('was not refused')
}

async function folder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await realpath(await mkdtemp(join(tmpdir(), 'trueup-config-')))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

describe('parseConfig', () => {
  it('reads every key', async () => {
    const { lines, ...config } = await parseConfig(FULL, 'trueup.yaml')
    expect(config).toEqual({
      file: 'trueup.yaml',
      version: 1,
      integrations: ['integrations', './extra/one.ts'],
      data: 'data',
      store: 's3://bucket/team',
      timeout: 1_800_000,
      concurrency: 4,
      logLevel: 'warn',
      secrets: { backend: 'env' },
      limits: { maxDeletes: '10%', maxChanges: 50, percentFrom: 5 },
      targets: {
        'files-prod': {
          integration: 'managed-files',
          params: { root: '/srv/prod', deep: { list: [1, 2.5, null, true, 'x', ['y', ['z']]] } },
          schedule: '*/10 * * * *',
          ttl: 3_600_000,
          apply: true,
          labels: { team: 'web' },
          limits: { maxDeletes: 3, allowEmpty: true },
          destination: 'files:prod',
          source: 'git',
        },
        'managed-files': {},
      },
    })
    expect(lines['secrets.backend']).toBe(8)
    expect(lines['targets.files-prod.ttl']).toBe(15)
  })

  it('gives data that JSON keeps', async () => {
    const config = await parseConfig(FULL, 'trueup.yaml')
    expect(JSON.parse(JSON.stringify(config))).toEqual(config)
  })

  it('needs only a version', async () => {
    expect(await parseConfig('version: 1\n', 'x')).toEqual({ file: 'x', version: 1, lines: { version: 1 } })
    expect(await parseConfig('\uFEFFversion: 1\r\ntargets:\r\n', 'x')).toMatchObject({ version: 1, targets: {} })
  })

  it.each([
    ['1', 1000],
    ['90s', 90_000],
    ['"120"', 120_000],
    ['1d', 86_400_000],
  ])('reads a duration %s', async (text, ms) => {
    expect((await parseConfig(`version: 1\ntimeout: ${text}`, 'x')).timeout).toBe(ms)
  })

  it('follows anchors', async () => {
    const config = await parseConfig(
      'version: 1\ntargets:\n  a: { params: &p { root: /a } }\n  b: { params: *p }\n',
      'x',
    )
    expect(config.targets?.['b']?.params).toEqual({ root: '/a' })
  })

  it('keeps a key such as __proto__ as data', async () => {
    const config = await parseConfig('version: 1\ntargets: { a: { params: { __proto__: { x: 1 } } } }', 'x')
    expect(Object.getOwnPropertyNames(config.targets?.['a']?.params)).toEqual(['__proto__'])
  })

  it.each<[string, string, readonly string[]]>([
    ['an unknown key', 'version: 1\nstores: x\n', ['trueup.yaml:2:1: there is no key "stores". Did you mean "store"?']],
    [
      'an unknown key inside',
      'version: 1\nlimits:\n  maxDelete: 1\n',
      ['trueup.yaml:3:3: there is no key "maxDelete" in limits. Did you mean "maxDeletes"?'],
    ],
    [
      'an unknown key of a target',
      'version: 1\ntargets:\n  a: { integration: x, zzz: 1 }\n',
      ['trueup.yaml:3:24: there is no key "zzz" in targets.a.'],
    ],
    ['a key that is inherited', 'version: 1\ntoString: x\n', ['trueup.yaml:2:1: there is no key "toString".']],
    ['a setting that is a flag only', 'version: 1\nforce: true\n', ['trueup.yaml:2:1: there is no key "force".']],
    ['a wrong list', 'version: 1\nintegrations: x\n', ['trueup.yaml:2:15: integrations must be a list, not "x"']],
    [
      'a wrong entry',
      'version: 1\nintegrations: [a, 1, ""]\n',
      [
        'trueup.yaml:2:19: integrations[1] must be a text that is not empty, not 1',
        'trueup.yaml:2:22: integrations[2] must be a text that is not empty, not ""',
      ],
    ],
    [
      'a text that is none',
      'version: 1\nstore: [x]\n',
      ['trueup.yaml:2:8: store must be a text that is not empty, not a list'],
    ],
    [
      'an empty value',
      'version: 1\nstore:\ndata: x\n',
      ['trueup.yaml:2:7: store must be a text that is not empty, not nothing'],
    ],
    [
      'a choice',
      'version: 1\nlogLevel: loud\n',
      ['trueup.yaml:2:11: logLevel must be debug, info, warn or error, not "loud"'],
    ],
    [
      'a count',
      'version: 1\nconcurrency: 0\n',
      ['trueup.yaml:2:14: concurrency must be a whole number from 1 to 1000, not 0'],
    ],
    [
      'a duration',
      'version: 1\ntimeout: 1y\n',
      [
        'trueup.yaml:2:10: timeout must be a duration above zero and at most 24d (90s, 30m, 1h, 1d, or a bare number of seconds), not "1y"',
      ],
    ],
    [
      'a duration of zero',
      'version: 1\ntargets: { a: { ttl: 0 } }\n',
      [
        'trueup.yaml:2:22: targets.a.ttl must be a duration above zero (90s, 30m, 1h, 1d, or a bare number of seconds), not 0',
      ],
    ],
    [
      'a percentage',
      'version: 1\nlimits: { maxDeletes: 120% }\n',
      ['trueup.yaml:2:23: limits.maxDeletes must be a count (12) or a percentage (10%), not "120%"'],
    ],
    [
      'an amount as text',
      'version: 1\nlimits: { maxDeletes: "12" }\n',
      ['trueup.yaml:2:23: limits.maxDeletes must be a count (12) or a percentage (10%), not "12"'],
    ],
    [
      'a negative amount',
      'version: 1\nlimits: { maxChanges: -1 }\n',
      ['trueup.yaml:2:23: limits.maxChanges must be a count (12) or a percentage (10%), not -1'],
    ],
    [
      'a boolean',
      'version: 1\ntargets: { a: { apply: yes } }\n',
      ['trueup.yaml:2:24: targets.a.apply must be true or false, not "yes"'],
    ],
    [
      'a backend',
      'version: 1\nsecrets: { backend: vault }\n',
      ['trueup.yaml:2:21: secrets.backend must be env or file, not "vault"'],
    ],
    [
      'a backend of files without their folder',
      'version: 1\nsecrets: { backend: file }\n',
      ['trueup.yaml:2:12: secrets.backend: file needs the key "dir" beside it'],
    ],
    [
      'a folder for variables',
      'version: 1\nsecrets: { dir: x }\n',
      ['trueup.yaml:2:12: secrets.dir belongs to backend: file'],
    ],
    [
      'a schedule',
      'version: 1\ntargets: { a: { schedule: often } }\n',
      ['trueup.yaml:2:27: targets.a.schedule must be a cron expression (\'*/10 * * * *\', @hourly), not "often"'],
    ],
    [
      'a label',
      'version: 1\ntargets: { a: { labels: { tier: 1 } } }\n',
      ['trueup.yaml:2:33: targets.a.labels.tier must be a text that is not empty, not 1'],
    ],
    [
      'a target name',
      'version: 1\ntargets: { Files.Prod: {} }\n',
      [
        'trueup.yaml:2:12: the name "Files.Prod" in targets must be lower-case letters, digits and dashes, beginning with a letter',
      ],
    ],
    [
      'targets as a list',
      'version: 1\ntargets: [a]\n',
      ['trueup.yaml:2:10: targets must be a mapping (key: value), not a list'],
    ],
    [
      'a number that JSON bends',
      'version: 1\ntargets: { a: { params: { id: 12345678901234567890, n: .nan } } }\n',
      [
        'trueup.yaml:2:31: targets.a.params.id must be a value that JSON can hold exactly; put quotes around it to have it as text',
        'trueup.yaml:2:56: targets.a.params.n must be a value that JSON can hold exactly; put quotes around it to have it as text',
      ],
    ],
    [
      'a key that is no text',
      'version: 1\ntargets: { a: { params: { ? [x] : 1 } } }\n',
      ['trueup.yaml:2:29: a key must be a plain text'],
    ],
    [
      'an alias of nothing',
      'version: 1\ntargets: { a: { params: { x: *gone } } }\n',
      ['trueup.yaml:2:30: nothing before this is marked &gone'],
    ],
    ['no version', 'store: x\n', ['trueup.yaml:1:1: the key "version" is missing']],
    ['an empty file', '', ['trueup.yaml:1:1: the key "version" is missing']],
    ['a version as text', 'version: "1"\n', ['trueup.yaml:1:10: version must be the number 1, not "1"']],
    [
      'another version, and only that',
      'version: 2\nwhatever: true\n',
      [
        'trueup.yaml:1:10: this trueup reads version 1 of trueup.yaml, not 2: use a trueup that knows it, or set version: 1',
      ],
    ],
    [
      'a file that is no mapping',
      '- version: 1\n',
      ['trueup.yaml:1:1: the file must be a mapping (key: value), not a list'],
    ],
    [
      'all at once, in order',
      'version: 1\nstor: x\nconcurrency: many\ntargets:\n  a: { ttl: soon }\n',
      [
        'trueup.yaml:2:1: there is no key "stor". Did you mean "store"?',
        'trueup.yaml:3:14: concurrency must be a whole number from 1 to 1000, not "many"',
        'trueup.yaml:5:13: targets.a.ttl must be a duration above zero (90s, 30m, 1h, 1d, or a bare number of seconds), not "soon"',
      ],
    ],
  ])('refuses %s', async (_name, text, messages) => {
    expect(await refusal(text)).toEqual(messages)
  })

  it.each([
    ['a key twice', 'version: 1\nstore: a\nstore: b\n', /^trueup\.yaml:3:1: Map keys must be unique/],
    ['text that is no YAML', 'version: 1\nstore: [a\n', /^trueup\.yaml:\d+:\d+: /],
    ['two documents', 'version: 1\n---\nversion: 1\n', /^trueup\.yaml:2:1: /],
    ['a tag of its own', 'version: 1\nstore: !secret x\n', /^trueup\.yaml:2:8: Unresolved tag/],
  ])('refuses %s', async (_name, text, message) => {
    expect((await refusal(text))[0]).toMatch(message)
  })

  it('is not drowned by aliases that multiply', async () => {
    const levels = [
      'a0: &a0 [x, x]',
      ...Array.from({ length: 30 }, (_, n) => `a${n + 1}: &a${n + 1} [${`*a${n}, `.repeat(9)}*a${n}]`),
    ]
    const text = `version: 1\ntargets:\n  t:\n    params:\n${levels.map((level) => `      ${level}\n`).join('')}`
    expect((await refusal(text)).join()).toContain('too many aliases (more than 1000), or one that contains itself')
  })

  it('is not drowned by an alias that contains itself', async () => {
    const messages = (await refusal('version: 1\ntargets: { t: { params: { a: &a [*a] } } }\n')).join()
    expect(messages).toContain('nested too deeply')
  })
})

describe('findConfigFile', () => {
  it('walks up to the root of the repository, and no further', async () => {
    await using top = await folder()
    const inner = join(top.path, 'repository/a/b')
    await mkdir(inner, { recursive: true })
    await mkdir(join(top.path, 'repository/.git'))
    await writeFile(join(top.path, 'trueup.yaml'), 'version: 1\n')
    expect(await findConfigFile({ directory: inner })).toBeUndefined()
    await writeFile(join(top.path, 'repository/trueup.yaml'), 'version: 1\n')
    expect(await findConfigFile({ directory: inner })).toBe(join(top.path, 'repository/trueup.yaml'))
    await writeFile(join(top.path, 'repository/a/trueup.yaml'), 'version: 1\n')
    expect(await findConfigFile({ directory: inner })).toBe(join(top.path, 'repository/a/trueup.yaml'))
  })

  it('takes --config from the folder it is in', async () => {
    await using top = await folder()
    await writeFile(join(top.path, 'other.yaml'), 'version: 1\n')
    expect(await findConfigFile({ directory: top.path, config: 'other.yaml' })).toBe(join(top.path, 'other.yaml'))
    await expect(findConfigFile({ directory: top.path, config: 'gone.yaml' })).rejects.toMatchObject({
      code: 'config-invalid',
      message: `there is no configuration file gone.yaml (--config, looked for at ${join(top.path, 'gone.yaml')})`,
    })
  })

  it('says so when the file has the other ending, and does not mistake a folder for it', async () => {
    await using top = await folder()
    await mkdir(join(top.path, '.git'))
    await mkdir(join(top.path, 'trueup.yaml'))
    await writeFile(join(top.path, 'trueup.yml'), 'version: 1\n')
    await expect(findConfigFile({ directory: top.path })).rejects.toMatchObject({ code: 'config-invalid' })
  })
})

describe('settings of the file', () => {
  it('lie under flags and variables, and over defaults', async () => {
    const config = await parseConfig('version: 1\nstore: file:a\ntimeout: 1h\nconcurrency: 3\n', 'trueup.yaml')
    const parsed = await parseArguments(['run', 'x', '--store', 'file:b'], { TRUEUP_TIMEOUT: '2h' })
    if (parsed.kind !== 'command') throw new Error('no command')
    const settings = withFileSettings(parsed.settings, fileSettings(config))
    expect(settings.store).toEqual({ value: 'file:b', origin: 'flag', from: '--store' })
    expect(settings.timeout).toEqual({ value: 7_200_000, origin: 'variable', from: 'TRUEUP_TIMEOUT' })
    expect(settings.concurrency).toEqual({ value: 3, origin: 'file', from: 'trueup.yaml:4' })
    expect(settings.logLevel).toEqual({ value: 'info', origin: 'default', from: null })
    expect(withFileSettings(parsed.settings, fileSettings(emptyConfig()))).toEqual(parsed.settings)
  })
})

describe('targets', () => {
  it('have the name of their integration and defaults where nothing is said', async () => {
    const config = await parseConfig(FULL, 'trueup.yaml')
    expect([...resolveTargets(config).keys()]).toEqual(['files-prod', 'managed-files'])
    expect(resolveTargets(config).get('files-prod')).toMatchObject({
      integration: 'managed-files',
      limits: { maxDeletes: 3, maxChanges: 50, percentFrom: 5, allowEmpty: true },
      ttlMs: 3_600_000,
    })
    expect(defaultTarget(emptyConfig(), 'dns')).toEqual({
      name: 'dns',
      integration: 'dns',
      params: {},
      limits: {},
      labels: {},
      after: [],
      apply: false,
      schedule: null,
      policies: {},
      ttlMs: null,
      destination: null,
      source: 'git',
    })
  })

  it('are found by name, else as the default of an integration', async () => {
    const config = await parseConfig(FULL, 'trueup.yaml')
    expect((await findTarget(config, 'files-prod', [])).integration).toBe('managed-files')
    expect(await findTarget(config, 'dns', ['dns'])).toMatchObject({
      name: 'dns',
      integration: 'dns',
      limits: { maxDeletes: '10%' },
    })
  })

  it.each([
    [
      'dns-record',
      ['dns-records', 'users'],
      'no target or integration is called "dns-record". Did you mean "dns-records"? `trueup list` shows all 4.',
    ],
    [
      'file-prod',
      ['managed-files'],
      'no target or integration is called "file-prod". Did you mean "files-prod"? `trueup list` shows all 2.',
    ],
    ['constructor', ['managed-files'], 'no target or integration is called "constructor". `trueup list` shows all 2.'],
  ])('that are unknown get a suggestion: %s', async (name, integrations, message) => {
    const config = await parseConfig(FULL, 'trueup.yaml')
    await expect(findTarget(config, name, integrations)).rejects.toMatchObject({ code: 'usage', message })
  })

  it('that are unknown where there are none, or one', async () => {
    await expect(findTarget(emptyConfig(), 'x', [])).rejects.toMatchObject({
      message: 'no target or integration is called "x". There are none yet: `trueup init` makes a first one.',
    })
    await expect(findTarget(emptyConfig(), 'x', ['dns-records'])).rejects.toMatchObject({
      message: 'no target or integration is called "x". `trueup list` shows the only one.',
    })
  })
})

describe('effectiveTargetSettings', () => {
  const effective = async (text: string, name = 'a'): Promise<unknown> => {
    const config: Config = await parseConfig(text, 'trueup.yaml')
    return effectiveTargetSettings(config, await findTarget(config, name, ['a']))
  }

  it.each([
    'version: 1\n# a comment\n',
    'version: 1\ntargets: { a: { integration: a } }',
    'version: 1\nstore: file:.trueup',
    'version: 1\nsecrets: { backend: env }',
    'version: 1\ntargets: { a: { schedule: "@daily", ttl: 1h, apply: true, labels: { x: y }, source: git } }',
    'version: 1\ntimeout: 1h\nconcurrency: 2\nlogLevel: debug\nintegrations: [x]',
    'version: 1\ntargets: { b: { params: { x: 1 } } }',
  ])('does not differ for %j', async (text) => {
    expect(await effective(text)).toEqual(await effective('version: 1\n'))
  })

  it.each([
    'version: 1\ntargets: { a: { integration: b } }',
    'version: 1\ntargets: { a: { params: { x: 1 } } }',
    'version: 1\ntargets: { a: { limits: { maxDeletes: 1 } } }',
    'version: 1\ntargets: { a: { destination: x } }',
    'version: 1\nlimits: { maxChanges: 5% }',
    'version: 1\ndata: x',
    'version: 1\nstore: file:x',
    'version: 1\nsecrets: { backend: file, dir: x }',
  ])('differs for %j', async (text) => {
    expect(await effective(text)).not.toEqual(await effective('version: 1\n'))
  })

  it('says the same of limits wherever they stand', async () => {
    expect(
      await effective('version: 1\nlimits: { maxDeletes: 1 }\ntargets: { a: { limits: { maxChanges: 2 } } }'),
    ).toEqual(
      await effective(
        'version: 1\nlimits: { maxDeletes: 9 }\ntargets: { a: { limits: { maxChanges: 2, maxDeletes: 1 } } }',
      ),
    )
  })

  it('takes flags on top', () => {
    const target = withOverrides(defaultTarget(emptyConfig(), 'a'), {
      params: { x: '1' },
      limits: { maxDeletes: '50%' },
    })
    expect(effectiveTargetSettings(emptyConfig(), target)).toMatchObject({
      params: { x: '1' },
      limits: { maxDeletes: '50%' },
    })
  })
})

describe('providers', () => {
  const notAnOrigin = (name: string): string =>
    `trueup.yaml:3:3: the name "${name}" in providers must be an origin in lower case, without path and default port (https://dns.example.com, http://localhost:8080)`

  it('have a rate and a burst by origin', async () => {
    const text = `version: 1
providers:
  https://dns.example.com: { rate: 10/s, burst: 20 }
  http://localhost:8080: { rate: 30/m }
  'http://[::1]:81': { rate: 7200/h }
`
    const { providers } = await parseConfig(text, 'trueup.yaml')
    expect(Object.fromEntries(providerRates(providers))).toEqual({
      'https://dns.example.com': { perSecond: 10, burst: 20 },
      'http://localhost:8080': { perSecond: 0.5, burst: 1 },
      'http://[::1]:81': { perSecond: 2, burst: 2 },
    })
    // What a URL gives as its origin is what is asked for.
    for (const origin of Object.keys(providers ?? {})) expect(new URL(origin).origin).toBe(origin)
  })

  it.each([
    ["'https://DNS.example.com': { rate: 10/s }", notAnOrigin('https://DNS.example.com')],
    ['dns.example.com: { rate: 10/s }', notAnOrigin('dns.example.com')],
    ['https://a.example/: { rate: 10/s }', notAnOrigin('https://a.example/')],
    ['https://a.example:443: { rate: 10/s }', notAnOrigin('https://a.example:443')],
    ['http://a.example:80: { rate: 10/s }', notAnOrigin('http://a.example:80')],
    ['ftp://a.example: { rate: 10/s }', notAnOrigin('ftp://a.example')],
    ['https://a.example: { burst: 1 }', 'trueup.yaml:3:22: the key "rate" is missing'],
    [
      'https://a.example: { rate: 10 }',
      'trueup.yaml:3:30: providers.https://a.example.rate must be calls per time (10/s, 600/m, 1000/h), not 10',
    ],
    [
      'https://a.example: { rate: 0/s }',
      'trueup.yaml:3:30: providers.https://a.example.rate must be calls per time (10/s, 600/m, 1000/h), not "0/s"',
    ],
    [
      'https://a.example: { rate: 1/s, burst: 0 }',
      'trueup.yaml:3:42: providers.https://a.example.burst must be a whole number from 1 to 1000000, not 0',
    ],
  ])('%s is refused', async (text, message) => {
    expect(await refusal(`version: 1\nproviders:\n  ${text}\n`)).toEqual([message])
  })
})

describe('approvals', () => {
  const one = (text: string): string => `version: 1\napprovals:\n  - ${text}\n`

  it('name keys or a plan, until a day or an instant, with a reason and who answers for it', async () => {
    const config = await parseConfig(
      `${one("{ target: dns, keys: [a, b/c], until: 2026-12-31, reason: 'moved', by: jane }")}  - { target: dns, plan: ${'a'.repeat(64)}, until: 2026-12-31T18:00Z, reason: moved, by: jane }\n`,
      'trueup.yaml',
    )
    expect(config.approvals).toEqual([
      { target: 'dns', keys: ['a', 'b/c'], until: '2026-12-31', reason: 'moved', by: 'jane' },
      { target: 'dns', plan: 'a'.repeat(64), until: '2026-12-31T18:00Z', reason: 'moved', by: 'jane' },
    ])
  })

  it.each([
    ['{ target: dns, keys: [a], until: 2026-12-31, by: jane }', 'trueup.yaml:3:5: the key "reason" is missing'],
    [
      '{ target: dns, until: 2026-12-31, reason: r, by: jane }',
      'trueup.yaml:3:5: approvals[0] needs one of the keys "keys" or "plan", and not two',
    ],
    [
      `{ target: dns, keys: [a], plan: ${'a'.repeat(64)}, until: 2026-12-31, reason: r, by: jane }`,
      'trueup.yaml:3:5: approvals[0] needs one of the keys "keys" or "plan", and not two',
    ],
    [
      '{ target: dns, keys: [a], until: soon, reason: r, by: jane }',
      'trueup.yaml:3:38: approvals[0].until must be a day (2026-12-31) or an instant in UTC (2026-12-31T18:00Z), not "soon"',
    ],
    [
      '{ target: dns, plan: abc, until: 2026-12-31, reason: r, by: jane }',
      'trueup.yaml:3:26: approvals[0].plan must be the 64 hex digits of a plan digest, not "abc"',
    ],
  ])('%s is refused', async (text, message) => {
    expect(await refusal(one(text))).toEqual([message])
  })
})

describe('schedules and freezes', () => {
  const of = (text: string): Promise<Config> => parseConfig(`version: 1\n${text}`, 'trueup.yaml')

  it('are cron expressions of a time zone, and name targets that there are', async () => {
    const config = await of(
      `targets: { dns: { schedule: '@daily' } }\nfreezes:\n  - { schedule: '0 17 * * 5', for: 63h, timeZone: Europe/Berlin, reason: weekend, targets: [dns] }\n`,
    )
    expect(config.freezes).toEqual([
      { schedule: '0 17 * * 5', for: 63 * 3_600_000, timeZone: 'Europe/Berlin', reason: 'weekend', targets: ['dns'] },
    ])
  })

  it.each([
    [
      `targets:\n  dns: { schedule: '61 * * * *' }\n`,
      /^trueup.yaml:3: the schedule "61 \* \* \* \*" \(UTC\) cannot be read/,
    ],
    [
      `freezes:\n  - { schedule: '0 17 * * 5', for: 1h, timeZone: Mars/Base, reason: x }\n`,
      /^trueup.yaml:\d: the schedule of a freeze .*Mars\/Base/,
    ],
    [
      `freezes:\n  - { schedule: '0 17 * * 5', for: 1h, reason: x, targets: [gatway] }\ntargets:\n  gateway: {}\n`,
      /^trueup.yaml:\d: a freeze names "gatway", but there is no such target. Did you mean "gateway"\?/,
    ],
    [`freezes:\n  - { schedule: '0 17 * * 5', for: 1h }\n`, /^trueup.yaml:3:5: the key "reason" is missing/],
  ])('%j is refused', async (text, message) => {
    await expect(of(text)).rejects.toThrow(message)
  })
})

describe('policies', () => {
  const of = (text: string): Promise<Config> => parseConfig(`version: 1\ntargets:\n${text}`, 'trueup.yaml')

  it('are read with their durations', async () => {
    const config = await of(
      `  a: {}\n  b: { policies: { soak: { after: a, for: 2h }, rollout: { each: 10m }, cooldown: 30m, windows: [{ schedule: '0 9 * * *', for: 8h }], approval: required } }\n`,
    )
    expect(config.targets?.['b']?.policies).toEqual({
      soak: { after: 'a', for: 7_200_000 },
      rollout: { each: 600_000 },
      cooldown: 1_800_000,
      windows: [{ schedule: '0 9 * * *', for: 28_800_000 }],
      approval: 'required',
    })
  })

  it.each([
    [
      `  staging: {}\n  prod:\n    policies:\n      soak:\n        after: stagign\n        for: 1h\n`,
      /^trueup.yaml:7: prod is to soak in "stagign", but there is no such target. Did you mean "staging"\?/,
    ],
    [
      `  a: { policies: { soak: { after: b, for: 1h } } }\n  b: { policies: { soak: { after: a, for: 1h } } }\n`,
      /^trueup.yaml:3: targets soak in each other in a circle: a → b → a$/,
    ],
    [`  a: { policies: { soak: { after: a, for: 1h } } }\n`, /^trueup.yaml:3: .* in a circle: a → a$/],
    [
      `  a:\n    policies:\n      windows:\n        - schedule: '0 25 * * *'\n          for: 1h\n`,
      /^trueup.yaml:6: the window "0 25 \* \* \*" \(UTC\) cannot be read/,
    ],
    [
      `  a: { integration: x, policies: { rollout: { each: 10m } } }\n  b: { integration: x, policies: { rollout: { over: 1h } } }\n`,
      /^trueup.yaml:4: the targets of one rollout go at one pace, but of "x" a says each: 600s and b over: 3600s/,
    ],
    [`  a: { policies: { rollout: {} } }\n`, /needs one of the keys "each" or "over", and not two/],
    [`  a: { policies: { approval: never } }\n`, /approval must be required, not "never"/],
    [`  a: { policies: { soak: { after: a } } }\n`, /the key "for" is missing/],
  ])('%j is refused', async (text, message) => {
    await expect(of(text)).rejects.toThrow(message)
  })
})
