// Who may import whom. Reads the import lines of src/ and integrations/; the tables are the rules.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import { describe, expect, it } from 'vitest'

/** Words: what every room talks in. They import `util` and each other's types only. */
const WORDS = [
  'errors',
  'decision',
  'event',
  'exit-codes',
  'integration',
  'clients',
  'log-record',
  'secret',
  'durable-types',
  'relation-types',
  'diff-types',
  'change-types',
].map((name) => `src/${name}.ts`)
/** The doors, the map and the rooms: where each may import from, besides itself, the words and `util`. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  util: [],
  words: [],
  desired: ['ports'],
  'early-exit': ['ports'],
  durable: ['ports'],
  loading: ['ports'],
  notify: ['ports'],
  reconcile: ['ports'],
  report: ['ports'],
  schedule: ['ports'],
  secrets: ['ports'],
  store: ['ports'],
  map: ['ports', 'rooms'],
  doors: ['ports', 'rooms', 'map'],
  cli: ['ports', 'rooms', 'map', 'doors', 'integrations'],
}
/** The files of a room that the other rooms may import. None of them does input or output. */
const PORTS = [
  'desired/source.ts',
  'desired/evaluate.ts',
  'desired/first-difference.ts',
  'report/redact.ts',
  // The words in which decisions and plans are told, on a terminal and on a page alike.
  'report/data-text.ts',
  'report/decision-line.ts',
  'report/format.ts',
  'report/plan-parts.ts',
  'secrets/secret-backend.ts',
  'secrets/secret-reference.ts',
  'store/document.ts',
  'store/journal.ts',
  'store/lease-guard.ts',
  'store/marks.ts',
  'store/object-store.ts',
].map((path) => `src/${path}`)
/** `run.ts` and `run-*.ts` reach none of these, however indirectly: what does I/O is constructed in cli/wiring.ts and handed in. */
const INPUT_OUTPUT = /^node:(fs|child_process|https?|http2|net|tls|dgram|dns|worker_threads|readline)(\/|$)/
/** Each package is used by one file of src/ (types may be named anywhere); the exceptions, with the reason. */
const MANY_OWNERS: Readonly<Record<string, readonly string[]>> = {
  // trueup.yaml is checked node by node against its schema; data files are read as JSON values.
  yaml: ['src/cli/config-parse.ts', 'src/desired/yaml-document.ts'],
}
const LONGEST = 300
/** Holds the texts of other files, whose imports are not its own. */
const TEMPLATES = 'src/cli/scaffold/integration-files.ts'

interface Import {
  readonly from: string
  readonly to: string
  readonly kind: 'type' | 'value' | 'lazy'
}

const root = fileURLToPath(new URL('..', import.meta.url))
const files = ['src', 'integrations'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => `${folder}/${path.replaceAll('\\', '/')}`),
)
const texts = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]))
const imports = files.filter((file) => file !== TEMPLATES).flatMap((file) => importsOf(file, texts.get(file) ?? ''))
const inside = imports.filter(({ to }) => texts.has(to))

function importsOf(from: string, text: string): Import[] {
  const target = (path: string): string =>
    path.startsWith('.')
      ? relative(root, join(root, dirname(from), path))
          .replaceAll('\\', '/')
          .replace(/\.js$/, '.ts')
      : path
  const fixed = text.matchAll(/^(?:import|export)\s(type\s)?(?:[^'"`;()=]*?\sfrom\s)?\s*['"]([^'"]+)['"]/gm)
  const lazy = text.matchAll(/(?<!typeof )\bimport\(\s*['"]([^'"]+)['"]/g)
  return [
    ...[...fixed].map(([, type, path = '']): Import => ({
      from,
      to: target(path),
      kind: type === undefined ? 'value' : 'type',
    })),
    ...[...lazy].map(([, path = '']): Import => ({ from, to: target(path), kind: 'lazy' })),
  ]
}

function roomOf(file: string): string {
  if (WORDS.includes(file)) return 'words'
  const [top = '', room = '', ...rest] = file.split('/')
  if (top === 'integrations') return `integrations/${room}`
  if (rest.length > 0) return room
  return /^run(-.*)?\.ts$/.test(room) ? 'map' : 'doors'
}

function isAllowed({ from, to, kind }: Import): boolean {
  const [own, other] = [roomOf(from), roomOf(to)]
  if (own === 'words' && other === 'words') return kind === 'type'
  if (own.startsWith('integrations/')) return other === own
  if (other === own || other === 'util') return true
  if (other === 'words') return own !== 'util'
  const allowed = MAY_IMPORT[own] ?? []
  const group = ['map', 'doors'].includes(other)
    ? other
    : other.startsWith('integrations/')
      ? 'integrations'
      : other === 'cli'
        ? 'cli'
        : 'rooms'
  return allowed.includes(group) || (allowed.includes('ports') && PORTS.includes(to))
}

const isPackage = ({ to }: Import): boolean =>
  !texts.has(to) && !to.startsWith('node:') && !/^(src|integrations|\.\.)\b/.test(to)
const packageOf = ({ to }: Import): string => to.split('/', to.startsWith('@') ? 2 : 1).join('/')
const shown = ({ from, to, kind }: Import): string => `${from} → ${to} (${kind})`

/** The files that `start` loads, each with the way there. */
function loadedBy(start: string): Map<string, readonly string[]> {
  const ways = new Map<string, readonly string[]>([[start, [start]]])
  for (const [file, way] of ways) {
    for (const { from, to, kind } of imports)
      if (from === file && kind === 'value' && !ways.has(to)) ways.set(to, [...way, to])
  }
  return ways
}

describe('architecture', () => {
  it('every import names a file that exists and a room in the table', () => {
    const relatives = imports.filter(({ to }) => /^(src|integrations)\//.test(to))
    expect(relatives.filter(({ to }) => !texts.has(to)).map(shown)).toEqual([])
    expect(files.filter((file) => !(roomOf(file) in MAY_IMPORT) && !file.startsWith('integrations/'))).toEqual([])
    expect(PORTS.filter((file) => !texts.has(file))).toEqual([])
  })

  it('rooms import only what the table allows', () => {
    expect(inside.filter((line) => !isAllowed(line)).map(shown)).toEqual([])
  })

  it('the map and the ports load nothing that does input or output', () => {
    const starts = files.filter((file) => roomOf(file) === 'map' || PORTS.includes(file))
    const found = starts.flatMap((start) =>
      [...loadedBy(start)].filter(([to]) => INPUT_OUTPUT.test(to)).map(([, way]) => way.join(' → ')),
    )
    expect(found).toEqual([])
  })

  it('each package has one owning file in src/', () => {
    const owners = new Map<string, Set<string>>()
    for (const line of imports.filter(
      (candidate) => isPackage(candidate) && candidate.kind !== 'type' && candidate.from.startsWith('src/'),
    )) {
      owners.set(packageOf(line), (owners.get(packageOf(line)) ?? new Set()).add(line.from))
    }
    const shared = [...owners].filter(
      ([name, owner]) => owner.size > 1 && !isDeepStrictEqual([...owner].sort(), MANY_OWNERS[name]),
    )
    expect(shared.map(([name, owner]) => `${name}: ${[...owner].join(', ')}`)).toEqual([])
  })

  it('integrations import trueup by its name, never by a path', () => {
    expect(
      imports.filter(({ from, to }) => from.startsWith('integrations/') && to.startsWith('src/')).map(shown),
    ).toEqual([])
    expect(imports.filter(({ from, to }) => from.startsWith('src/') && /^trueup(\/|$)/.test(to)).map(shown)).toEqual([])
  })

  it('no file loads itself again through others', () => {
    const cycles = files.flatMap((file) => {
      const back = inside.find(({ from, to, kind }) => to === file && kind === 'value' && loadedBy(file).has(from))
      return back === undefined ? [] : [[...(loadedBy(file).get(back.from) ?? []), file].join(' → ')]
    })
    expect(cycles).toEqual([])
  })

  it(`no file is longer than ${String(LONGEST)} lines`, () => {
    const lengths = [...texts].map(([file, text]) => [file, text.split('\n').length - 1] as const)
    expect(lengths.filter(([, lines]) => lines > LONGEST)).toEqual([])
  })
})
