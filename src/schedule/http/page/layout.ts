// The parts of a page come in, a whole HTML document as an answer goes out. Also the small forms that all pages share: times, states, who, commands.
import type { RunActor } from '../../../event.js'
import { dateTime, formatAge, formatDuration } from '../../../report/format.js'
import type { Answer } from '../answer.js'
import { SCRIPT_PATH, STYLE_PATH } from './assets.js'
import { html, markupText, type Markup } from './html.js'
import type { DaemonFacts } from './page-view.js'
import type { State } from './states.js'
import type { Viewer } from './viewer.js'

export interface PageParts {
  readonly title: string
  readonly main: Markup
  readonly viewer: Viewer
  /** Of the request: what the reload link leads to; undefined for what is not asked for by an address. */
  readonly path: string | undefined
  /** UTC ms. */
  readonly now: number
  readonly daemon?: DaemonFacts
  /** @defaultValue 200 */
  readonly status?: number
  /** Follows what happens after this event. @defaultValue it does not */
  readonly since?: string
}

const POLICY =
  "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
/** Of every page. The referrer stays within: without any, a browser sends no usable Origin with a form. */
export const PAGE_HEADERS = { 'content-security-policy': POLICY, 'referrer-policy': 'same-origin', vary: 'Cookie' }

export function page(parts: PageParts): Answer {
  const { title, main, viewer, path, now, daemon, status = 200, since } = parts
  const document = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <title>${title} · trueup</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <link rel="stylesheet" href="${STYLE_PATH}" />
        ${since !== undefined && html`<script src="${SCRIPT_PATH}" defer></script>`}
      </head>
      <body>
        <a class="skip" href="#main">To the content</a>
        <header>
          <nav aria-label="Main">
            <a class="brand" href="/">trueup</a> <a href="/">Targets</a> <a href="/api/v1/openapi.json">API</a>
            <a href="/metrics">Metrics</a>
          </nav>
          ${daemon !== undefined && html`<p class="facts">${daemonText(daemon)}</p>`} ${viewerPart(viewer, path ?? '/')}
        </header>
        <main id="main" tabindex="-1">${main}</main>
        <footer>
          <p>
            <span data-live="stamp">As of ${instant(now)}.</span>
            ${path !== undefined && html`<a href="${path}">Reload</a>`}
            <span id="live" role="status" data-since="${since}"></span>
          </p>
        </footer>
      </body>
    </html> `
  return { status, contentType: 'text/html; charset=utf-8', body: markupText(document), headers: PAGE_HEADERS }
}

function daemonText({ commit, applies, store, version }: DaemonFacts): Markup {
  const what = commit === null ? 'no commit yet' : html`commit <code>${commit.slice(0, 8)}</code>`
  return html`<span data-live="commit">${what}</span> · ${applies ? 'applies' : 'dry run: it only plans'} ·
    <span class="data">${store}</span> · ${version}`
}

function viewerPart(viewer: Viewer, path: string): Markup | undefined {
  if (viewer.kind === 'closed') return undefined
  if (viewer.kind === 'reader')
    return html`<p class="viewer"><a href="/login?next=${encodeURIComponent(path)}">Log in</a></p>`
  return html`<div class="viewer">
    <span>${viewer.name}</span>${
      viewer.hasSession &&
      html` <form method="post" action="/logout">
        <input type="hidden" name="csrf" value="${viewer.csrf}" /><button class="plain">Log out</button>
      </form>`
    }
  </div>`
}

/** `2026-11-20 09:41 UTC`. */
export function instant(at: number): Markup {
  return html`<time datetime="${new Date(at).toISOString()}">${dateTime(at, true)} UTC</time>`
}

/** `12 minutes ago`, `in 5m`. */
export function relative(at: number, now: number): Markup {
  const text =
    at > now ? `in ${formatDuration(Math.max(1000, Math.round((at - now) / 1000) * 1000))}` : formatAge(now - at)
  return html`<time datetime="${new Date(at).toISOString()}" title="${dateTime(at, true)} UTC">${text}</time>`
}

export function badge({ text, shape, tone }: Pick<State, 'text' | 'shape' | 'tone'>): Markup {
  return html`<span class="badge ${tone}"><span aria-hidden="true">${shape}</span> ${text}</span>`
}

export function targetPath(name: string): string {
  return `/targets/${encodeURIComponent(name)}`
}

export function targetLink(name: string): Markup {
  return html`<a class="data" href="${targetPath(name)}">${name}</a>`
}

export function runLink(id: string): Markup {
  return html`<a class="data" href="/runs/${encodeURIComponent(id)}">${id}</a>`
}

/** `by jane on ci-7`, the host as a link to its job. */
export function who({ actor, host, url }: Pick<RunActor, 'actor' | 'host' | 'url'>): Markup {
  const isLink = url !== null && /^https?:\/\//i.test(url)
  return html`by <span class="data">${actor ?? 'unknown'}</span> on
    ${isLink ? html`<a class="data" rel="noreferrer" href="${url}">${host}</a>` : html`<span class="data">${host}</span>`}`
}

/** To be typed. */
export function command(text: string): Markup {
  return html`<code class="command">${text}</code>`
}
