// Headings and cells come in, a table goes out that a narrow screen shows as cards. Its roles are spelled out: with display: block a browser forgets them.
import { html, type Content, type Markup } from './html.js'

export interface TableParts {
  /** What the table is, for those who hear it. */
  readonly caption: string
  readonly columns: readonly string[]
  /** The first cell of each is its heading. */
  readonly rows: readonly (readonly Content[])[]
}

export function table({ caption, columns, rows }: TableParts): Markup {
  return html`<table class="table" role="table" aria-label="${caption}">
    <thead role="rowgroup">
      <tr role="row">
        ${columns.map((name) => html`<th scope="col" role="columnheader">${name}</th>`)}
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${rows.map(
        ([head, ...cells]) =>
          html`<tr role="row">
            <th scope="row" role="rowheader">${head}</th>
            ${cells.map((cell, at) => html`<td role="cell" data-name="${columns[at + 1] ?? ''}">${cell}</td>`)}
          </tr> `,
      )}
    </tbody>
  </table> `
}
