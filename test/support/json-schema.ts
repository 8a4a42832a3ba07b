// A JSON Schema and a value in, what is wrong with the value out.

/** The few keywords that our schema uses. Unlike a real validator it also refuses fields that the schema does not name. */
export interface Schema {
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly minimum?: number
  readonly maximum?: number
  readonly format?: string
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: Schema
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
}

export function problems(schema: Schema, value: unknown, at = '$'): string[] {
  if (schema.anyOf !== undefined) {
    const attempts = schema.anyOf.map((option) => problems(option, value, at))
    return attempts.some((found) => found.length === 0) ? [] : (attempts[0] ?? [])
  }
  const found: string[] = []
  if (schema.const !== undefined && value !== schema.const) found.push(`${at}: not ${JSON.stringify(schema.const)}`)
  if (schema.enum !== undefined && !schema.enum.includes(value))
    found.push(`${at}: ${JSON.stringify(value)} is not in the enum`)
  const types = typeof schema.type === 'string' ? [schema.type] : (schema.type ?? [])
  const type = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value
  if (types.length > 0 && !types.includes(type) && !(types.includes('integer') && Number.isInteger(value)))
    found.push(`${at}: is ${type}`)
  if (typeof value === 'number' && (value < (schema.minimum ?? -Infinity) || value > (schema.maximum ?? Infinity)))
    found.push(`${at}: out of range`)
  if (schema.format === 'date-time' && !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(String(value)))
    found.push(`${at}: no UTC time`)
  if (Array.isArray(value)) {
    const { items } = schema
    if (items !== undefined) found.push(...value.flatMap((item, index) => problems(items, item, `${at}[${index}]`)))
  } else if (type === 'object') {
    const entries = Object.entries(value as Record<string, unknown>)
    for (const name of schema.required ?? [])
      if (!entries.some(([key]) => key === name)) found.push(`${at}.${name}: missing`)
    for (const [name, inner] of entries) {
      const innerSchema = schema.properties?.[name] ?? schema.additionalProperties
      if (innerSchema !== undefined) found.push(...problems(innerSchema, inner, `${at}.${name}`))
      else if (schema.properties !== undefined) found.push(`${at}.${name}: not in the schema`)
    }
  }
  return found
}
