// What lies at a path: one question each, answered with no where nothing lies or nothing can be seen.
import { stat } from 'node:fs/promises'

export async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() === true
}

export async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true
}
