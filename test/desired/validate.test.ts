import type { StandardSchemaV1 } from '@standard-schema/spec'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { parseDocument } from '../../src/desired/parse-document.js'
import { validate } from '../../src/desired/validate.js'

const zone = z.object({
  zone: z.string(),
  records: z.array(z.object({ type: z.enum(['A', 'CNAME']), ttl: z.number().default(300) })),
})

describe('validate', () => {
  it('gives the output of the schema', async () => {
    const document = await parseDocument('a.yaml', 'zone: x\nrecords: [{type: A}]\n')
    expect(await validate(zone, document, 'a.yaml')).toEqual({ zone: 'x', records: [{ type: 'A', ttl: 300 }] })
  })

  it('tells all issues in the order of the file, each with its place', async () => {
    const document = await parseDocument('data/a.yaml', 'records:\n  - type: TXT\n  - type: A\n    ttl: soon\n')
    await expect(validate(zone, document, 'data/a.yaml')).rejects.toMatchObject({
      code: 'desired-invalid',
      message: expect.stringMatching(
        /^data\/a\.yaml:1:1: zone: .*\ndata\/a\.yaml:2:11: records\[0\]\.type: .*"A"\|"CNAME".*\ndata\/a\.yaml:4:10: records\[1\]\.ttl: .*$/,
      ) as string,
      details: {
        file: 'data/a.yaml',
        line: 1,
        column: 1,
        errors: [{ path: 'zone' }, { path: 'records[0].type', line: 2 }, { path: 'records[1].ttl' }],
      },
    })
  })

  it('awaits a schema that takes its time, and takes paths of objects or none', async () => {
    const slow: StandardSchemaV1 = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: async () => ({ issues: [{ message: 'bad', path: [{ key: 'a b' }] }, { message: 'worse' }] }),
      },
    }
    const document = await parseDocument('a.yaml', 'x: 1\na b: 2\n')
    await expect(validate(slow, document, 'a.yaml')).rejects.toThrow('a.yaml:1:1: worse\na.yaml:2:6: ["a b"]: bad')
  })
})
