import { toStandardJsonSchema } from '@valibot/to-json-schema'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { type } from 'arktype'
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import * as mini from 'zod/mini'
import { defineIntegration } from '../src/integration.js'
import type { AnyIntegration } from '../src/integration.js'
import { describeParams, resolveParams } from '../src/params.js'

function integration(params?: StandardSchemaV1): AnyIntegration {
  return defineIntegration({
    name: 'dns',
    version: '1',
    ...(params === undefined ? {} : { params }),
    deletePolicy: 'never',
    desiredState: () => [],
    run: () => [],
  }).definition
}

async function resolve(
  params: StandardSchemaV1 | undefined,
  given: { file?: Record<string, unknown>; flags?: Record<string, string> },
): Promise<unknown> {
  return (
    await resolveParams(integration(params), { target: 'dns-prod', file: given.file ?? {}, flags: given.flags ?? {} })
  ).values
}

async function failure(run: Promise<unknown>): Promise<{ code: string; message: string }> {
  const error = (await run.then(
    () => {
      throw new Error('nothing was thrown')
    },
    (thrown: unknown) => thrown,
  )) as { code: string; message: string }
  return { code: error.code, message: error.message }
}

const kinds = z.object({
  server: z.url().default('https://dns.example.com').describe('API of the DNS service'),
  port: z.int().min(1),
  ratio: z.number().optional(),
  dry: z.boolean().default(false),
  mode: z.enum(['fast', 'safe']).optional(),
  zones: z.array(z.string()).default([]),
  weights: z.array(z.number()).optional(),
  rules: z.array(z.object({ a: z.number() })).optional(),
  map: z.object({ a: z.number() }).optional(),
  none: z.string().nullable().default(null),
  either: z.union([z.string(), z.number()]).optional(),
  count: z.string().transform(Number).optional(),
  since: z.coerce.date().optional(),
})

describe('describeParams', () => {
  it('tells name, type, default, choices and description', async () => {
    expect(await describeParams(integration(kinds))).toEqual([
      {
        name: 'server',
        type: 'string',
        required: false,
        default: 'https://dns.example.com',
        description: 'API of the DNS service',
      },
      { name: 'port', type: 'integer', required: true },
      { name: 'ratio', type: 'number', required: false },
      { name: 'dry', type: 'boolean', required: false, default: false },
      { name: 'mode', type: 'string', required: false, enum: ['fast', 'safe'] },
      { name: 'zones', type: 'array', required: false, default: [], items: 'string' },
      { name: 'weights', type: 'array', required: false, items: 'number' },
      { name: 'rules', type: 'array', required: false, items: 'object' },
      { name: 'map', type: 'object', required: false },
      { name: 'none', type: 'string', required: false, default: null },
      { name: 'either', type: 'any', required: false },
      { name: 'count', type: 'string', required: false },
      { name: 'since', type: 'any', required: false },
    ])
  })

  it('tells the same of valibot and of arktype, whose defaults come from the schema itself', async () => {
    const expected = [
      { name: 'mode', type: 'string', required: false, enum: ['fast', 'safe'] },
      { name: 'port', type: 'integer', required: false },
      { name: 'server', type: 'string', required: false, default: 'https://x.example' },
    ]
    const byValibot = toStandardJsonSchema(
      v.object({
        mode: v.optional(v.picklist(['fast', 'safe'])),
        port: v.optional(v.pipe(v.number(), v.integer())),
        server: v.optional(v.string(), 'https://x.example'),
      }),
    )
    const byArktype = type({
      'mode?': "'fast' | 'safe'",
      'port?': 'number.integer',
      server: "string = 'https://x.example'",
    })
    expect(await describeParams(integration(byValibot))).toEqual(expected)
    const described = await describeParams(integration(byArktype))
    expect([...described].sort((a, b) => (a.name < b.name ? -1 : 1))).toEqual(expected)
  })

  it('is empty without a schema', async () => {
    expect(await describeParams(integration())).toEqual([])
  })

  it('says what to do about a schema that gives no JSON Schema', async () => {
    for (const schema of [mini.object({ a: mini.string() }), v.object({ a: v.string() })]) {
      const { code, message } = await failure(describeParams(integration(schema)))
      expect(code).toBe('integration-invalid')
      expect(message).toMatch(
        /^dns: the schema of params \((?:zod|valibot)\) gives no JSON Schema.*zod 4\.2 or later.*toStandardJsonSchema/,
      )
    }
  })

  it('refuses a schema that is not one of an object', async () => {
    expect(await failure(describeParams(integration(z.string())))).toEqual({
      code: 'integration-invalid',
      message: 'dns: params must be a schema of an object; it is one of "string"',
    })
  })
})

describe('resolveParams', () => {
  it('reads flags by the described type, over the file, over defaults', async () => {
    const flags = {
      port: '8080',
      ratio: '-1.5e2',
      dry: 'true',
      mode: 'safe',
      zones: 'a.example, b.example',
      weights: '1,2.5',
      rules: '[{"a":1}]',
      map: '{"a":2}',
      either: '5',
      count: '12',
    }
    expect(await resolve(kinds, { file: { port: 1, server: 'https://file.example' }, flags })).toEqual({
      server: 'https://file.example',
      port: 8080,
      ratio: -150,
      dry: true,
      mode: 'safe',
      zones: ['a.example', 'b.example'],
      weights: [1, 2.5],
      rules: [{ a: 1 }],
      map: { a: 2 },
      none: null,
      either: '5',
      count: 12,
    })
    expect(await resolve(kinds, { file: { port: 1 } })).toMatchObject({ server: 'https://dns.example.com', zones: [] })
    expect(
      await resolve(kinds, { file: { port: 1 }, flags: { zones: '["a,b"]', server: 'https://007.example' } }),
    ).toMatchObject({ zones: ['a,b'], server: 'https://007.example' })
  })

  it.each([
    ['port', '1.5', 'a whole number'],
    ['port', '', 'a whole number'],
    ['ratio', 'much', 'a number'],
    ['ratio', 'Infinity', 'a number'],
    ['ratio', '0x10', 'a number'],
    ['dry', 'yes', 'true or false'],
    ['weights', '1,x', 'a JSON list, or values with commas between them'],
    ['zones', '["a"', 'a JSON list, or values with commas between them'],
    ['rules', 'a', 'a JSON list'],
    ['map', '[1]', 'a JSON object such as {"key":"value"}'],
  ])('refuses --param %s=%s', async (name, text, expected) => {
    expect(await failure(resolve(kinds, { flags: { [name]: text } }))).toEqual({
      code: 'params-invalid',
      message: `dns-prod: parameter ${JSON.stringify(name)} must be ${expected}, not ${JSON.stringify(text)} (from --param ${name})`,
    })
  })

  it('names parameter, place and reason of what the schema refuses, all at once', async () => {
    const { code, message } = await failure(
      resolve(kinds, { file: { server: 5, map: { a: 'x' } }, flags: { mode: 'slow' } }),
    )
    expect(code).toBe('params-invalid')
    expect(message.split('\n').sort()).toEqual([
      expect.stringMatching(/^dns-prod: parameter "map\.a": .*number.* \(from trueup\.yaml\)$/),
      expect.stringMatching(/^dns-prod: parameter "mode": .*"fast".* \(from --param mode\)$/),
      expect.stringMatching(
        /^dns-prod: parameter "port" is missing: give --param port=…, or set it in params: of the target in trueup\.yaml/,
      ),
      expect.stringMatching(/^dns-prod: parameter "server": .*string.* \(from trueup\.yaml\)$/),
    ])
  })

  it('refuses unknown parameters, also where the schema would drop them silently', async () => {
    expect(await failure(resolve(kinds, { file: { sever: 'x' }, flags: { nothing: '1' } }))).toEqual({
      code: 'params-invalid',
      message:
        'dns-prod: dns has no parameter "sever" (from trueup.yaml). Did you mean "server"?\n' +
        'dns-prod: dns has no parameter "nothing" (from --param nothing). It takes: server, port, ratio, dry, mode, zones, weights, rules, map, none, either, count, since.',
    })
  })

  it('lets a schema that takes any name have them', async () => {
    expect(await resolve(z.looseObject({ a: z.string() }), { file: { a: 'x', b: 1 }, flags: { c: 't' } })).toEqual({
      a: 'x',
      b: 1,
      c: 't',
    })
  })

  it('refuses parameters for an integration that takes none', async () => {
    expect(await resolve(undefined, {})).toEqual({})
    expect(await failure(resolve(undefined, { file: { a: 1 }, flags: { b: '2' } }))).toEqual({
      code: 'params-invalid',
      message:
        'dns-prod: dns takes no parameters; given: "a" (from trueup.yaml)\ndns-prod: dns takes no parameters; given: "b" (from --param b)',
    })
  })

  it('waits for an asynchronous schema', async () => {
    const schema = z.object({ a: z.string().refine((text) => Promise.resolve(text === 'right'), 'must be right') })
    expect(await resolve(schema, { flags: { a: 'right' } })).toEqual({ a: 'right' })
    expect((await failure(resolve(schema, { flags: { a: 'wrong' } }))).message).toBe(
      'dns-prod: parameter "a": must be right (from --param a)',
    )
  })

  it('treats __proto__ as any other unknown name', async () => {
    expect(
      (await failure(resolve(kinds, { flags: JSON.parse('{"__proto__":"1"}') as Record<string, string> }))).message,
    ).toContain('has no parameter "__proto__"')
  })
})
