// What trueup.yaml may hold, as data: the checker reads it (config-check.ts) and the JSON Schema for editors is made from it (config-schema.ts).
// Keys that are also settings come from the table of options.
import { DURATION_FORMS, parseDuration } from '../util/duration.js'
import { AFTER } from './config-after.js'
import { APPROVALS } from './config-approvals.js'
import { FREEZES } from './config-freezes.js'
import { NOTIFICATIONS } from './config-notifications.js'
import { dataShape } from './config-data.js'
import { SOURCE } from './config-source.js'
import { POLICIES } from './config-policies.js'
import { PROVIDERS } from './config-providers.js'
import type { ValueKind } from './options-kinds.js'
import { oneOf, parseAmount } from './options-kinds.js'
import { optionNames, optionSpec } from './options.js'

/** One value of the file. `expected` ends the sentence "… must be". */
export type Shape =
  | {
      readonly kind: 'text'
      readonly description: string
      readonly expected: string
      readonly pattern?: string
      readonly choices?: readonly string[]
    }
  | { readonly kind: 'count'; readonly description: string; readonly min: number; readonly max: number }
  | { readonly kind: 'boolean'; readonly description: string }
  /** Count or percentage. */
  | { readonly kind: 'amount'; readonly description: string }
  /** Read as milliseconds. */
  | { readonly kind: 'duration'; readonly description: string; readonly maxMs?: number }
  | { readonly kind: 'list'; readonly description: string; readonly of: Shape }
  /** Keys of the author's choosing. */
  | {
      readonly kind: 'map'
      readonly description: string
      readonly of: Shape
      readonly keys?: { readonly pattern: string; readonly expected: string }
    }
  | {
      readonly kind: 'object'
      readonly description: string
      readonly keys: Readonly<Record<string, Shape>>
      readonly required?: readonly string[]
      /** One of these, and not two. */
      readonly exactlyOne?: readonly string[]
      /** `key` is there exactly when the key `on` has this value. */
      readonly depends?: { readonly key: string; readonly on: string; readonly is: string }
    }
  /** A text, or a mapping that says more. */
  | {
      readonly kind: 'text-or-object'
      readonly description: string
      readonly text: Extract<Shape, { kind: 'text' }>
      readonly object: Extract<Shape, { kind: 'object' }>
    }
  /** Any JSON. */
  | { readonly kind: 'json'; readonly description: string }

/** The version of trueup.yaml that this trueup reads. */
export const CONFIG_VERSION = 1

/** Names of targets and integrations: they are parts of store keys, flags and Kubernetes names. */
export const NAME_PATTERN = '^[a-z][a-z0-9-]*$'
const NAME_EXPECTED = 'lower-case letters, digits and dashes, beginning with a letter'

/** A duration in the file: as on the command line, or a plain number of seconds. */
export const DURATION_PATTERN = '^[0-9]+[smhd]?$'
export const AMOUNT_PATTERN = '^[0-9]+(\\.[0-9]+)?%$'

/** Milliseconds of a duration in the file; undefined for what is none. */
export function durationOf(value: unknown, maxMs = Number.MAX_SAFE_INTEGER): number | undefined {
  const text = Number.isSafeInteger(value) ? String(value) : value
  const ms = typeof text === 'string' ? parseDuration(text) : undefined
  return ms === undefined || ms > maxMs ? undefined : ms
}

/** An amount in the file: a whole number, or a text such as `10%`. */
export function amountOf(value: unknown): number | string | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : undefined
  return typeof value === 'string' && value.endsWith('%') ? parseAmount(value) : undefined
}

const TEXT = 'a text that is not empty'

export function configShape(): Extract<Shape, { kind: 'object' }> {
  const limits: Shape = {
    kind: 'object',
    description: 'How much one run may do. What is not said here is as the integration says.',
    keys: {
      maxDeletes: {
        kind: 'amount',
        description: 'Deletes in one run: a count, or a percentage of the owned objects. Default 30%.',
      },
      maxChanges: {
        kind: 'amount',
        description: 'Changes in one run: a count, or a percentage of the owned objects. Default: no limit.',
      },
      percentFrom: {
        kind: 'count',
        description: 'Percentages apply from this many owned objects on. Default 10.',
        min: 0,
        max: 1_000_000_000,
      },
      allowEmpty: {
        kind: 'boolean',
        description: 'An empty desired state may delete what the target owns. Default false.',
      },
    },
  }
  return {
    kind: 'object',
    description: 'Configuration of trueup.',
    required: ['version'],
    keys: {
      version: { kind: 'count', description: 'Version of this file format.', min: CONFIG_VERSION, max: CONFIG_VERSION },
      integrations: {
        kind: 'list',
        description:
          'Where integrations are found: directories, files or package names. Default: the folder integrations, where there is one.',
        of: { kind: 'text', description: 'A directory, a file or a package name.', expected: TEXT },
      },
      data: dataShape(),
      ...optionShapes(),
      secrets: {
        kind: 'object',
        description: 'Where secrets are read from.',
        keys: {
          backend: {
            kind: 'text',
            description: 'env: variables TRUEUP_SECRET_<PATH>. file: files of a folder, as Kubernetes mounts them.',
            expected: oneOf(['env', 'file']),
            choices: ['env', 'file'],
          },
          dir: {
            kind: 'text',
            description: 'The folder of backend file, relative to this file: one file a secret, or a folder of fields.',
            expected: TEXT,
          },
        },
        depends: { key: 'dir', on: 'backend', is: 'file' },
      },
      cache: {
        kind: 'object',
        description: 'The run cache.',
        keys: {
          sign: {
            kind: 'object',
            description: 'Entries are signed, and those that are not are not believed.',
            required: ['secret', 'key'],
            keys: {
              secret: {
                kind: 'text',
                description: 'Path of the secret whose fields are the keys: each 32 random characters or more.',
                expected: TEXT,
              },
              key: {
                kind: 'text',
                description: 'The field that signs; all fields are good for reading.',
                expected: TEXT,
              },
            },
          },
        },
      },
      limits,
      queue: {
        kind: 'text',
        description:
          'Where the replicas of serve share their targets: postgres://user:password@host:port/database. TRUEUP_QUEUE goes before it, and is where a password belongs.',
        // Of a URL that is none nothing may be told, so it is looked at where it is used.
        expected: TEXT,
      },
      approvals: APPROVALS,
      freezes: FREEZES,
      notifications: NOTIFICATIONS,
      providers: PROVIDERS,
      targets: {
        kind: 'map',
        description:
          'Integrations as configured. Without an entry, a target has the name of its integration and its defaults.',
        keys: { pattern: NAME_PATTERN, expected: NAME_EXPECTED },
        of: {
          kind: 'object',
          description: 'One target.',
          keys: {
            integration: {
              kind: 'text',
              description: 'Name or path of its integration. Default: the name of the target.',
              expected: TEXT,
            },
            params: {
              kind: 'map',
              description: 'Parameters of the integration.',
              of: { kind: 'json', description: 'As the integration declares it.' },
            },
            schedule: {
              kind: 'text',
              description: 'When a daemon runs it: a cron expression of five or six fields, or @hourly, @daily …',
              expected: "a cron expression ('*/10 * * * *', @hourly)",
              pattern: '^\\s*(@[a-z]+|\\S+(\\s+\\S+){4,5})\\s*$',
            },
            ttl: { kind: 'duration', description: 'How long a converged run may answer for the next.' },
            apply: {
              kind: 'boolean',
              description: 'Whether a daemon applies. Concerns the daemon alone. Default false.',
            },
            labels: {
              kind: 'map',
              description: 'For choosing several targets at once.',
              of: { kind: 'text', description: 'The value of the label.', expected: TEXT },
            },
            after: AFTER,
            policies: POLICIES,
            limits,
            destination: {
              kind: 'text',
              description: 'Where it acts, in place of what the integration says.',
              expected: TEXT,
            },
            source: SOURCE,
          },
        },
      },
    },
  }
}

function optionShapes(): Readonly<Record<string, Shape>> {
  return Object.fromEntries(
    optionNames().flatMap((name) => {
      const { inFile, value, description } = optionSpec(name)
      return inFile === true ? [[name, shapeOfOption(value, description)] as const] : []
    }),
  )
}

function shapeOfOption(kind: ValueKind, description: string): Shape {
  switch (kind.kind) {
    case 'flag':
      return { kind: 'boolean', description }
    case 'text':
    case 'directory':
      return { kind: 'text', description, expected: TEXT }
    case 'choice':
    case 'optional-choice':
      return { kind: 'text', description, expected: oneOf(kind.choices), choices: kind.choices }
    case 'duration':
      return { kind: 'duration', description, ...(kind.maxMs === undefined ? {} : { maxMs: kind.maxMs }) }
    case 'count':
      return { kind: 'count', description, min: kind.min, max: kind.max }
    case 'amount':
      return { kind: 'amount', description }
    case 'optional-json':
    case 'digest':
    case 'pair':
    case 'report':
      throw new Error(`Internal error: a setting of kind ${kind.kind} has no form in trueup.yaml`)
  }
}

/** What a value of this shape must be, for messages. */
export function expectedOf(shape: Shape): string {
  switch (shape.kind) {
    case 'text':
      return shape.expected
    case 'count':
      return shape.min === shape.max ? `the number ${shape.min}` : `a whole number from ${shape.min} to ${shape.max}`
    case 'boolean':
      return 'true or false'
    case 'amount':
      return 'a count (12) or a percentage (10%)'
    case 'duration':
      return `a duration above zero${shape.maxMs === undefined ? '' : ` and at most ${shape.maxMs / 86_400_000}d`} (${DURATION_FORMS})`
    case 'list':
      return 'a list'
    case 'map':
    case 'object':
      return 'a mapping (key: value)'
    case 'text-or-object':
      return `${shape.text.expected}, or a mapping (key: value)`
    case 'json':
      return 'a value that JSON can hold'
  }
}
