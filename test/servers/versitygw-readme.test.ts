// The commands of README.md that need a bucket, on versitygw: each ends with 0 and prints what the page says.
import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { createRig } from '../support/rig.js'
import { KEYS, urlOf } from '../support/s3-double/open.js'
import { createPlace } from './s3-place.js'

it('README.md is right about the run cache in a bucket', async () => {
  const page = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
  const block = /^```console s3\n([\s\S]*?)^```/m.exec(page)?.[1] ?? ''
  const steps: { command: string; prints: string[] }[] = []
  for (const line of block.split('\n').filter((each) => each !== '')) {
    if (line.startsWith('$ ')) steps.push({ command: line.slice(2), prints: [] })
    else if (line !== '…') steps.at(-1)?.prints.push(line)
  }
  expect(steps.map(({ command }) => command)[0]).toMatch(/^export TRUEUP_STORE='s3:/)
  expect(steps.length).toBeGreaterThan(4)

  await using rig = await createRig({ env: { ...KEYS } })
  expect(await rig.run(['init'])).toMatchObject({ code: 0 })
  await rig.commit('Say hello')
  const env = { TRUEUP_STORE: urlOf(await createPlace('TRUEUP_TEST_VERSITYGW'), 'hello') }
  for (const { command, prints } of steps.slice(1)) {
    const words = command.replace(/^trueup /, '')
    const { code, stdout, stderr } = await rig.run(words.split(' '), { env })
    expect([code, words], stdout + stderr).toEqual([0, words])
    const lines = (stderr + stdout).split('\n')
    for (const line of prints) expect(lines, words).toContainEqual(expect.stringMatching(loosely(line)))
  }
})

/** `…` stands for anything. */
function loosely(line: string): RegExp {
  const parts = line.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`)
}
