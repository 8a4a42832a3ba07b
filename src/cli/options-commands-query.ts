// The commands that ask the data bundle, as data. Parser and help read this; it runs nothing.
import type { CommandSpec } from './options-command-spec.js'

export const QUERY_COMMANDS = {
  'data query': {
    summary: 'ask the data of a revision by GraphQL',
    arguments: [{ name: 'query', required: true }],
    whenMissing: "for example `trueup data query '{ __schema { queryType { fields { name } } } }'`, or a .graphql file",
    examples: [
      "trueup data query '{teams{name}}'",
      'trueup data query leads.graphql --variables \'{"name":"web"}\'',
      'trueup data query leads.graphql --revision origin/main -o json',
      'trueup data query leads.graphql --bundle bundle.json',
    ],
  },
  'data types': {
    summary: 'write TypeScript types and a function for each .graphql file beside the integrations',
    arguments: [],
    examples: ['trueup data types', 'trueup data types --check'],
  },
  'data serve': {
    summary: 'answer GraphQL and the other paths of a bundle server over HTTP; reads only',
    arguments: [],
    examples: [
      'trueup data serve',
      'trueup data serve --port 4001 --revision origin/main',
      'trueup data serve --bundle bundle.json',
    ],
  },
} as const satisfies Readonly<Record<string, CommandSpec>>
