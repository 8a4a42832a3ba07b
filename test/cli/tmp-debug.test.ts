import { join } from 'node:path'
import { it } from 'vitest'
import { COMPANY, leads } from '../support/data-company.js'
import { createRig } from '../support/rig.js'
it('debug', async () => {
  await using rig = await createRig({ files: { 'trueup.yaml': 'version: 1\n', '.gitignore': '.trueup/\n', 'integrations/leads.mjs': leads(), ...COMPANY } })
  rig.env['PLACE'] = join(rig.root, 'leads')
  await rig.write({ 'data/users/bob.yml': '$schema: /user-1.yml\nname: robert\n' })
  await rig.commit()
  console.log((await rig.run(['plan', 'leads', '--base', 'HEAD~1'])).stderr)
  await rig.write({ 'data/users/ann.yml': '$schema: /user-1.yml\nname: anna\n' })
  console.log((await rig.run(['data','query','{ teams { name lead { name } } }'])).stdout)
  console.log((await rig.run(['data','query','{ teams { name lead { name } } }', '--revision', 'HEAD~1'])).stdout)
  const r = await rig.run(['plan', 'leads', '--base', 'HEAD~1', '-o', 'json'])
  console.log(r.stderr, JSON.stringify((r.json() as any).runs[0].decision, null, 1))
})
