// In: src/ and integrations/. Out: dist/, replaced only when everything succeeded: the library (dist/src, dist/integrations, by tsc),
// the command line (dist/cli, by esbuild), the JSON Schema of trueup.yaml, and build.json with the digest of all of it.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { bundleCli } from './bundle-cli.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const dist = join(root, 'dist')
// Beside dist and as deep, so that source maps made for one are right in the other.
const next = join(root, `.dist-${String(process.pid)}`)

try {
  const started = performance.now()
  // Both to the end, so that none writes any more when the folder is removed.
  const steps = await Promise.allSettled([compileLibrary(), writeCli()])
  for (const step of steps) if (step.status === 'rejected') throw step.reason
  await writeConfigSchema()
  const build = await writeBuildDigest()
  await replaceDist()
  console.log(`built ${build.slice(0, 12)} in ${((performance.now() - started) / 1000).toFixed(1)} s`)
} catch (error) {
  console.error(`build failed: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
} finally {
  await rm(next, { recursive: true, force: true })
}

async function compileLibrary() {
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
  const child = spawn(process.execPath, [tsc, '-p', join(root, 'tsconfig.json'), '--outDir', next], {
    stdio: 'inherit',
  })
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('exit', resolve))
  if (code !== 0) throw new Error(`tsc ended with ${String(code)}`)
}

async function writeCli() {
  const files = await bundleCli({ root, entry: join(root, 'src/cli/main.ts'), outdir: join(dist, 'cli') })
  await mkdir(join(next, 'cli'), { recursive: true })
  for (const { name, text } of files) await writeFile(join(next, 'cli', name), text)
}

async function writeConfigSchema() {
  const { configSchema } = await import(pathToFileURL(join(next, 'src/cli/config-schema.js')).href)
  const { openApi } = await import(pathToFileURL(join(next, 'src/cli/serve/openapi.js')).href)
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  await writeFile(join(next, 'openapi.json'), `${JSON.stringify(openApi(version), null, 2)}\n`)
  await writeFile(join(next, 'trueup.schema.json'), `${JSON.stringify(configSchema(), null, 2)}\n`)
}

/** The digest stands for the tool's own code in decisions; source maps change nothing in it. */
async function writeBuildDigest() {
  const entries = await readdir(next, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.map'))
    .map((entry) => join(entry.parentPath, entry.name))
  const hash = createHash('sha256')
  for (const file of files.sort()) {
    const content = await readFile(file)
    hash.update(`${relative(next, file).split(sep).join('/')}\0${String(content.length)}\0`).update(content)
  }
  const build = hash.digest('hex')
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  await writeFile(join(next, 'build.json'), `${JSON.stringify({ version, build })}\n`)
  return build
}

/** Two builds at once may both get here: the later one wins, and dist is never a mixture. */
async function replaceDist() {
  const old = join(root, `.dist-${String(process.pid)}-old`)
  for (;;) {
    await rename(dist, old).catch(unless('ENOENT'))
    const isThere = await rename(next, dist).then(() => true, unless('ENOTEMPTY', 'EEXIST'))
    await rm(old, { recursive: true, force: true })
    if (isThere) return
  }
}

function unless(...codes) {
  return (error) => {
    if (!codes.includes(error.code)) throw error
    return false
  }
}
