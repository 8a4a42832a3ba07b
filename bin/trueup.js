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
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} = require('node:fs')
const Module = require('node:module')
const { basename, dirname, isAbsolute, join, resolve } = require('node:path')
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

/** V8 does not check what it kept, and a damaged file (a power cut, a full disk) would end the process: the bytes end with their digest. */
const digestOf = (bytes) => require('node:crypto').createHash('sha1').update(bytes).digest()
const DIGEST_BYTES = 20

/** Only what this user wrote, and whole: with sudo, HOME may be somebody else's. */
function readOwn(file) {
  try {
    const descriptor = openSync(file, 'r')
    try {
      const isOwn = process.getuid === undefined || fstatSync(descriptor).uid === process.getuid()
      if (!isOwn) return undefined
      const bytes = readFileSync(descriptor)
      const data = bytes.subarray(0, -DIGEST_BYTES)
      return digestOf(data).equals(bytes.subarray(data.length)) ? data : undefined
    } finally {
      closeSync(descriptor)
    }
  } catch {
    return undefined
  }
}

/** How often compiled code is kept anew, each time with what that run compiled for the first time: a skip needs other code than a plan. */
const GENERATIONS = ['1', '2', '3']
/** Parts that are loaded when they are needed and are worth it; the rest is small. */
const LARGE_PART = 100_000

/**
 * As `require`, with V8's compiled code kept between runs: compiling is most of what a skip costs. Any trouble: compiled anew.
 * `kind`: what is run alike needs like code, so that a `list` leaves its own.
 */
function load(file, kind) {
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
  const requireFrom = Module.createRequire(file)

  function requirePart(name) {
    const part = join(dirname(file), name)
    const isNew = name.startsWith('./') && name.endsWith('.cjs') && require.cache[part] === undefined
    const size = isNew ? (statSync(part, { throwIfNoEntry: false })?.size ?? 0) : 0
    if (size >= LARGE_PART) compiled(part, `${kind}-${basename(name, '.cjs')}`)
    // Finds it loaded by then: whoever watches what is loaded sees these parts too.
    return requireFrom(name)
  }
  Object.assign(requirePart, requireFrom)

  function compiled(path, name) {
    const files = GENERATIONS.map((generation) => join(folder, `${name}-${generation}.bin`))
    let newest = files.length - 1
    let cachedData
    for (; newest >= 0; newest--) {
      cachedData = readOwn(files[newest])
      if (cachedData !== undefined) break
    }
    const script = new vm.Script(Module.wrap(readFileSync(path, 'utf8')), {
      filename: path,
      cachedData,
      importModuleDynamically,
    })
    const module_ = new Module(path, module)
    module_.filename = path
    require.cache[path] = module_
    try {
      script.runInThisContext()(module_.exports, requirePart, module_, path, dirname(path))
    } catch (error) {
      // As `require` does: half of a module is none.
      delete require.cache[path]
      throw error
    }
    module_.loaded = true
    const isRejected = cachedData !== undefined && script.cachedDataRejected
    const kept = files[isRejected ? newest : newest + 1]
    if (kept !== undefined) process.once('exit', () => keep(script, folder, kept))
    return module_.exports
  }
  compiled(file, kind)
}

/** At the end, so that what was compiled on the way is in it too. */
function keep(script, folder, file) {
  const part = `${file}.${process.pid}`
  try {
    makeFolder(folder)
    const data = script.createCachedData()
    writeFileSync(part, Buffer.concat([data, digestOf(data)]), { mode: 0o600 })
    renameSync(part, file)
  } catch {
    removeQuietly(part)
  }
}

/** Not `recursive`: where nothing can be made and nothing is said to be wrong (/proc, automounts), Node tries for ever. */
function makeFolder(folder) {
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    if (error.code === 'EEXIST') return
    if (error.code !== 'ENOENT' || dirname(folder) === folder) throw error
    makeFolder(dirname(folder))
    mkdirSync(folder, { mode: 0o700 })
  }
}

/** What a full disk took half of must not stay. */
function removeQuietly(file) {
  try {
    rmSync(file, { force: true })
  } catch {
    // Nowhere to keep anything.
  }
}

/** The version and nothing else: no program is needed for it. False: the program must do it, being better at streams that take nothing. */
function printVersion() {
  try {
    const { version } = JSON.parse(readFileSync(join(__dirname, '..', 'package.json'), 'utf8'))
    writeSync(1, `${version}\n`)
    return true
  } catch {
    return false
  }
}

const args = process.argv.slice(2)
// The CLI is a few long lines: with --debug its stacks name the real files. It must be said before the CLI is loaded.
if (args.includes('--debug')) process.setSourceMapsEnabled(true)

const cli = join(__dirname, '..', 'dist', 'cli', 'trueup.cjs')
const own = projectsOwn(startFolder(args))
if (own !== undefined && own !== realpathSync(__filename)) {
  require(own)
} else if (!existsSync(cli)) {
  process.stderr.write(
    `trueup: this copy is not built (${cli} is missing). In a checkout run: npm ci && npm run build\n`,
  )
  process.exitCode = 1
} else if (args.length !== 1 || args[0] !== '--version' || !printVersion()) {
  load(cli, args.some((word) => word === 'plan' || word === 'apply' || word === 'run') ? 'run' : 'other')
}
