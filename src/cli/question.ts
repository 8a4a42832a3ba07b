// Asks a person one question on the terminal. The answer is a line; an end of input is an empty one.
import { createInterface } from 'node:readline'
import type { Output } from './output.js'

export async function question(output: Output, text: string): Promise<string> {
  // The terminal itself echoes and edits; what readline would write to stderr is taken for an author's.
  const reader = createInterface({ input: process.stdin, terminal: false })
  output.err(text)
  try {
    return await new Promise<string>((resolve) => {
      reader.once('line', resolve)
      reader.once('close', () => {
        resolve('')
      })
    })
  } finally {
    reader.close()
  }
}
