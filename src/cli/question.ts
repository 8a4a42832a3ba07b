// Asks a person one question on the terminal. The answer is a line; an end of input is an empty one.
import { createInterface } from 'node:readline/promises'

export async function question(text: string): Promise<string> {
  const reader = createInterface({ input: process.stdin, output: process.stderr })
  const closed = new Promise<string>((resolve) => {
    reader.once('close', () => {
      resolve('')
    })
  })
  try {
    return await Promise.race([reader.question(text), closed])
  } finally {
    reader.close()
  }
}
