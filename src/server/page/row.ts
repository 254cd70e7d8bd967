/**
 * The markup of a row and of its details. `data-f` names the field that an element shows, and `data-a` lists attributes
 * with their fields. The browser updates both from the fields of `browser/present.js`, which the server also uses here.
 */
import { type Fields, failureSlots, phases } from './browser/present.js'
import { sparkHeight, sparkWidth } from './browser/spark.js'
import { type Html, html } from './html.ts'

interface RowOptions {
  readonly hidden: boolean
  /** The fields of the details; undefined for a closed row. */
  readonly detail: Fields | undefined
  /** Where the row's link leads without a script. */
  readonly href: string
}

export function rowMarkup(fields: Fields, { hidden, detail, href }: RowOptions): Html {
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
export const blankDetail: Fields = Object.fromEntries(
  phases.flatMap(phase => [
    [`${phase}X`, '0'],
    [`${phase}Width`, '0'],
  ]),
)

export function detailMarkup(fields: Fields): Html {
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
