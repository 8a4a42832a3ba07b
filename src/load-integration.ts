// A name or path in, a loaded and checked integration out; a bad module is told everything that is wrong with it.
// Runs an integration's module, never its functions. How a module is imported: loading/import-module.ts.
import { relative } from 'node:path'
import { toError, TrueupError } from './errors.js'
import type { AnyIntegration } from './integration.js'
import { checkExported, checkModule } from './loading/check-definition.js'
import type { CheckedDefinition } from './loading/check-definition.js'
import { findByPath, findInPlaces, isPathReference, nameOfFile } from './loading/find-integrations.js'
import type { FoundIntegrations } from './loading/find-integrations.js'
import { importModule } from './loading/import-module.js'
import { didYouMean } from './util/suggest.js'

export interface LoadOptions {
  /** Absolute; `places` are relative to it, and so are paths in messages. */
  readonly configDirectory: string
  /** Directories, files or package names: `integrations:` of trueup.yaml. */
  readonly places: readonly string[]
  /**
   * Absolute; a path reference is looked for here, then in `configDirectory`. For references written in trueup.yaml give
   * `configDirectory`.
   */
  readonly workingDirectory: string
  /** Absolute; transpiled files are kept below it and nowhere else. */
  readonly cacheDirectory: string
  readonly builtins: Readonly<Record<string, () => Promise<{ readonly default: unknown }>>>
  /** Absolute paths of this trueup's own doors, for integrations that cannot reach a trueup by its name. */
  readonly trueupEntry: { readonly main: string; readonly testing: string }
}

export interface LoadedIntegration {
  readonly name: string
  /** Checked: every field has the type it should have. */
  readonly definition: AnyIntegration
  /** Absolute; null for a built-in one. */
  readonly file: string | null
  readonly builtin: boolean
}

/** `broken`: found but not usable; `problem` is the text of the error that loading it gives. */
export type ListedIntegration =
  | ({ readonly kind: 'loaded' } & LoadedIntegration)
  | {
      readonly kind: 'broken'
      readonly name: string
      readonly file: string | null
      readonly builtin: boolean
      readonly problem: string
    }

/**
 * Loads one integration by path, by its name in `places`, or by the name of a built-in one, in this order.
 * Errors: `integration-unknown` (nothing of that name), `integration-invalid` (everything that is wrong with the module).
 */
export async function loadIntegration(reference: string, options: LoadOptions): Promise<LoadedIntegration> {
  if (isPathReference(reference)) {
    const file = await findByPath(reference, [options.workingDirectory, options.configDirectory])
    if (file !== undefined) return loadFile(file, options)
    throw new TrueupError(
      'integration-unknown',
      `there is no integration at ${reference}: no such file, and no folder with an index.ts or index.js`,
      {
        details: { reference },
      },
    )
  }

  const found = await findInPlaces(options.places, options.configDirectory)
  const files = found.files.filter(({ name }) => name === reference).map(({ file }) => file)
  if (files.length > 1) throw duplicateError(reference, files, options)
  if (files[0] !== undefined) return loadFile(files[0], options)

  const fromPackages = (await Promise.all(found.packages.map(({ file }) => loadPackage(file, options)))).flat()
  const inPackages = fromPackages.filter(({ name }) => name === reference)
  if (inPackages.length > 1)
    throw duplicateError(
      reference,
      inPackages.map(({ file }) => file ?? ''),
      options,
    )
  if (inPackages[0] !== undefined) return inPackages[0]

  if (Object.hasOwn(options.builtins, reference)) return loadBuiltin(reference, options)
  throw unknownError(reference, found, fromPackages, options)
}

/** Every integration that can be found, sorted by name. A broken one is listed with its problem; none stops the others. */
export async function listIntegrations(options: LoadOptions): Promise<readonly ListedIntegration[]> {
  const found = await findInPlaces(options.places, options.configDirectory)
  const loaded = await Promise.all([
    ...found.files.map(({ name, file }) => listOne({ name, file, builtin: false }, () => loadFile(file, options))),
    ...found.packages.map(({ place, file }) =>
      listOne({ name: place, file, builtin: false }, () => loadPackage(file, options)),
    ),
    ...Object.keys(options.builtins).map((name) =>
      listOne({ name, file: null, builtin: true }, () => loadBuiltin(name, options)),
    ),
  ])
  const missing = found.missing.map((place): ListedIntegration => ({
    kind: 'broken',
    name: place,
    file: null,
    builtin: false,
    problem: missingText(place),
  }))
  const all = [...loaded.flat(), ...missing]
  const own = new Set(all.filter((each) => !each.builtin).map(({ name }) => name))
  return all
    .filter((each) => !each.builtin || !own.has(each.name))
    .map((each) => markDuplicate(each, all, options))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
}

async function listOne(
  what: { readonly name: string; readonly file: string | null; readonly builtin: boolean },
  load: () => Promise<LoadedIntegration | readonly LoadedIntegration[]>,
): Promise<readonly ListedIntegration[]> {
  try {
    return [await load()].flat().map((each) => ({ kind: 'loaded', ...each }))
  } catch (thrown) {
    return [{ kind: 'broken', ...what, problem: toError(thrown).message }]
  }
}

function markDuplicate(
  listed: ListedIntegration,
  all: readonly ListedIntegration[],
  options: LoadOptions,
): ListedIntegration {
  const files = all.filter((each) => !each.builtin && each.name === listed.name).flatMap(({ file }) => file ?? [])
  if (files.length < 2) return listed
  const { name, file, builtin } = listed
  const problem = duplicateError(name, files, options).message
  return {
    kind: 'broken',
    name,
    file,
    builtin,
    problem: listed.kind === 'broken' ? `${listed.problem}\n${problem}` : problem,
  }
}

async function loadFile(file: string, options: LoadOptions): Promise<LoadedIntegration> {
  const exports = await importModule({ ...options, file })
  const definition = requireValid(
    checkModule(exports, { expectedName: nameOfFile(file) }),
    relative(options.configDirectory, file),
    file,
  )
  return { name: definition.name, definition, file, builtin: false }
}

/** A package's default export: one integration or a list of them, of any names. */
async function loadPackage(file: string, options: LoadOptions): Promise<readonly LoadedIntegration[]> {
  const exports = await importModule({ ...options, file })
  const where = relative(options.configDirectory, file)
  const list: unknown = exports['default']
  const checked = Array.isArray(list)
    ? list.map((each: unknown, at) =>
        requireValid(checkExported(each, { expectedName: null }), `${where}: default[${at}]`, file),
      )
    : [requireValid(checkModule(exports, { expectedName: null }), where, file)]
  return checked.map((definition) => ({ name: definition.name, definition, file, builtin: false }))
}

async function loadBuiltin(name: string, options: LoadOptions): Promise<LoadedIntegration> {
  const load = options.builtins[name]
  if (load === undefined) throw new Error(`Internal error: no built-in integration ${name}`)
  const definition = requireValid(
    checkModule(await load(), { expectedName: name }),
    `built-in integration ${name}`,
    null,
  )
  return { name, definition, file: null, builtin: true }
}

function requireValid(checked: CheckedDefinition, where: string, file: string | null): AnyIntegration {
  if (checked.kind === 'valid') return checked.definition
  const { problems } = checked
  const text =
    problems.length === 1
      ? `${where}: ${problems[0] ?? ''}`
      : `${where}: ${problems.length} mistakes:\n${problems.map((each) => `  - ${each}`).join('\n')}`
  throw new TrueupError('integration-invalid', text, { details: { file, problems } })
}

function duplicateError(name: string, files: readonly string[], options: LoadOptions): TrueupError {
  const paths = files.map((file) => relative(options.configDirectory, file))
  return new TrueupError(
    'integration-invalid',
    `${paths.join(' and ')} are both called ${JSON.stringify(name)}: rename one`,
    { details: { name, files: paths } },
  )
}

function unknownError(
  reference: string,
  found: FoundIntegrations,
  fromPackages: readonly LoadedIntegration[],
  options: LoadOptions,
): TrueupError {
  const names = [
    ...new Set([
      ...found.files.map(({ name }) => name),
      ...fromPackages.map(({ name }) => name),
      ...Object.keys(options.builtins),
    ]),
  ].sort()
  const missing = found.missing.map((place) => ` ${missingText(place)}.`).join('')
  const text = `no integration is called ${JSON.stringify(reference)}.${didYouMean(reference, names)} \`trueup list\` shows all ${names.length}.${missing}`
  return new TrueupError('integration-unknown', text, { details: { reference, known: names } })
}

function missingText(place: string): string {
  return `${JSON.stringify(place)} (integrations: of trueup.yaml) is no directory, file or installed package`
}
