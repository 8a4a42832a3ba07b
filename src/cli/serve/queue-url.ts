// The environment and trueup.yaml come in; the URL of the queue that replicas share goes out, with where it was said, and as it may be shown. Pure.
import type { Config } from '../config-types.js'
import type { Environment } from '../process-context.js'

export interface QueueUrl {
  /** May hold a password. */
  readonly url: string
  /** `TRUEUP_QUEUE`, or the place in trueup.yaml. */
  readonly from: string
  /** Without its password. */
  readonly shown: string
}

/** null: each process has its targets for itself. */
export function queueUrl(environment: Environment, { queue, file, lines }: Config): QueueUrl | null {
  const variable = environment['TRUEUP_QUEUE']
  if (variable !== undefined && variable.trim() !== '')
    return { url: variable, from: 'TRUEUP_QUEUE', shown: shownUrl(variable) }
  if (queue === undefined) return null
  const line = lines['queue']
  return {
    url: queue,
    from: `${file ?? 'trueup.yaml'}${line === undefined ? '' : `:${String(line)}`}`,
    shown: shownUrl(queue),
  }
}

/** What cannot be read as a URL may be a password as a whole. */
function shownUrl(text: string): string {
  if (!URL.canParse(text)) return '***'
  const url = new URL(text)
  if (url.password !== '') url.password = '***'
  return url.href
}
