// The bytes of a data file come in, its text goes out, or why it is none.
import { TrueupError } from '../errors.js'

const pointerStart = 'version https://git-lfs.github.com/spec/v1'

/** @throws TrueupError `desired-invalid` for what is not UTF-8, `desired-unreadable` for a Git LFS pointer */
export function decodeText(path: string, content: Uint8Array): string {
  let text: string
  try {
    // A byte order mark belongs to the text; parsers drop it.
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content)
  } catch (cause) {
    throw new TrueupError(
      'desired-invalid',
      `${path}: this file is not UTF-8: save it as UTF-8, or leave it out of what is read`,
      {
        cause,
        details: { file: path },
      },
    )
  }
  if (text.startsWith(pointerStart) && /^\r?\n/.test(text.slice(pointerStart.length))) {
    throw new TrueupError(
      'desired-unreadable',
      `${path} is kept in Git LFS, and git itself holds only a pointer to it. Desired state is read from git's own objects, so \`git lfs pull\` does not help: keep this file in git (git lfs untrack, then commit it again)`,
      { details: { file: path } },
    )
  }
  return text
}
