// The style sheet of the pages. Both themes keep a contrast of at least 4.5 to 1; colour never stands without a word or a shape.

export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --raised: #f5f6f8; --ink: #1b1f24; --muted: #57606a; --line: #d4d9df; --link: #0a4f9e;
  --bad: #a3122a; --warn: #7a4b00; --busy: #0a4f9e; --good: #17602b; --quiet: #57606a;
  --bad-paper: #fdf1f2; --warn-paper: #fdf6e7;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #101418; --raised: #181d23; --ink: #e4e8ec; --muted: #9ba5b0; --line: #343c45; --link: #86b9f5;
    --bad: #ff9b94; --warn: #e6b95c; --busy: #86b9f5; --good: #7fd192; --quiet: #9ba5b0;
    --bad-paper: #2a1719; --warn-paper: #292112;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 0 1.25rem 2rem; max-width: 90rem; background: var(--paper); color: var(--ink);
  font: 0.9rem/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; font-variant-numeric: tabular-nums;
}
a { color: var(--link); text-underline-offset: 0.15em; text-decoration-thickness: 1px; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 2px; }
main:focus { outline: none; }
.skip { position: absolute; left: -999rem; }
.skip:focus { left: 1rem; top: 0.5rem; z-index: 1; background: var(--paper); padding: 0.3rem 0.6rem; }
header {
  display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; align-items: baseline; padding: 0.7rem 0; border-bottom: 1px solid var(--line);
}
header nav { display: flex; gap: 1rem; }
header p, header form, header div { margin: 0; }
.viewer { margin-left: auto; display: flex; gap: 0.75rem; align-items: baseline; }
.brand { font-weight: 650; color: var(--ink); text-decoration: none; }
footer { margin-top: 2rem; padding-top: 0.6rem; border-top: 1px solid var(--line); }
.facts, footer, .muted, .sub { color: var(--muted); }
.sub { font-size: 0.8rem; }
h1 { font-size: 1.3rem; line-height: 1.25; margin: 1.1rem 0 0.4rem; overflow-wrap: anywhere; }
h2 { font-size: 1.02rem; margin: 1.5rem 0 0.5rem; }
h3 { font-size: 0.9rem; margin: 0.8rem 0 0.2rem; }
p { margin: 0.35rem 0; max-width: 80rem; }
ul.plain { list-style: none; margin: 0; padding: 0; }
.data, .sentence, td, dd, li { overflow-wrap: anywhere; }
code, .mono, .log, .command { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 0.8rem; }
.command {
  display: block; margin: 0.3rem 0; padding: 0.4rem 0.6rem; background: var(--raised); border: 1px solid var(--line); border-radius: 4px;
  white-space: pre-wrap; overflow-wrap: anywhere; user-select: all;
}
.badge { display: inline-block; white-space: nowrap; font-size: 0.8rem; font-weight: 550; margin-right: 0.6rem; }
.badge.bad, .tone-bad { color: var(--bad); } .badge.warn, .tone-warn { color: var(--warn); }
.badge.busy, .tone-busy { color: var(--busy); } .badge.good { color: var(--good); } .badge.quiet { color: var(--quiet); font-weight: 400; }
.open { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 0.6rem; }
.card { border: 1px solid var(--line); border-left-width: 3px; border-radius: 4px; padding: 0.5rem 0.75rem; min-width: 0; }
.card + .card, .card + .table { margin-top: 0.6rem; } .open .card + .card { margin-top: 0; }
.card.bad { border-left-color: var(--bad); background: var(--bad-paper); } .card.warn { border-left-color: var(--warn); background: var(--warn-paper); }
.card h2, .card h3 { font-size: 0.9rem; margin: 0 0 0.3rem; } .card li { margin: 0.3rem 0; } .card .muted, .card .sub { color: var(--ink); }
.clip { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden; }
.counts a { text-decoration: none; } .counts a:hover { text-decoration: underline; } .counts .badge { margin: 0; }
.counts { display: flex; flex-wrap: wrap; gap: 0.2rem 1.1rem; margin: 0.4rem 0; padding: 0; list-style: none; }
form.filter, form.act { display: flex; flex-wrap: wrap; gap: 0.5rem 0.75rem; align-items: end; margin: 0.6rem 0; }
label { display: grid; gap: 0.1rem; font-size: 0.8rem; color: var(--muted); }
label.wide { flex: 1 1 16rem; }
input, select, button {
  font: inherit; color: var(--ink); background: var(--paper); border: 1px solid var(--muted); border-radius: 4px; padding: 0.28rem 0.55rem; min-width: 0;
}
button { cursor: pointer; background: var(--raised); }
button:hover { border-color: var(--ink); }
button.plain { border: none; background: none; padding: 0; color: var(--link); text-decoration: underline; }
.notice { border: 1px solid var(--line); border-left: 3px solid var(--warn); border-radius: 4px; padding: 0.4rem 0.75rem; background: var(--raised); }
.table { width: 100%; border-collapse: collapse; }
.table th { text-align: left; font-size: 0.8rem; font-weight: 550; color: var(--muted); }
.table th, .table td { padding: 0.32rem 0.75rem 0.32rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
.table th[scope="row"] { color: var(--ink); font-size: inherit; font-weight: 400; overflow-wrap: anywhere; }
.table th[scope="row"] > a, .table th[scope="row"] > code { font-weight: 600; }
.table td:last-child { min-width: 6.5rem; }
.table tbody tr:hover { background: var(--raised); }
.label { color: var(--muted); font-size: 0.8rem; margin-right: 0.5rem; }
.sign { display: inline-block; width: 1.1em; font-weight: 650; }
dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: 0.15rem 1rem; margin: 0.4rem 0; color: var(--ink); }
dl.facts dt { color: var(--muted); } dl.facts dd { margin: 0; min-width: 0; }
ol.log { list-style: none; margin: 0.3rem 0; padding: 0.4rem 0; border: 1px solid var(--line); border-radius: 4px; background: var(--raised); }
ol.log li { padding: 0 0.6rem 0 1.6rem; text-indent: -1rem; }
ol.log .warn { color: var(--warn); } ol.log .error { color: var(--bad); } ol.log .debug { color: var(--muted); }
.pages { display: flex; gap: 1rem; margin: 0.7rem 0; align-items: baseline; }
details > summary { cursor: pointer; color: var(--link); }
@media (min-width: 46rem) { .table th:first-child { width: 26%; } }
@media (max-width: 46rem) {
  body { padding: 0 0.8rem 2rem; }
  .viewer { margin-left: 0; }
  .table, .table tbody { display: block; }
  .table thead { position: absolute; left: -999rem; }
  .table tr { display: block; padding: 0.45rem 0; border-bottom: 1px solid var(--line); }
  .table th[scope="row"], .table td { display: block; border: none; padding: 0.05rem 0; }
  .table td[data-name]::before { content: attr(data-name) " "; color: var(--muted); font-size: 0.8rem; }
  .table td:empty { display: none; }
  dl.facts { grid-template-columns: 1fr; gap: 0; } dl.facts dd { margin-bottom: 0.3rem; }
}
@media (prefers-reduced-motion: no-preference) { .changed { transition: background-color 0.4s; } }
`
