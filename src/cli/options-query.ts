// Rows of the table of settings: what the commands that ask the data bundle take. Data only.
import type { OptionSpec } from './options-spec.js'
import { FLAG } from './options-spec.js'

export const QUERY_OPTIONS = {
  variables: {
    flag: 'variables',
    value: { kind: 'text', placeholder: 'json' },
    commands: ['data query'],
    group: 'What to run',
    description: 'variables of the query, as a JSON object',
    variable: false,
  },
  operation: {
    flag: 'operation',
    value: { kind: 'text', placeholder: 'name' },
    commands: ['data query'],
    group: 'What to run',
    description: 'which operation of a query with several',
    variable: false,
  },
  bundle: {
    flag: 'bundle',
    value: { kind: 'text', placeholder: 'file' },
    commands: ['data query', 'data serve'],
    group: 'What to run',
    description: 'the data of a bundle that was written before, in place of a revision',
    variable: false,
  },
  port: {
    flag: 'port',
    value: { kind: 'count', min: 0, max: 65_535 },
    commands: ['data serve'],
    group: 'What to run',
    description: 'the port to listen on; 0 for any free one',
    default: 4000,
    variable: true,
  },
  host: {
    flag: 'host',
    value: { kind: 'text', placeholder: 'address' },
    commands: ['data serve'],
    group: 'What to run',
    description: 'the address to listen on; another than a loopback address lets others read the data',
    default: '127.0.0.1',
    variable: true,
  },
  check: {
    flag: 'check',
    value: FLAG,
    commands: ['data types'],
    group: 'What to run',
    description: 'write nothing; exit 1 when a file is not as it would be written',
    variable: false,
  },
} as const satisfies Readonly<Record<string, OptionSpec>>
