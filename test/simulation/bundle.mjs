// The simulation and the engine, from source, as one module that loads nothing more: what runs in it depends on its seed alone. In: replacements of
// source text (mutants.mjs). Out: the path of the module. It must not change a source, nor take a replacement that does not apply for one that does.
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Chance in the engine comes from the seed as well. */
const CHANCE = `
import crypto from 'node:crypto'
export const { createHash, hash, createHmac, timingSafeEqual, pbkdf2Sync, createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } = crypto
const chance = () => globalThis.trueupSimulatedChance
export const randomBytes = (size) => Buffer.from(Array.from({ length: size }, () => Math.floor(chance()() * 256)))
export const randomInt = (most) => Math.floor(chance()() * most)
export const randomUUID = () => randomBytes(16).toString('hex').replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
export default { ...crypto, randomBytes, randomInt, randomUUID }
`

/**
 * @typedef {object} Replacement
 * @property {string} file below the repository
 * @property {string} find occurs in it exactly once
 * @property {string} put
 *
 * @param {readonly Replacement[]} [replacements]
 * @returns {Promise<string>}
 */
export async function bundleSimulation(replacements = []) {
  const folder = mkdtempSync(join(tmpdir(), 'trueup-simulation-'))
  const outfile = join(folder, 'simulation.mjs')
  const open = new Set(replacements)
  await build({
    entryPoints: [join(root, 'test/simulation/simulate.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
    // Only the store on S3 loads it, which is not simulated.
    external: ['@aws-sdk/*'],
    banner: {
      js: "import { createRequire as madeRequire } from 'node:module'\nconst require = madeRequire(import.meta.url)",
    },
    plugins: [
      {
        name: 'simulation',
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /^node:crypto$/ }, ({ importer }) =>
            importer.startsWith(join(root, 'src')) ? { path: 'chance', namespace: 'chance' } : { external: true },
          )
          onLoad({ filter: /.*/, namespace: 'chance' }, () => ({ contents: CHANCE, loader: 'js' }))
          onLoad({ filter: /\.ts$/ }, ({ path }) => {
            let contents = readFileSync(path, 'utf8')
            for (const replacement of replacements) {
              if (path !== join(root, replacement.file)) continue
              if (contents.split(replacement.find).length !== 2)
                throw new Error(`${replacement.file} does not hold exactly once:\n${replacement.find}`)
              contents = contents.replace(replacement.find, () => replacement.put)
              open.delete(replacement)
            }
            return { contents, loader: 'ts' }
          })
        },
      },
    ],
  })
  for (const { file } of open) throw new Error(`${file} is no part of the simulation`)
  return outfile
}
