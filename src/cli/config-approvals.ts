// Reviewed consents to deletes: the key `approvals` of trueup.yaml, its shape.
import type { Shape } from './config-shape.js'

/** A day or an instant, ISO 8601 in UTC. */
const UNTIL_PATTERN = '^\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])(T([01]\\d|2[0-3]):[0-5]\\d(:[0-5]\\d)?Z)?$'

export const APPROVALS: Shape = {
  kind: 'list',
  description: 'Reviewed consents to deletes, for a time: what they name does not count against the delete limits.',
  of: {
    kind: 'object',
    description: 'One approval: of the deletes of some objects, or of all deletes of one plan.',
    required: ['target', 'until', 'reason', 'by'],
    exactlyOne: ['keys', 'plan'],
    keys: {
      target: {
        kind: 'text',
        description: 'The target whose deletes are approved.',
        expected: 'a text that is not empty',
      },
      keys: {
        kind: 'list',
        description: 'Keys of the objects that may be deleted.',
        of: { kind: 'text', description: 'A key, as a plan shows it.', expected: 'a text that is not empty' },
      },
      plan: {
        kind: 'text',
        description: 'Digest of the plan whose deletes are approved (plan.digest of -o json).',
        expected: 'the 64 hex digits of a plan digest',
        pattern: '^[0-9a-f]{64}$',
      },
      until: {
        kind: 'text',
        description: 'The last day (to its end, UTC), or an instant.',
        expected: 'a day (2026-12-31) or an instant in UTC (2026-12-31T18:00Z)',
        pattern: UNTIL_PATTERN,
      },
      reason: { kind: 'text', description: 'Why.', expected: 'a text that is not empty' },
      by: { kind: 'text', description: 'Who answers for it.', expected: 'a text that is not empty' },
    },
  },
}
