/** Markup that is escaped by construction: only this file turns text into markup. */

const made = Symbol('made by html')

export interface Html {
  readonly [made]: string
}

type Value = string | number | Html | readonly Html[]

/** A template tag that escapes its values, for elements and quoted attributes alike. Markup that it made stays as it is. */
export function html(strings: TemplateStringsArray, ...values: readonly Value[]): Html {
  let text = strings[0] ?? ''
  for (const [i, value] of values.entries()) text += markup(value) + strings[i + 1]
  return { [made]: text }
}

export function render(fragment: Html): string {
  return fragment[made]
}

function markup(value: Value): string {
  if (typeof value === 'string') return escapeHtml(value)
  if (typeof value === 'number') return String(value)
  return made in value ? value[made] : value.map(render).join('')
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Also shows NUL and other control characters, which HTML does not allow, as the replacement character. */
function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, sign => entities[sign] ?? '').replace(/[\p{Cc}--[\t\n\r]]/gv, '\u{fffd}')
}
