// The shape of a target's `source`: the repository, or a GraphQL endpoint. Data only.
import type { Shape } from './config-shape.js'

export const TEXT = 'a text that is not empty'

/** Keys that say where a secret is. */
export const SECRET_ADDRESS: Readonly<Record<string, Shape>> = {
  secret: { kind: 'text', description: 'Path of the secret.', expected: TEXT },
  field: { kind: 'text', description: 'Its field. Default: the whole text.', expected: TEXT },
}

export const SOURCE: Shape = {
  kind: 'text-or-object',
  description: 'Where desired state is read from: git (the default), or what ctx.source.query asks instead.',
  text: { kind: 'text', description: 'The files of the revision.', expected: 'git', choices: ['git'] },
  object: {
    kind: 'object',
    description: 'An endpoint.',
    required: ['graphql'],
    keys: {
      graphql: {
        kind: 'object',
        description: 'A GraphQL endpoint.',
        required: ['url'],
        keys: {
          url: {
            kind: 'text',
            description: 'Its address. With pin: bundle, that of a server that also has /sha256 and /graphqlsha/<id>.',
            expected: 'an http or https URL without a user name or password (https://data.example.com/graphql)',
            pattern: '^https?://[^\\s@/]+(/[^\\s]*)?$',
          },
          pin: {
            kind: 'text',
            description:
              'bundle: one run reads one bundle of the server. none: it cannot be pinned; answers are compared at the end instead. Default bundle.',
            expected: 'bundle or none',
            choices: ['bundle', 'none'],
          },
          auth: {
            kind: 'object',
            description: 'What the authorization header is made of.',
            required: ['secret'],
            keys: {
              ...SECRET_ADDRESS,
              scheme: {
                kind: 'text',
                description: 'What stands before the value; none sends the value alone. Default Bearer.',
                expected: 'a word (Bearer, Basic, none)',
                pattern: '^[A-Za-z][A-Za-z0-9-]*$',
              },
            },
          },
          timeout: { kind: 'duration', description: 'How long one attempt may take. Default 30s.', maxMs: 3_600_000 },
          attempts: {
            kind: 'count',
            description: 'How often a request is sent before its failure counts. Default 5.',
            min: 1,
            max: 20,
          },
        },
      },
    },
  },
}
