// A doubt comes in; who began it, and the form it has in JSON, go out.
import type { Doubt } from './doubts.js'

export function whoOf(doubt: Doubt): {
  readonly run: string | null
  readonly target: string | null
  readonly host: string
  readonly url: string | null
  readonly actor: string | null
} {
  if (doubt.kind === 'durable') return doubt.listed.call.claim
  const { run } = doubt.change
  return { run: run.id, target: run.target, host: run.by.host, url: run.by.url, actor: run.by.actor }
}

export function doubtJson(doubt: Doubt): object {
  const { run, target, host, url, actor } = whoOf(doubt)
  const common = {
    id: doubt.id,
    kind: doubt.kind,
    since: new Date(doubt.at).toISOString(),
    run,
    target,
    host,
    url,
    actor,
  }
  if (doubt.kind === 'change') {
    const { action, key, shard } = doubt.change.outcome
    return { ...common, destination: doubt.change.run.destination, action, key, shard }
  }
  const { namespace, name, version, label, args } = doubt.listed.call
  return { ...common, namespace, function: name, version, key: label, arguments: args }
}
