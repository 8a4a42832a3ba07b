// The shape of `notifications:`, whom a daemon tells when the state of a target changes. Data only.
import { NOTICE_KINDS } from '../notify/notice.js'
import type { Shape } from './config-shape.js'
import { SECRET_ADDRESS, TEXT } from './config-source.js'
import { oneOf } from './options-kinds.js'

/** An address may be a secret: whoever knows it may post there. */
function address(description: string): Shape {
  return {
    kind: 'text-or-object',
    description,
    text: {
      kind: 'text',
      description: 'The address.',
      expected: 'an http or https URL without a user name or password (https://hooks.example.com/x)',
      pattern: '^https?://[^\\s@/]+(/[^\\s]*)?$',
    },
    object: {
      kind: 'object',
      description: 'Where the address is kept.',
      required: ['secret'],
      keys: SECRET_ADDRESS,
    },
  }
}

/** `notifications:` at the top of the file. */
export const NOTIFICATIONS: Shape = {
  kind: 'object',
  description: 'Whom a daemon tells when the state of a target changes.',
  required: ['to'],
  keys: {
    overdueAfter: {
      kind: 'duration',
      description: 'A target that it applies is overdue when its last success began longer ago. Default: none is.',
    },
    to: {
      kind: 'map',
      description: 'Receivers by name.',
      keys: {
        pattern: '^[a-z][a-z0-9-]*$',
        expected: 'lower-case letters, digits and dashes, beginning with a letter',
      },
      of: {
        kind: 'object',
        description: 'One receiver.',
        exactlyOne: ['webhook', 'slack', 'command'],
        keys: {
          webhook: address('It takes a POST of JSON.'),
          slack: address('An incoming webhook of Slack, or of a chat that takes the same.'),
          command: {
            kind: 'list',
            description: 'Program and arguments, without a shell; the JSON is on stdin.',
            of: { kind: 'text', description: 'A word.', expected: TEXT },
          },
          on: {
            kind: 'list',
            description: 'Of what it is told. Default: all but failed.',
            of: {
              kind: 'text',
              description: 'A change of state.',
              expected: oneOf(NOTICE_KINDS),
              choices: NOTICE_KINDS,
            },
          },
          labels: {
            kind: 'map',
            description: 'Only of targets that have all of these labels.',
            of: { kind: 'text', description: 'The value of the label.', expected: TEXT },
          },
        },
      },
    },
  },
}
