// Text as a program prints it comes in, text that only says something goes out: no colours, no cursor moves, no controls but line breaks and tabs.

// In order: commands up to their end (titles, links, device strings), commands with parameters (colours, cursor), other escapes, what is left over.
// No payload holds the start of another command, so that a text of mere starts is gone through once.
const commands =
  '(?:\\u001b[\\]PX^_]|[\\u0090\\u0098\\u009d-\\u009f])[^\\u0007\\u001b\\u0090\\u0098\\u009b-\\u009f]*(?:\\u0007|\\u001b\\\\|\\u009c)' +
  '|(?:\\u001b\\[|\\u009b)[0-?]*[ -/]*[@-~]' +
  '|\\u001b[ -/]*[0-~]'
const unwanted = new RegExp(`${commands}|(?![\\t\\n])\\p{Cc}`, 'gu')
const hasControl = /(?!\n)\p{Cc}/u

/** A carriage return becomes a line break: what it would have written over stays to be read. */
export function plainText(text: string): string {
  if (!hasControl.test(text)) return text
  return text.replace(/\r\n?/g, '\n').replace(unwanted, '')
}
