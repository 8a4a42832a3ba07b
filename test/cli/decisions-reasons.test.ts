import { it, expect } from 'vitest'
import { createThings } from '../support/things.js'
it('works', async () => {
  await using rig = await createThings()
  for (const args of [['plan','things'],['plan','things','--base','HEAD'],['apply','things'],['plan','parts'],['apply','parts','--base','HEAD'],['apply','parts','--base','HEAD']]) {
    const d = await rig.decide(args)
    console.log(args.join(' '), d.code, d.decision, d.record.error, d.record.outcomes)
  }
  console.log(await rig.readWorld())
})
