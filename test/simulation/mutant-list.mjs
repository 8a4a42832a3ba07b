// Ways to break the engine, each a text of the source in place of another. mutants.mjs shows that the simulation finds every one.

/** @type {readonly { name: string, replacements: readonly import('./bundle.mjs').Replacement[] }[]} */
export const MUTANTS = [
  one('an expired claim of an effect is taken over', 'src/durable/settle-call.ts', {
    find: 'if (!this.#pending.definition.idempotent) return this.#claim(found)',
    put: 'return this.#claim(found)',
  }),
  one('a write does not know itself when it is read back', 'src/store/s3/conditional-put.ts', {
    find: 'if (stamp !== undefined && putOf(stamp.write) === put)',
    put: 'if (stamp === undefined)',
  }),
  one('a write of which nothing is known is called refused', 'src/store/s3/conditional-put.ts', {
    find: "return isInstead ? refused : 'unknown'",
    put: 'return refused',
  }),
  one('a claim is not read back before its effect', 'src/durable/settle-call.ts', {
    find: 'if (!(await held.isStillMine())) {',
    put: 'if (held === undefined) {',
  }),
  one('a renewal puts the claim back over the result', 'src/durable/claim.ts', {
    find: 'if (this.#isOver) return false',
    put: '',
  }),
  one('the claim is written without a condition', 'src/durable/settle-call.ts', {
    find: 'DURABLE_CALL, call, { condition })',
    put: 'DURABLE_CALL, call, {})',
  }),
  one('what a probe has settled is overwritten', 'src/durable/claim.ts', {
    find: "if (state === 'done' && !isOurs) return false",
    put: "if (state === 'done' && resolved !== undefined) return false",
  }),
  one('a claim is judged by the monotonic clock alone', 'src/durable/claim.ts', {
    find: ' || clock.now() - this.#at.wall >= trustedMs',
    put: '',
  }),
  one('a lease is judged by the monotonic clock alone', 'src/store/heartbeat.ts', {
    find: 'return this.#options.clock.now() - this.#last.wall >= this.#trustedMs',
    put: 'return false',
  }),
  one('the token of a lease does not rise', 'src/store/leases.ts', {
    find: 'Math.max(before, request.atLeast(shard)) + 1',
    put: 'Math.max(before, request.atLeast(shard), 1)',
  }),
  one('marks are completed whatever the outcomes', 'src/run-apply.ts', {
    find: 'reason === undefined && open.length === 0 && !incomplete',
    put: 'reason === undefined && !incomplete',
  }),
  one('the lease is given back before the marks', 'src/run-apply.ts', {
    find: '  // What was brought about is not what is desired',
    put: '  await lease.release()\n  // What was brought about is not what is desired',
  }),
  one('the journal is written after the effect', 'src/reconcile/apply.ts', {
    find: 'return await request.journal.intend({ sequence',
    put: 'await executable.carryOut(request.giveUp)\n      return await request.journal.intend({ sequence',
  }),
  one('a lost lease is not noticed', 'src/store/journal.ts', {
    find: 'await lease.verify()\n      } catch',
    put: 'await Promise.resolve()\n      } catch',
  }),
  one('a heartbeat that was judged over is removed whatever it says by now', 'src/store/lease-documents.ts', {
    find: '(await store.delete(key, { etag })).kind',
    put: '(await store.delete(key, {})).kind',
  }),
  one('a failed delete is forgotten by the ledger', 'src/store/ledger-after.ts', {
    find: "if (result === 'applied') {",
    put: "if (result === 'applied' || action === 'delete') {",
  }),
  one('the journal of a dead run is not read', 'src/run-recover.ts', {
    find: 'const inShard = entries.filter((entry) => entry.shard === shard)',
    put: 'const inShard = entries.slice(entries.length)',
  }),
  one('the first mark of a shard is written before it is in the index', 'src/store/shard-index.ts', {
    find: 'if (!shards.every((shard) => entered.has(shard))) await hold(shards)',
    put: 'if (shards.length === 0) await hold(shards)',
  }),
]

function one(name, file, replacement) {
  return { name, replacements: [{ file, ...replacement }] }
}
