// One comment of many runs: bounded whatever is in it, deletes and errors kept longest, quiet targets in one line.
import { describe, expect, it } from 'vitest'
import type { PlannedChange, RunRecord } from '../../src/event.js'
import { manyMarkdown } from '../../src/report/many-markdown.js'
import { change, plan, record } from './samples.js'

function runOf(target: string, changes: readonly PlannedChange[]): RunRecord {
  const one = record({ plan: plan(changes) })
  return { ...one, run: { ...one.run, target, integration: target } }
}
const changes = (action: 'create' | 'delete', amount: number): readonly PlannedChange[] =>
  Array.from({ length: amount }, (_, at) => change({ action, key: `${action}-${at}-${'x'.repeat(40)}` }))

describe('the Markdown of many runs', () => {
  it('says in one line which targets have nothing to do, and begins with one marker', () => {
    const text = manyMarkdown([
      { record: runOf('a', []) },
      { record: runOf('b', changes('create', 1)) },
      { record: runOf('c', []) },
    ])
    expect(text.match(/<!--/g)).toHaveLength(1)
    expect(text).toContain('Nothing to do in 2: `a`, `c`.\n')
    expect(text).toContain('- `b`: 1 create\n')
    expect(text.match(/create-0-/g)).toHaveLength(1)
  })

  it('keeps to its budget, and leaves out creates before deletes', () => {
    const runs = [
      { record: runOf('large', changes('create', 900)) },
      { record: runOf('deleting', [...changes('create', 900), ...changes('delete', 40)]) },
      { record: runOf('small', changes('create', 2)) },
    ]
    const text = manyMarkdown(runs, { budget: 12_000 })
    expect(text.length).toBeLessThanOrEqual(12_000)
    expect(text.length).toBeGreaterThan(10_000)
    expect(text.match(/`delete-\d+-/g)).toHaveLength(40)
    // A small target is whole; what was cut is counted in its section.
    expect(text).toMatch(/### `small`[^#]*#### Create \(2\)/)
    expect(text.match(/Left out for length: \d+ create/g)).toHaveLength(2)
  })

  it('never exceeds its budget, however many targets there are', () => {
    const runs = Array.from({ length: 2000 }, (_, at) => ({ record: runOf(`target-${at}`, changes('delete', 3)) }))
    const text = manyMarkdown(runs)
    expect(text.length).toBeLessThanOrEqual(60_000)
    expect(text).toContain('### 2000 targets: 2000 with changes.')
    expect(text).toMatch(/- and \d+ more targets/)
  })
})
