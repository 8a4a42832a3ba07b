// The pages against the code: tables are what the code says, examples compile and pass, commands of the first five minutes are run.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { describe, expect, it } from 'vitest'
import { OPTIONS, optionNames, optionSpec } from '../src/cli/options.js'
import { bin } from './support/rig.js'

const checkout = fileURLToPath(new URL('..', import.meta.url))
const pages = [
  'README.md',
  ...(await readdir(join(checkout, 'docs'), { recursive: true }))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
  'integrations/managed-files/README.md',
  '.github/CONTRIBUTING.md',
]

function page(name: string): Promise<string> {
  return readFile(join(checkout, name), 'utf8')
}

function blocks(text: string, language: string): readonly string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, block = '']) => block)
}

interface Workplace extends AsyncDisposable {
  readonly folder: string
  run(command: string, ...args: readonly string[]): { readonly code: number | null; readonly output: string }
}

/** A folder with its own home, and `trueup` on its path. */
async function workplace(): Promise<Workplace> {
  const folder = await mkdtemp(join(tmpdir(), 'trueup-docs-'))
  for (const name of ['bin', 'home', 'temp', 'work']) await mkdir(join(folder, name))
  await symlink(bin, join(folder, 'bin/trueup'))
  await chmod(bin, 0o755)
  const env = {
    PATH: `${join(folder, 'bin')}:${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
    HOME: join(folder, 'home'),
    TMPDIR: join(folder, 'temp'),
    NO_COLOR: '1',
    LC_ALL: 'C.UTF-8',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'trueup test',
    GIT_AUTHOR_EMAIL: 'test@trueup.invalid',
    GIT_COMMITTER_NAME: 'trueup test',
    GIT_COMMITTER_EMAIL: 'test@trueup.invalid',
  }
  return {
    folder: join(folder, 'work'),
    run(command, ...args) {
      const options = { cwd: join(folder, 'work'), env, encoding: 'utf8', timeout: 100_000 } as const
      const { status, stdout, stderr } = spawnSync(command, args, options)
      return { code: status, output: stdout + stderr }
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

describe('tables', () => {
  it('are what the code says (node scripts/write-docs.mjs)', async () => {
    // A plain script, since it also runs by itself on the built code.
    const script = (await import(new URL('../scripts/docs-tables.mjs', import.meta.url).href)) as {
      readonly PAGES: readonly string[]
      tables(): Promise<Readonly<Record<string, string>>>
      withTables(text: string, all: Readonly<Record<string, string>>): string
    }
    const all = await script.tables()
    const found: string[] = []
    for (const name of script.PAGES) {
      const text = await page(name)
      expect(text).toBe(script.withTables(text, all))
      found.push(...[...text.matchAll(/<!-- table: ([a-z ]+) -->/g)].map(([, table = '']) => table))
    }
    expect(found.sort()).toEqual(Object.keys(all).sort())
  })

  it('have a row for every reason that there can be', async () => {
    const event = await page('src/decision.ts')
    const union = /export type DecisionReason =\n((?: {2}\| '[a-z-]+'\n)+)/.exec(event)?.[1] ?? ''
    const reasons = [...union.matchAll(/'([a-z-]+)'/g)].map(([, reason = '']) => reason)
    const { REASONS } = (await import(new URL('../scripts/docs-tables.mjs', import.meta.url).href)) as {
      readonly REASONS: Readonly<Record<string, unknown>>
    }
    expect(Object.keys(REASONS).sort()).toEqual([...reasons].sort())
  })

  it('list every decision, and every note is short and whole', async () => {
    for (const name of pages.filter((each) => /docs\/decisions\/\d/.test(each))) {
      const text = await page(name)
      expect(text.split('\n').length, name).toBeLessThanOrEqual(26)
      expect(text, name).toMatch(
        /^# \d{3}: .+\n\n\*\*Context\.\*\*[\s\S]+\n\n\*\*Decision\.\*\*[\s\S]+\n\n\*\*Consequences\.\*\*/,
      )
      expect(text.slice(2, 5), name).toBe(/decisions\/(\d{3})/.exec(name)?.[1])
    }
  })
})

describe('every page', () => {
  it.each(pages)('%s: its links lead somewhere', async (name) => {
    const targets = [...(await page(name)).matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)].map(([, target = '']) => target)
    const local = targets.filter((target) => !/^[a-z]+:/.test(target))
    expect(local.filter((target) => !existsSync(join(checkout, dirname(name), target)))).toEqual([])
  })

  it.each(pages)('%s: names no flag that trueup does not have', async (name) => {
    const text = (await page(name)).replace(/<!-- table: flags -->[\s\S]*?<!-- end -->/, '')
    const known = new Set([
      'help',
      'version',
      ...optionNames().flatMap((option) => [optionSpec(option).flag, ...(optionSpec(option).aliases ?? [])]),
    ])
    const used = [
      ...text.matchAll(/trueup (?:plan|apply|run|why|runs|list|show|new|init|doctor|config)\b[^`\n]*/g),
    ].flatMap(([line]) => [...line.matchAll(/ --([a-z-]+)/g)].map(([, flag = '']) => flag))
    const alone = [...text.matchAll(/`--([a-z-]+)[^`]*`/g)].map(([, flag = '']) => flag)
    const inSteps = blocks(text, 'yaml').flatMap((block) =>
      [...block.matchAll(/ --([a-z-]+)/g)].map(([, flag = '']) => flag),
    )
    expect([...used, ...alone, ...inSteps].filter((flag) => !known.has(flag))).toEqual([])
    expect(Object.keys(OPTIONS).length).toBeGreaterThan(20)
  })

  it.each(pages)('%s: its YAML can be read', async (name) => {
    for (const block of blocks(await page(name), 'yaml')) expect(() => parse(block) as unknown).not.toThrow()
  })

  it.each(['README.md', 'docs/integrations.md', 'docs/state.md', 'docs/graphql.md'])(
    '%s: its integrations type-check, load, and pass their test',
    async (name) => {
      await using place = await workplace()
      const text = await page(name)
      const files = [...blocks(text, 'ts'), ...blocks(text, 'js')].map((block) => {
        const path = /^\/\/ (integrations\/\S+)\n/.exec(block)?.[1]
        if (path === undefined)
          throw new Error(`an example of ${name} does not begin with its path: ${block.slice(0, 60)}`)
        return { path, block }
      })
      expect(files.length).toBeGreaterThan(0)
      for (const { path, block } of files) {
        await mkdir(dirname(join(place.folder, path)), { recursive: true })
        await writeFile(join(place.folder, path), block)
      }
      await mkdir(join(place.folder, 'node_modules/@types'), { recursive: true })
      await symlink(checkout, join(place.folder, 'node_modules/trueup'))
      for (const dependency of ['zod', '@types/node']) {
        await symlink(join(checkout, 'node_modules', dependency), join(place.folder, 'node_modules', dependency))
      }
      const compilerOptions = {
        module: 'NodeNext',
        target: 'ES2023',
        strict: true,
        noEmit: true,
        skipLibCheck: true,
        exactOptionalPropertyTypes: true,
        types: ['node'],
      }
      await writeFile(
        join(place.folder, 'tsconfig.json'),
        JSON.stringify({ compilerOptions, include: ['integrations'] }),
      )
      const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
      expect(place.run(process.execPath, tsc, '-p', '.')).toEqual({ code: 0, output: '' })

      place.run('git', 'init', '--quiet')
      for (const integration of new Set(files.map(({ path }) => path.split('/')[1] ?? ''))) {
        expect(place.run('trueup', 'show', integration), integration).toMatchObject({ code: 0 })
      }
      for (const { path } of files.filter((file) => file.path.endsWith('.test.mjs'))) {
        const { code, output } = place.run(process.execPath, '--test', path)
        expect(output).toMatch(/^# fail 0$/m)
        expect(code).toBe(0)
      }
    },
  )
})

describe('docs/durable-functions.md', () => {
  it('has examples that do what they assert', async () => {
    await using place = await workplace()
    await mkdir(join(place.folder, 'node_modules'))
    await symlink(checkout, join(place.folder, 'node_modules/trueup'))
    await mkdir(join(place.folder, 'examples'))
    const names: string[] = []
    for (const block of blocks(await page('docs/durable-functions.md'), 'js')) {
      const name = /^\/\/ (examples\/\S+\.mjs)\n/.exec(block)?.[1] ?? ''
      names.push(name)
      await writeFile(join(place.folder, name), block)
      expect(place.run(process.execPath, name), name).toEqual({ code: 0, output: '' })
    }
    const all = ['payment', 'e-mail', 'resource', 'report', 'exchange-rate']
    expect(names).toEqual(all.map((name) => `examples/${name}.mjs`))
  })
})

describe('README.md', () => {
  it('is right about the first five minutes', async () => {
    await using place = await workplace()
    const lines = blocks(await page('README.md'), 'console')
      .join('')
      .split('\n')
      .filter((line) => line !== '')
    const steps: { command: string; prints: string[] }[] = []
    for (const line of lines) {
      if (line.startsWith('$ ')) steps.push({ command: line.slice(2), prints: [] })
      else steps.at(-1)?.prints.push(line)
    }
    expect(steps.length).toBeGreaterThan(8)
    let folder = '.'
    for (const { command, prints } of steps) {
      const { code, output } = place.run('sh', '-c', `cd "$0" && { ${command}; } && pwd >"$TMPDIR/pwd"`, folder)
      expect(code, `${command}\n${output}`).toBe(0)
      folder = (await readFile(join(place.folder, '../temp/pwd'), 'utf8')).trim()
      for (const line of prints.filter((each) => each !== '…'))
        expect(output.split('\n'), command).toContainEqual(expect.stringMatching(loosely(line)))
    }
  })

  it('says nothing of what is not here yet', async () => {
    for (const name of pages) {
      const text = (await page(name)).replace(/<!-- table: [\s\S]*?<!-- end -->/g, '')
      expect(text, name).not.toMatch(/\bvault\b/i)
    }
  })
})

/** `…` stands for anything. */
function loosely(line: string): RegExp {
  const parts = line.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`)
}
