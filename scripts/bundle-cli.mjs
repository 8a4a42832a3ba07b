// In: the command line's entry file. Out: dist/cli/trueup.cjs (all that every command needs, in one file) and one .cjs file for each
// thing it imports dynamically. A module is never in two files, so there is one TrueupError and one of every registry in a process.
import { build } from 'esbuild'
import { readdir, readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/** Stay packages: native, loading other code by path, or large and rarely needed. They may only be imported by `import()`. */
const EXTERNAL = ['oxc-parser', 'jiti', 'pg', 'graphile-worker', '@kubernetes/*']
const MAIN = 'trueup'

// For this target esbuild leaves a real import() in CommonJS, which alone can load the user's files (they may be ES modules).
const shared = {
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  write: false,
  sourcesContent: false,
  logLevel: 'silent',
}

/**
 * @param {{ root: string, entry: string, outdir: string }} options absolute paths; `outdir` is where the files will lie in the end
 * @returns {Promise<{ name: string, text: string }[]>} files for the folder `cli`
 */
export async function bundleCli({ root, entry, outdir }) {
  const split = await splitIntoModules({ root, entry, outdir })
  const eager = staticClosure(`${MAIN}.js`, split)
  const [main, lazy] = await Promise.all([bundleEager(split, eager, outdir), convertLazy(split, eager, outdir)])
  const licences = { name: 'THIRD-PARTY-LICENCES.txt', text: await licenceTexts(root, split.inputs) }
  return [...main, ...lazy, licences]
}

/** esbuild can split only ES modules: this pass decides which module goes into which file. */
async function splitIntoModules({ root, entry, outdir }) {
  const result = await build({
    ...shared,
    absWorkingDir: root,
    entryPoints: { [MAIN]: entry },
    outdir,
    format: 'esm',
    splitting: true,
    chunkNames: '[name]-[hash]',
    external: EXTERNAL,
    // The `yaml` for Node asks the environment at each token whether to log it: a fifth of what parsing costs.
    alias: { trueup: join(root, 'src/index.ts'), yaml: join(root, 'node_modules/yaml/browser/index.js') },
    sourcemap: 'inline',
    metafile: true,
    plugins: [onlyLinesOfPino],
  })
  refuseWarnings(result.warnings)
  const files = new Map(result.outputFiles.map((file) => [basename(file.path), file.text]))
  const imports = new Map()
  const isCommonJs = ({ entryPoint }) => result.metafile.inputs[entryPoint]?.format === 'cjs'
  const commonJs = new Set(
    Object.keys(result.metafile.outputs).filter((path) => isCommonJs(result.metafile.outputs[path])),
  )
  for (const [path, output] of Object.entries(result.metafile.outputs)) {
    const eagerExternal = output.imports.find((i) => i.external && i.kind !== 'dynamic-import' && isKeptOutside(i.path))
    if (eagerExternal)
      throw new Error(`${eagerExternal.path} must be imported by import() where it is used (in ${path})`)
    imports.set(
      basename(path),
      output.imports
        .filter((i) => !i.external)
        .map((i) => ({
          file: basename(i.path),
          isLazy: i.kind === 'dynamic-import',
          isCommonJs: commonJs.has(i.path),
        })),
    )
  }
  for (const [name, text] of files) files.set(name, requireLazily(text, imports.get(name)))
  return { files, imports, inputs: Object.keys(result.metafile.inputs) }
}

/** pino is given what to write with, and nothing to hide: its files, threads and redaction are not used, and loading them is half of what loading it costs. */
const onlyLinesOfPino = {
  name: 'only-lines-of-pino',
  setup(plugin) {
    const unused = /^(sonic-boom|worker_threads|on-exit-leak-free|@pinojs\/redact|\.\/(lib\/)?(transport|multistream))$/
    plugin.onResolve({ filter: unused }, ({ path, importer }) =>
      /[\\/]node_modules[\\/]pino[\\/]/.test(importer) ? { path, namespace: 'unused' } : undefined,
    )
    plugin.onLoad({ filter: /./, namespace: 'unused' }, ({ path }) => ({
      contents: `module.exports = function () { throw new Error('Internal error: ${path} is not used by a log') }`,
    }))
  },
}

const isKeptOutside = (path) =>
  EXTERNAL.some((name) => (name.endsWith('*') ? path.startsWith(name.slice(0, -1)) : path === name))

/** Our own files load by require (the ES module loader costs 6–10 ms); every other import() stays what it is. */
function requireLazily(text, imports) {
  for (const { file, isLazy, isCommonJs } of imports) {
    if (!isLazy) continue
    const loaded = `require("./${toCjs(file)}")`
    // esbuild puts a CommonJS package under `default` only; Node gives its members as named exports too.
    const namespace = isCommonJs ? `((it) => ({ ...it, default: it }))(${loaded}.default)` : loaded
    text = text.replaceAll(`import("./${file}")`, `Promise.resolve().then(() => ${namespace})`)
  }
  // So do Node's own: the main file is started from kept compiled code, in which a real import() does not work.
  return text.replaceAll(
    /\bimport\("(node:[a-z_/]+)"\)/g,
    (_, name) =>
      `Promise.resolve().then(() => ((it) => Object.create(it, { default: { value: it } }))(require("${name}")))`,
  )
}

function staticClosure(start, { imports }) {
  const found = new Set([start])
  for (const name of found) {
    for (const { file, isLazy } of imports.get(name)) if (!isLazy) found.add(file)
  }
  return [...found].filter((name) => name !== start).concat(start)
}

/** One file. What lazy files need of it hangs on its exports, as `p0`, `p1` …, so that they share its modules. */
async function bundleEager(split, eager, outdir) {
  const contents = eager.map((file, index) => `export * as p${String(index)} from "./${file}"`).join('\n')
  return await toFiles(
    outdir,
    {
      metafile: true,
      stdin: { contents, resolveDir: outdir, sourcefile: 'parts.js' },
      outfile: join(outdir, `${MAIN}.cjs`),
    },
    [serve(split, outdir, (file) => (eager.includes(file) ? { path: join(outdir, file) } : undefined))],
  )
}

async function convertLazy(split, eager, outdir) {
  const lazy = [...split.files.keys()].filter((file) => !eager.includes(file))
  const options = { entryPoints: lazy.map((file) => join(outdir, file)), outdir, outExtension: { '.js': '.cjs' } }
  return await toFiles(outdir, options, [
    serve(split, outdir, (file, kind) => {
      if (kind === 'entry-point') return { path: join(outdir, file) }
      const part = eager.indexOf(file)
      return part === -1
        ? { path: `./${toCjs(file)}`, external: true }
        : { path: `p${String(part)}`, namespace: 'part' }
    }),
  ])
}

/** Answers for the files of the first pass, which exist in memory only. */
function serve(split, outdir, resolve) {
  return {
    name: 'split-files',
    setup(plugin) {
      plugin.onResolve({ filter: /\.js$/ }, ({ path, kind }) => {
        const file = basename(path)
        return split.files.has(file) ? resolve(file, kind) : undefined
      })
      plugin.onResolve({ filter: /^\..*\.cjs$/ }, ({ path }) => ({ path, external: true }))
      plugin.onLoad({ filter: /\.js$/ }, ({ path }) => {
        const contents = dirname(path) === outdir ? split.files.get(basename(path)) : undefined
        return contents === undefined ? undefined : { contents, loader: 'js', resolveDir: outdir }
      })
      plugin.onLoad({ filter: /./, namespace: 'part' }, ({ path }) => ({
        contents: `module.exports = require("./${MAIN}.cjs").${path}`,
        loader: 'js',
      }))
    },
  }
}

async function toFiles(outdir, options, plugins) {
  const result = await build({
    ...shared,
    ...options,
    absWorkingDir: outdir.slice(0, -'/dist/cli'.length),
    format: 'cjs',
    // Names stay as they are: stacks tell them, and esbuild's way of keeping them beside short ones costs a call for each function that is made.
    minifyWhitespace: true,
    sourcemap: 'linked',
    external: EXTERNAL,
    define: {
      'import.meta.url': 'importMetaUrl',
      'import.meta.dirname': '__dirname',
      'import.meta.filename': '__filename',
    },
    banner: { js: '"use strict";const importMetaUrl=require("node:url").pathToFileURL(__filename).href;' },
    plugins,
  })
  refuseWarnings(result.warnings)
  for (const output of Object.values(result.metafile?.outputs ?? {})) {
    const real = output.imports.find(({ kind }) => kind === 'dynamic-import')
    if (real)
      throw new Error(
        `${real.path} is imported by import() in ${MAIN}.cjs; move that into a file that is itself imported lazily`,
      )
  }
  return result.outputFiles.map((file) => ({ name: basename(file.path), text: file.text }))
}

const toCjs = (file) => file.replace(/\.js$/, '.cjs')

function refuseWarnings(warnings) {
  if (warnings.length === 0) return
  const lines = warnings.map((w) => `${w.location?.file ?? '?'}:${String(w.location?.line ?? 0)}: ${w.text}`)
  throw new Error(`esbuild warned:\n${lines.join('\n')}`)
}

/** The licences of the packages whose code is in the bundle must travel with it. */
async function licenceTexts(root, inputs) {
  const folders = new Set(
    inputs.map((path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]).filter(Boolean),
  )
  const texts = []
  for (const folder of [...folders].sort()) {
    const { name, version, license } = JSON.parse(await readFile(join(root, folder, 'package.json'), 'utf8'))
    const file = (await readdir(join(root, folder))).sort().find((entry) => /^licen[cs]e/i.test(entry))
    const text = file === undefined ? '' : await readFile(join(root, folder, file), 'utf8')
    texts.push(`${name} ${version} (${license})\n\n${text.trim()}\n`)
  }
  return texts.join(`\n${'-'.repeat(80)}\n\n`)
}
