#!/usr/bin/env node
// In: the command line. Out: the built CLI, in this process: the one installed in the project that it is run for, else this package's own.
'use strict'
const {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  writeFileSync,
} = require('node:fs')
const Module = require('node:module')
const { dirname, isAbsolute, join, resolve } = require('node:path')
const vm = require('node:vm')

/** Where git's `-C dir` (repeatable, before any `--`) points. */
function startFolder(args) {
  let folder = process.cwd()
  for (let index = 0; index < args.length && args[index] !== '--'; index++) {
    const arg = args[index]
    if (arg === '-C') folder = resolve(folder, args[++index] ?? '.')
    else if (arg.startsWith('-C')) folder = resolve(folder, arg.slice(2))
  }
  return folder
}

function projectsOwn(folder) {
  for (;;) {
    const candidate = join(folder, 'node_modules', 'trueup', 'bin', 'trueup.js')
    if (existsSync(candidate)) return realpathSync(candidate)
    const parent = dirname(folder)
    if (parent === folder) return undefined
    folder = parent
  }
}

/** The user's own folder for what can be made again; a cache elsewhere could be forged. */
function cacheFolder(build) {
  const { XDG_CACHE_HOME, HOME } = process.env
  const base = XDG_CACHE_HOME || (HOME && join(HOME, '.cache'))
  if (!base || !isAbsolute(base)) return undefined
  return join(base, 'trueup', `code-${build.slice(0, 16)}-${process.version}-${process.arch}`)
}

/** Only what this user wrote: with sudo, HOME may be somebody else's. */
function readOwn(file) {
  try {
    const descriptor = openSync(file, 'r')
    try {
      const isOwn = process.getuid === undefined || fstatSync(descriptor).uid === process.getuid()
      return isOwn ? readFileSync(descriptor) : undefined
    } finally {
      closeSync(descriptor)
    }
  } catch {
    return undefined
  }
}

/** As `require`, with V8's compiled code kept between runs: compiling is most of what a skip costs. Any trouble: compiled anew. */
function load(file) {
  let folder
  try {
    folder = cacheFolder(JSON.parse(readFileSync(join(__dirname, '..', 'dist', 'build.json'), 'utf8')).build)
  } catch {
    // Without a build id nothing is kept.
  }
  const importModuleDynamically = vm.constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER
  if (folder === undefined || importModuleDynamically === undefined || process.env.NODE_V8_COVERAGE) {
    require(file)
    return
  }
  const kept = join(folder, 'trueup.bin')
  const cachedData = readOwn(kept)
  const script = new vm.Script(Module.wrap(readFileSync(file, 'utf8')), {
    filename: file,
    cachedData,
    importModuleDynamically,
  })
  const module_ = new Module(file, module)
  module_.filename = file
  require.cache[file] = module_
  script.runInThisContext()(module_.exports, Module.createRequire(file), module_, file, dirname(file))
  module_.loaded = true
  if (cachedData !== undefined && !script.cachedDataRejected) return
  process.once('exit', () => {
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      const part = `${kept}.${process.pid}`
      // Now, so that what was compiled on the way is in it too.
      writeFileSync(part, script.createCachedData(), { mode: 0o600 })
      renameSync(part, kept)
    } catch {
      // Nowhere to keep it.
    }
  })
}

const args = process.argv.slice(2)
// The CLI is one minified line: with --debug its stacks name the real files. It must be said before the CLI is loaded.
if (args.includes('--debug')) process.setSourceMapsEnabled(true)

const cli = join(__dirname, '..', 'dist', 'cli', 'trueup.cjs')
const own = projectsOwn(startFolder(args))
if (own !== undefined && own !== realpathSync(__filename)) {
  require(own)
} else if (existsSync(cli)) {
  load(cli)
} else {
  process.stderr.write(
    `trueup: this copy is not built (${cli} is missing). In a checkout run: npm ci && npm run build\n`,
  )
  process.exitCode = 1
}
