// Shapes of a command's data on stdout: text, JSON, a table. Knows no command.
import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { TrueupError, toError } from '../errors.js'
import { displayWidth } from '../report/data-text.js'
import type { Style } from '../report/style.js'
import type { Settings } from './options.js'

export interface Forms {
  json(): unknown
  text(): string
  /** @defaultValue the text in a code block */
  markdown?(): string
  /** Of the one command that has it. */
  matrix?(): unknown
}

/** What a command without further forms was asked for; another one was refused before it began. */
export function plainForm({ output }: Pick<Settings, 'output'>): 'text' | 'json' | 'markdown' {
  return output.value === 'github-matrix' ? 'json' : output.value
}

/** What `-o` asked for; writes the files that `--report` asked for on the way. */
export async function printed(settings: Settings, forms: Forms): Promise<string> {
  for (const { format, file } of settings.reports.value) {
    const path = resolve(settings.directory.value ?? '.', file)
    await writeFile(path, await inForm(format, forms)).catch((cause: unknown) => {
      throw new TrueupError('usage', `cannot write ${path}: ${toError(cause).message}`, { cause })
    })
  }
  return inForm(settings.output.value, forms)
}

async function inForm(form: Settings['output']['value'], forms: Forms): Promise<string> {
  switch (form) {
    case 'json': {
      const { formatJson } = await import('../report/run-json.js')
      return formatJson(forms.json() as Parameters<typeof formatJson>[0])
    }
    case 'github-matrix':
      // One line: it becomes an output of a step.
      return `${JSON.stringify(forms.matrix?.() ?? null)}\n`
    case 'markdown':
      return forms.markdown?.() ?? `\`\`\`\n${stripVTControlCharacters(forms.text())}\`\`\`\n`
    case 'text':
      return forms.text()
  }
}

/** Columns as wide as their widest cell; the last one is not padded. Cells may be coloured. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], style: Style): string {
  const plain = (text: string): string => stripVTControlCharacters(text)
  const widths = head.map((title, column) =>
    Math.max(displayWidth(title), ...rows.map((row) => displayWidth(plain(row[column] ?? '')))),
  )
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        column === cells.length - 1
          ? cell
          : cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - displayWidth(plain(cell)))),
      )
      .join('  ')
      .trimEnd()
  return `${[style.dim(line(head)), ...rows.map(line)].join('\n')}\n`
}

/** `name   value` lines, values aligned. */
export function facts(pairs: readonly (readonly [string, string])[], style: Style): string {
  const width = Math.max(0, ...pairs.map(([name]) => displayWidth(name)))
  return pairs.map(([name, value]) => `  ${style.dim(name.padEnd(width))}  ${value}`.trimEnd()).join('\n')
}
