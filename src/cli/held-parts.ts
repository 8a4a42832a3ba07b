// What of a target a hold names (`--shard`, `--key`) in; out which of it the store knows, since a typing mistake holds nothing. Reads alone.
import type { HoldPart } from '../store/holds.js'
import { readLedger } from '../store/ledger.js'
import { evaluatedShards } from '../store/marks.js'
import type { ObjectStore } from '../store/object-store.js'
import { createRecordStore } from '../store/records.js'
import { TrueupError } from '../errors.js'
import type { CommandInput } from './command.js'

/** @throws usage for parts of all targets, and for a shard that a variable names: what a hold is of is said with it, or it holds less than meant */
export function partsGiven({ command, settings }: Pick<CommandInput, 'command' | 'settings'>): readonly HoldPart[] {
  const { shards, heldKeys, allTargets } = settings
  if (shards.origin === 'variable' && shards.value.length > 0)
    throw new TrueupError(
      'usage',
      `${String(shards.from)} is set, and trueup ${command} takes no shard from a variable: unset it, or name the shard with --shard`,
    )
  const keysOf = (kind: HoldPart['kind'], keys: readonly string[]): readonly HoldPart[] =>
    [...new Set(keys)].map((key) => ({ kind, key }))
  const parts = [...keysOf('shard', shards.value), ...keysOf('object', heldKeys.value)]
  if (parts.length > 0 && allTargets.value)
    throw new TrueupError('usage', `--shard and --key name parts of one target, so --all does not go with them`)
  return parts
}

/**
 * Those that neither the ledger, nor the last apply, nor the newest plan of the target has. They may come; a hold counts for them from then on.
 */
export async function unknownParts(
  store: ObjectStore,
  { target, parts }: { readonly target: string; readonly parts: readonly HoldPart[] },
): Promise<readonly HoldPart[]> {
  const [shards, objects] = [new Set<string>(), new Set<string>()]
  for await (const { run, plan } of createRecordStore(store).list(target)) {
    if (run.destination === null) continue
    for (const key of [...run.shards, ...(await evaluatedShards(store, target, run.destination))]) shards.add(key)
    for (const { key } of plan?.changes ?? []) objects.add(key)
    for (const { value } of await readLedger(store, run.destination)) {
      if (value.target !== target) continue
      shards.add(value.shard)
      for (const key of Object.keys(value.objects)) objects.add(key)
    }
    break
  }
  return parts.filter(({ kind, key }) => !(kind === 'shard' ? shards : objects).has(key))
}
