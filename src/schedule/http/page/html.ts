// Text and markup come in, markup goes out: what is put into a template is escaped, whatever it is, unless it is markup itself. There is no other way
// to make markup.
import { visible } from '../../../report/data-text.js'

class MarkupText {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  static textOf(markup: MarkupText): string {
    return markup.#text
  }
}

export type Markup = MarkupText

/** What may stand in a template; nothing stands for null, undefined and false. */
export type Content = Markup | string | number | null | undefined | false | readonly Content[]

/** Values of attributes must stand in double quotes. */
export function html(parts: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return new MarkupText(parts.map((part, at) => (at === 0 ? part : `${textOf(values[at - 1])}${part}`)).join(''))
}

export function markupText(markup: Markup): string {
  return MarkupText.textOf(markup)
}

function textOf(value: Content): string {
  if (value === null || value === undefined || value === false) return ''
  if (value instanceof MarkupText) return MarkupText.textOf(value)
  if (typeof value === 'string' || typeof value === 'number') return escaped(String(value))
  return value.map(textOf).join('')
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** What would move, colour or turn text around is shown, as on a terminal. */
function escaped(text: string): string {
  return visible(text).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}
