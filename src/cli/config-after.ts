// The order of targets (`after`) that a trueup.yaml asks for in, what is wrong with it out: unknown names and circles, each with its line.
import { didYouMean } from '../util/suggest.js'
import type { Shape } from './config-shape.js'
import type { Config } from './config-types.js'

/** `after:` of a target. */
export const AFTER: Shape = {
  kind: 'list',
  description: 'Targets that come first where one command runs several; when one fails, this one is not run.',
  of: { kind: 'text', description: 'The name of a target.', expected: 'a text that is not empty' },
}

/** One sentence for each fault, with the line of the key. */
export function afterFaults({
  targets = {},
  lines,
}: Pick<Config, 'targets' | 'lines'>): readonly { readonly line: number; readonly message: string }[] {
  const names = Object.keys(targets)
  const faults: { line: number; message: string }[] = []
  const fault = (target: string, message: string): void => {
    faults.push({ line: lines[`targets.${target}.after`] ?? 1, message })
  }
  for (const [target, { after = [] }] of Object.entries(targets)) {
    for (const name of after) {
      if (!Object.hasOwn(targets, name))
        fault(target, `${target} is to come after "${name}", but there is no such target.${didYouMean(name, names)}`)
    }
  }
  const circle = circleIn(new Map(Object.entries(targets).map(([name, { after = [] }]) => [name, after])))
  if (circle !== undefined) fault(circle[0] ?? '', `targets come after each other in a circle: ${circle.join(' → ')}`)
  return faults
}

/** The first circle, its first name again at its end. */
export function circleIn(after: ReadonlyMap<string, readonly string[]>): readonly string[] | undefined {
  const done = new Set<string>()
  const way: string[] = []
  function visit(name: string): readonly string[] | undefined {
    const at = way.indexOf(name)
    if (at !== -1) return [...way.slice(at), name]
    if (done.has(name)) return undefined
    way.push(name)
    for (const next of after.get(name) ?? []) {
      const found = visit(next)
      if (found !== undefined) return found
    }
    way.pop()
    done.add(name)
    return undefined
  }
  for (const name of after.keys()) {
    const found = visit(name)
    if (found !== undefined) return found
  }
  return undefined
}
