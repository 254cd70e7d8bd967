/** The status page as HTML. It is complete without a script; the script keeps it up to date. */
import type { BoardChanges, BoardRow } from '../../views/board.ts'
import { countByStatus, matches, statuses, worstFirst } from './browser/order.js'
import { type Now, present, presentDetail } from './browser/present.js'
import { clock, span } from './browser/words.js'
import { type Html, html, render } from './html.ts'
import { blankDetail, detailMarkup, rowMarkup } from './row.ts'

type Overview = Omit<BoardChanges, 'cursor' | 'more' | 'rows' | 'names'>

/** The part of the page's query that chooses what is shown: `?status=down&q=redis&open=cache`. */
export interface View {
  readonly status: string
  readonly q: string
  readonly open: ReadonlySet<string>
}

export interface PageContent {
  readonly overview: Overview
  /** In the order of the config. */
  readonly rows: readonly BoardRow[]
  readonly view: View
  /** Paths of the other routes, without the prefix under which they are registered. */
  readonly links: readonly (readonly [path: string, text: string])[]
}

/** Rows in one piece. */
const batch = 100

/** Generates the page in pieces, so that the caller can yield to the event loop between them. */
export function* pageMarkup({ overview, rows, view, links }: PageContent): Generator<string> {
  const now: Now = { at: Date.parse(overview.at), zone: 'utc' }
  yield render(head(overview, now, view, countByStatus(rows)))
  const sorted = rows.toSorted(worstFirst)
  for (let i = 0; i < sorted.length; i += batch)
    yield sorted
      .slice(i, i + batch)
      .map(row => render(renderRow(row, now, view)))
      .join('')
  yield render(
    foot(
      links,
      rows.some(row => matches(row, view)),
    ),
  )
}

function renderRow(row: BoardRow, now: Now, view: View): Html {
  const isOpen = view.open.has(row.name)
  return rowMarkup(present(row, now), {
    hidden: !matches(row, view),
    detail: isOpen ? presentDetail(row, now) : undefined,
    href: isOpen ? query(view, {}) : query(view, { open: row.name }),
  })
}

/** Returns the query of a link, with at most one dependency opened. */
function query({ status, q }: Partial<View>, more: Readonly<Record<string, string>>): string {
  const all = Object.entries({ status, q, ...more }).filter(
    ([, value]) => value !== undefined && value !== '',
  )
  return `?${new URLSearchParams(all as [string, string][])}`
}

function head(overview: Overview, now: Now, view: View, counts: Readonly<Record<string, number>>): Html {
  const { status, summary, since } = overview
  const word = status === 'ok' ? 'OK' : status === 'degraded' ? 'Degraded' : 'Unavailable'
  const began = since === null ? now.at : Date.parse(since)
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${word}: ${summary} · Pulsecheck</title>
<link rel="icon" href="./-/page/${status}.svg">
<link rel="stylesheet" href="./-/page/page.css">
<script type="module" src="./-/page/main.js"></script>
<noscript><meta http-equiv="refresh" content="10"></noscript>
</head>
<body>
<a class="skip" href="#dependencies">Skip to the dependencies</a>
<header data-status="${status}">
<p class="brand"><b>Pulsecheck</b> <span id="host"></span></p>
<h1 id="summary" aria-live="polite"><span class="word">${word}</span>: ${summary}</h1>
<p class="when"><span id="since">${since === null ? '' : html`since ${clock(began, now.at, 'utc')} (${span(now.at - began)})`}</span>
<span id="answer">as of ${clock(now.at, now.at, 'utc')}</span> <span id="live"></span></p>
</header>
<main>
<div class="tools">
<nav aria-label="Filter by status">
${['', ...statuses].map(
  name =>
    html`<a href="${query({ q: view.q }, { status: name })}" data-status="${name}"${name === view.status ? html` aria-current="true"` : ''}>${name === '' ? 'all' : name} <b>${counts[name] ?? 0}</b></a>
`,
)}</nav>
<label class="search" hidden><span>Search</span> <input type="search" id="search" value="${view.q}" maxlength="200" placeholder="name, kind, target, label" autocomplete="off" spellcheck="false" aria-keyshortcuts="/"> <kbd aria-hidden="true">/</kbd></label>
</div>
<table role="table" id="dependencies" tabindex="-1">
<caption>Dependencies, worst first</caption>
<thead role="rowgroup"><tr role="row"><th scope="col" role="columnheader">Status</th><th scope="col" role="columnheader">Dependency</th><th scope="col" role="columnheader" class="since">Since</th><th scope="col" role="columnheader" class="why">What is wrong</th><th scope="col" role="columnheader" class="recent">Recent checks</th><th scope="col" role="columnheader" class="time">Took</th><th scope="col" role="columnheader" class="last">Checked</th></tr></thead>
`
}

function foot(links: PageContent['links'], hasRows: boolean): Html {
  const blank = rowMarkup({}, { hidden: false, detail: undefined, href: '' })
  return html`</table>
<p id="none"${hasRows ? html` hidden` : ''}>No dependency matches.</p>
<template id="row"><table>${blank}</table></template>
<template id="detail"><table><tbody>${detailMarkup(blankDetail)}</tbody></table></template>
</main>
<footer><nav class="links" aria-label="Other views">
${links.map(([path, text]) => html`<a href=".${path}">${text}</a>\n`)}</nav></footer>
</body>
</html>
`
}
