// The query of an overview comes in; which targets it shows, and links to other queries, go out. Pure.
import type { TargetRow } from './page-view.js'
import { namesOf, STATES, type StateName } from './states.js'

export interface Filter {
  /** Part of a name, in any case. */
  readonly text: string
  /** `team=web`, or a key alone; empty: all. */
  readonly label: string
  readonly state: StateName | ''
  /** From 1. */
  readonly page: number
}

/** Rows on one page. */
export const PAGE_SIZE = 100

/** What is no filter is none. */
export function filterOf(query: URLSearchParams): Filter {
  const state = STATES.find(({ name }) => name === query.get('state'))?.name ?? ''
  const page = Number(query.get('page') ?? 1)
  return {
    text: (query.get('q') ?? '').trim(),
    label: (query.get('label') ?? '').trim(),
    state,
    page: Number.isSafeInteger(page) && page > 0 ? page : 1,
  }
}

export function matches({ text, label, state }: Filter, row: TargetRow): boolean {
  if (text !== '' && !row.name.toLowerCase().includes(text.toLowerCase())) return false
  if (label !== '') {
    const [, key = '', value] = /^([^=]*)(?:=(.*))?$/s.exec(label) ?? []
    const found = Object.hasOwn(row.labels, key) ? row.labels[key] : undefined
    if (found === undefined || (value !== undefined && found !== value)) return false
  }
  return state === '' || namesOf(row).has(state)
}

/** The address of an overview. */
export function overviewPath(filter: Partial<Filter>): string {
  const query = new URLSearchParams()
  if (filter.text !== undefined && filter.text !== '') query.set('q', filter.text)
  if (filter.label !== undefined && filter.label !== '') query.set('label', filter.label)
  if (filter.state !== undefined && filter.state !== '') query.set('state', filter.state)
  if (filter.page !== undefined && filter.page > 1) query.set('page', String(filter.page))
  const text = query.toString()
  return text === '' ? '/' : `/?${text}`
}
