// The digest of --expect-plan, checked for where it was typed.
import { TrueupError } from '../errors.js'
import type { CommandInput } from './command.js'

/** Twelve digits are enough for a person; a script gives the whole digest, so that no other plan can be meant. */
export function expectedPlan({ context }: CommandInput, digest: string | null): string | null {
  if (digest === null || digest.length === 64 || context.stdinIsTerminal) return digest
  throw new TrueupError(
    'usage',
    `--expect-plan needs all 64 digits where there is no terminal, not ${String(digest.length)}: take plan.digest of -o json`,
  )
}
