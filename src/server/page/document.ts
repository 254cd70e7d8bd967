/**
 * The status page as HTML. It is complete without a script; the script keeps it up to date. In rows, `data-f` names the
 * field that an element shows, and `data-a` lists attributes with their fields. The browser updates both from the fields
 * of `browser/present.js`, which the server uses here, too.
 */
import type { BoardChanges, BoardRow } from '../../views/board.ts'
import { countByStatus, matches, statuses, worstFirst } from './browser/order.js'
import { type Fields, failureSlots, type Now, phases, present, presentDetail } from './browser/present.js'
import { sparkHeight, sparkWidth } from './browser/spark.js'
import { clock, span } from './browser/words.js'
import { type Html, html, render } from './html.ts'

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

/** Rows in one part of the page. */
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

interface RowOptions {
  readonly hidden: boolean
  /** The fields of the details; undefined for a closed row. */
  readonly detail: Fields | undefined
  /** Where the row's link leads without a script. */
  readonly href: string
}

function rowMarkup(fields: Fields, { hidden, detail, href }: RowOptions): Html {
  const f = (key: string) => fields[key] ?? ''
  const open = html`${detail === undefined ? 'false' : 'true'}`
  return html`<tbody role="rowgroup" data-name="${f('name')}" data-status="${f('status')}" data-a="data-name=name data-status=status"${hidden ? html` hidden` : ''}>
<tr role="row">
<td role="cell" class="status"><span data-f="status">${f('status')}</span></td>
<th scope="row" role="rowheader"><a class="opener" href="${href}" aria-expanded="${open}" data-a="href=href" data-f="name">${f('name')}</a> <span class="tag" data-f="critical">${f('critical')}</span>
<div class="sub"><span data-f="kind">${f('kind')}</span> <span data-f="target">${f('target')}</span> <span data-f="labels">${f('labels')}</span></div></th>
<td role="cell" class="since"><span data-f="since">${f('since')}</span><div class="sub" data-f="sinceAt">${f('sinceAt')}</div></td>
<td role="cell" class="why"><b data-f="reason">${f('reason')}</b> <span data-f="message">${f('message')}</span> <strong data-f="warning">${f('warning')}</strong></td>
<td role="cell" class="recent"><svg viewBox="0 0 ${sparkWidth} ${sparkHeight}" role="img"><title data-f="recent">${f('recent')}</title><path class="good" d="${f('good')}" data-a="d=good"/><path class="bad" d="${f('bad')}" data-a="d=bad"/></svg></td>
<td role="cell" class="time"><span data-f="duration">${f('duration')}</span></td>
<td role="cell" class="last"><span data-f="last">${f('last')}</span><div class="sub" data-f="next">${f('next')}</div></td>
</tr>
${detail === undefined ? '' : detailMarkup(detail)}</tbody>
`
}

const facts = [
  ['meaning', 'Meaning'],
  ['remedy', 'What to do'],
  ['lastCheck', 'Last check'],
  ['lastSuccess', 'Last success'],
  ['nextCheck', 'Next check'],
  ['certificate', 'Certificate ends'],
  ['measurements', 'Measured'],
  ['counts', 'Since the start'],
] as const

/** Fields of the template that the browser fills when a row is opened: an empty text is not a valid length. */
const blankDetail: Fields = Object.fromEntries(
  phases.flatMap(phase => [
    [`${phase}X`, '0'],
    [`${phase}Width`, '0'],
  ]),
)

function detailMarkup(fields: Fields): Html {
  const f = (key: string) => fields[key] ?? ''
  const terms = facts.map(
    ([key, term]) => html`<div><dt>${term}</dt><dd data-f="${key}">${f(key)}</dd></div>
`,
  )
  const bar = phases.map(
    phase =>
      html`<rect class="${phase}" height="8" x="${f(`${phase}X`)}" width="${f(`${phase}Width`)}" data-a="x=${phase}X width=${phase}Width"/>`,
  )
  const legend = phases.map(phase => html`<li class="${phase}" data-f="${phase}">${f(phase)}</li>`)
  const failures = Array.from({ length: failureSlots }, (_, i) => failureMarkup(f, i))
  return html`<tr role="row" class="detail"><td role="cell" colspan="7"><div class="columns">
<section><h3>Details</h3><dl>
${terms}</dl>
<h3>Phases of the last check</h3>
<svg class="phases" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">${bar}</svg>
<ul class="legend">${legend}</ul></section>
<section><h3>Last failures</h3><ol class="failures">
${failures}</ol><p class="sub" data-f="failures">${f('failures')}</p></section>
</div></td></tr>
`
}

function failureMarkup(f: (key: string) => string, i: number): Html {
  const place = (name: string) => `failure${name}${i}`
  return html`<li><span data-f="${place('At')}">${f(place('At'))}</span> <b data-f="${place('Reason')}">${f(place('Reason'))}</b> <span data-f="${place('Message')}">${f(place('Message'))}</span></li>
`
}
