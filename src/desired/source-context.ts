// A snapshot and the declared inputs come in, `ctx.source` goes out: what an author's functions may read.
// Must not: give anything that the declared inputs do not cover, since a skip compares exactly those.
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { isTrueupError, TrueupError } from '../errors.js'
import type { Json } from '../event.js'
import type { Source } from '../integration.js'
import { deepFreeze } from '../util/freeze.js'
import { decodeText } from './decode-text.js'
import type { DataQueries } from './graphql/data-queries.js'
import { compileGlobs, escapeGlob } from './globs.js'
import { parseDocument } from './parse-document.js'
import { resolveLink } from './resolve-link.js'
import type { Snapshot, SourceEntry } from './source.js'
import { dataError, validate, type DataIssue } from './validate.js'

export interface SourceOptions {
  readonly snapshot: Snapshot
  /** Globs as declared. */
  readonly inputs: readonly string[]
  /** Name, for messages. */
  readonly integration: string
  /** Freeze loaded values. @defaultValue true */
  readonly freeze?: boolean
  /** Answers `query`. @defaultValue there is no data to ask */
  readonly queries?: DataQueries | undefined
}

export interface TrackedSource extends Source {
  /** What was read, listed or followed (links) so far, sorted. */
  readPaths(): readonly string[]
}

const linkMode = '120000'
const submoduleMode = '160000'
/** Errors of more files than this are counted, not told. */
const toldErrors = 50

/**
 * Errors: `undeclared-input` for a path outside the inputs, whether it exists or not, for a glob that matches such a file, and for a symbolic
 * link on the way that is outside or leads outside; `desired-unreadable` for a file that is missing, a submodule or a Git LFS pointer;
 * `desired-invalid` for what is not UTF-8, does not parse or does not fit its schema.
 */
export function createSource(options: SourceOptions): TrackedSource {
  return new DeclaredSource(options)
}

class DeclaredSource implements TrackedSource {
  readonly #snapshot: Snapshot
  readonly #inputs: readonly string[]
  readonly #isDeclared: (path: string) => boolean
  readonly #integration: string
  readonly #freeze: boolean
  readonly #seen = new Set<string>()
  readonly #queries: DataQueries | undefined

  constructor({ snapshot, inputs, integration, freeze = true, queries }: SourceOptions) {
    this.#snapshot = snapshot
    this.#inputs = inputs
    this.#integration = integration
    this.#freeze = freeze
    this.#queries = queries
    const matcher = compileGlobs(inputs)
    this.#isDeclared = (path) => matcher.matches(path)
  }

  // Functions, not methods: authors take `source` apart.
  readonly files: Source['files'] = async (globs) => (await this.#matching(globs)).map(({ path }) => path)

  readonly read: Source['read'] = async (path) => {
    this.#requireDeclared(path)
    return this.#readText(path)
  }

  readonly load: Source['load'] = async (path, schema) => {
    this.#requireDeclared(path)
    return this.#parse(path, await this.#readText(path), schema)
  }

  readonly loadAll: Source['loadAll'] = async (globs, schema) => {
    const entries = await this.#matching(globs)
    const values: Awaited<ReturnType<typeof this.load<NonNullable<typeof schema>>>>[] = []
    const errors: TrueupError[] = []
    for await (const { path, text } of this.#texts(entries)) {
      try {
        values.push(await this.#parse(path, await text(), schema))
      } catch (error) {
        if (!isTrueupError(error) || (error.code !== 'desired-invalid' && error.code !== 'desired-unreadable'))
          throw error
        errors.push(error)
      }
    }
    if (errors.length > 0) throw joined(errors)
    return values
  }

  readonly directory: Source['directory'] = async (globs) => {
    const entries = await this.#matching(globs)
    for (const entry of entries) {
      this.#refuseSubmodule(entry)
      if (entry.mode === linkMode) await this.#follow(entry.path)
    }
    return this.#snapshot.materialize(typeof globs === 'string' ? [globs] : globs)
  }

  readonly query: Source['query'] = async (document, variables) => {
    if (this.#queries === undefined)
      throw new TrueupError(
        'source-unavailable',
        `${this.#integration}: there is no data to query here: ctx.source.query needs the data folder of a repository, or a target with source: { graphql: … }`,
      )
    const question = {
      document,
      variables: plainVariables(variables),
      inputs: this.#inputs,
      integration: this.#integration,
    }
    // What the document says its answer is: the types come from `trueup data types`.
    return (await this.#queries.ask(question)) as never
  }

  readPaths(): readonly string[] {
    return [...this.#seen].sort()
  }

  async #matching(globs: string | readonly string[]): Promise<readonly SourceEntry[]> {
    const list = typeof globs === 'string' ? [globs] : globs
    // A glob without magic is a path, and a path must be declared before its file exists.
    for (const glob of list) if (!/[*?[\]{}()!+@\\]/.test(glob)) this.#requireDeclared(glob.replace(/^(?:\.\/+)+/, ''))
    const entries = await this.#snapshot.entries(list)
    const outside = entries.filter(({ path }) => !this.#isDeclared(path))
    const [first] = outside
    if (first !== undefined) {
      const others = outside.length > 1 ? ` and ${outside.length - 1} more` : ''
      throw this.#undeclared(
        first.path,
        `${list.join(', ')} matches ${first.path}${others}, which ${this.#integration} does not declare`,
      )
    }
    for (const { path } of entries) this.#seen.add(path)
    return entries
  }

  /** Plain files are read together; what needs more is left for the consumer to await, so that its error is one among others. */
  async *#texts(entries: readonly SourceEntry[]): AsyncIterable<{ path: string; text: () => Promise<string> }> {
    const plain = entries.filter(({ mode }) => mode !== linkMode && mode !== submoduleMode).map(({ path }) => path)
    const contents = this.#snapshot.readMany(plain)[Symbol.asyncIterator]()
    try {
      for (const { path, mode } of entries) {
        if (mode === linkMode || mode === submoduleMode) yield { path, text: () => this.#readText(path) }
        else {
          const next = await contents.next()
          const content = next.done === true || next.value.path !== path ? undefined : next.value.content
          if (content === undefined) throw this.#missing(path)
          yield { path, text: () => Promise.resolve(decodeText(path, content)) }
        }
      }
    } finally {
      await contents.return?.()
    }
  }

  async #readText(path: string): Promise<string> {
    const real = await this.#follow(path)
    const content = await this.#snapshot.read(real)
    if (content === undefined) throw this.#missing(path)
    return decodeText(path, content)
  }

  /** Where a path leads. Every link on the way must be declared too: a skip would not notice that one leads elsewhere now. */
  async #follow(path: string): Promise<string> {
    const real = await resolveLink(
      {
        entries: (globs) => this.#snapshot.entries(globs),
        read: (link) => {
          this.#requireDeclared(link, path)
          return this.#snapshot.read(link)
        },
      },
      path,
    )
    if (real === undefined) throw this.#missing(path)
    this.#requireDeclared(real, path)
    for (const entry of await this.#snapshot.entries([escapeGlob(real)])) this.#refuseSubmodule(entry)
    return real
  }

  async #parse<S extends StandardSchemaV1>(
    path: string,
    text: string,
    schema: S | undefined,
  ): Promise<StandardSchemaV1.InferOutput<S>> {
    const document = await parseDocument(path, text)
    // Without a schema S is its default, whose output is Json.
    const value =
      schema === undefined
        ? (document.value as StandardSchemaV1.InferOutput<S>)
        : await validate(schema, document, path)
    return this.#freeze ? deepFreeze(value) : value
  }

  /** @param via the path that was asked for, when `path` was met on its way */
  #requireDeclared(path: string, via?: string): void {
    if (
      path === '' ||
      path.startsWith('/') ||
      path.split('/').some((part) => part === '' || part === '.' || part === '..')
    ) {
      const message = `${this.#integration}: ${JSON.stringify(path)} is not a path from the repository root: no leading or double /, no . and no ..`
      throw new TrueupError('undeclared-input', message, { details: { integration: this.#integration, path } })
    }
    if (!this.#isDeclared(path)) {
      const link = via === undefined || via === path ? '' : `${via} leads over a symbolic link to ${path}: `
      throw this.#undeclared(path, `${link}${path} is not among the inputs that ${this.#integration} declares`)
    }
    this.#seen.add(path)
  }

  #undeclared(path: string, message: string): TrueupError {
    const quoted = [...this.#inputs, path].map((glob) => `'${glob}'`)
    return new TrueupError(
      'undeclared-input',
      `${message} (${this.#inputs.length === 0 ? 'none' : this.#inputs.join(', ')}), so that a skip could not notice a change of it. Declare it: inputs: [${quoted.join(', ')}]`,
      { details: { integration: this.#integration, path, inputs: this.#inputs } },
    )
  }

  #missing(path: string): TrueupError {
    return new TrueupError(
      'desired-unreadable',
      `${path}: there is no such file in ${revisionName(this.#snapshot)} (${this.#integration})`,
      {
        details: { integration: this.#integration, file: path },
      },
    )
  }

  #refuseSubmodule({ path, mode }: SourceEntry): void {
    if (mode !== submoduleMode) return
    throw new TrueupError(
      'desired-unreadable',
      `${path} is a submodule, whose files belong to another repository: leave it out of the inputs of ${this.#integration}`,
      {
        details: { integration: this.#integration, file: path },
      },
    )
  }
}

/** A variable that is undefined is not given. */
function plainVariables(variables: object = {}): Readonly<Record<string, Json>> {
  return Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== undefined))
}

function revisionName({ revision }: Snapshot): string {
  return revision.kind === 'commit' ? `commit ${revision.id.slice(0, 8)}` : 'the working tree'
}

/** The errors of several files as one. */
function joined(errors: readonly TrueupError[]): TrueupError {
  const [first] = errors
  if (first !== undefined && errors.length === 1) return first
  const issues = errors.flatMap(({ message, details }) =>
    Array.isArray(details['errors'])
      ? (details['errors'] as DataIssue[])
      : [{ line: 1, column: 1, file: '', path: '', ...details, message }],
  )
  const lines = errors.map(({ message }) => message)
  const more = lines.length > toldErrors ? [`… and errors in ${lines.length - toldErrors} more files`] : []
  const together = dataError(issues)
  return new TrueupError('desired-invalid', [...lines.slice(0, toldErrors), ...more].join('\n'), {
    details: together.details,
    cause: first,
  })
}
