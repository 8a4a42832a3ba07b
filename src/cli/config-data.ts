// What trueup.yaml says of the places of data. Data only.
import type { Shape } from './config-shape.js'
import { oneOf } from './options-kinds.js'

const TEXT = 'a text that is not empty'

export function dataShape(): Shape {
  const folder = (description: string): Extract<Shape, { kind: 'text' }> => ({
    kind: 'text',
    description,
    expected: TEXT,
  })
  const dir = folder('The folder of the data files, relative to this file. Default data.')
  return {
    kind: 'text-or-object',
    description: 'Where the data of a revision lies.',
    text: dir,
    object: {
      kind: 'object',
      description: 'Where the data of a revision lies, and how it is read.',
      keys: {
        dir,
        format: {
          kind: 'text',
          description:
            'default: YAML 1.2. qontract: as the tools of that name read it (YAML 1.1, JSON Schema draft 6).',
          expected: oneOf(['default', 'qontract']),
          choices: ['default', 'qontract'],
        },
        schemas: folder('The folder of the JSON Schemas. Default schemas, beside the folder of the data files.'),
        graphql: folder(
          'The file of the GraphQL schema. Default graphql-schemas/schema.yml, beside the folder of the data files.',
        ),
        resources: folder('The folder of plain files. Default resources, beside the folder of the data files.'),
      },
    },
  }
}
