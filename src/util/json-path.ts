// A path inside a JSON value comes in, its text goes out, the way errors and differences name it.

/** Object keys and array indexes, outermost first. */
export type JsonPath = readonly (string | number)[]

/** `records[3].type`; a key that is no plain word is quoted: `zones["example.com"]`. Empty for the value itself. */
export function formatPath(path: JsonPath): string {
  let text = ''
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`
    else if (/^[A-Za-z_$][\w$-]*$/.test(part)) text += text === '' ? part : `.${part}`
    else text += `[${JSON.stringify(part)}]`
  }
  return text
}
