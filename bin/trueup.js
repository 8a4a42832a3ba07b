#!/usr/bin/env node
// In: the command line. Out: the built CLI, in this process: the one installed in the project that it is run for, else this package's own.
'use strict'
const { existsSync, realpathSync } = require('node:fs')
const { dirname, join, resolve } = require('node:path')

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

const args = process.argv.slice(2)
// The CLI is one minified line: with --debug its stacks name the real files. It must be said before the CLI is loaded.
if (args.includes('--debug')) process.setSourceMapsEnabled(true)

const cli = join(__dirname, '..', 'dist', 'cli', 'trueup.cjs')
const own = projectsOwn(startFolder(args))
if (own !== undefined && own !== realpathSync(__filename)) {
  require(own)
} else if (existsSync(cli)) {
  require(cli)
} else {
  process.stderr.write(
    `trueup: this copy is not built (${cli} is missing). In a checkout run: npm ci && npm run build\n`,
  )
  process.exitCode = 1
}
