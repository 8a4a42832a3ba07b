// The shape of `approvals:`, reviewed consents to deletes. Data only.
import type { Shape } from './config-shape.js'

const TEXT = 'a text that is not empty'

/** A day or an instant, ISO 8601 in UTC. */
const UNTIL_PATTERN = '^\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])(T([01]\\d|2[0-3]):[0-5]\\d(:[0-5]\\d)?Z)?$'

/** `approvals:` at the top of the file. */
export const APPROVALS: Shape = {
  kind: 'list',
  description: 'Reviewed consents to deletes, for a time: what they name does not count against the delete limits.',
  of: {
    kind: 'object',
    description: 'One approval: of the deletes of some objects, or of all deletes of one plan.',
    required: ['target', 'until', 'reason', 'by'],
    exactlyOne: ['keys', 'plan'],
    keys: {
      target: { kind: 'text', description: 'The target whose deletes are approved.', expected: TEXT },
      keys: {
        kind: 'list',
        description: 'Keys of the objects that may be deleted.',
        of: { kind: 'text', description: 'A key, as a plan shows it.', expected: TEXT },
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
      reason: { kind: 'text', description: 'Why.', expected: TEXT },
      by: { kind: 'text', description: 'Who answers for it.', expected: TEXT },
    },
  },
}
