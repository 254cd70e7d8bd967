/** What the reader chose to see. It is kept in the page's query, so that a link shows others the same. */

import { statuses } from './order.js'

/** @typedef {{ status: string, q: string, open: Set<string> }} View */

/** @returns {View} */
export function readView() {
  const query = new URLSearchParams(location.search)
  const status = query.get('status') ?? ''
  return {
    status: statuses.includes(status) ? status : '',
    q: (query.get('q') ?? '').trim(),
    open: new Set(query.getAll('open')),
  }
}

/** @param {View} view */
export function writeView({ status, q, open }) {
  const query = new URLSearchParams()
  if (status !== '') query.set('status', status)
  if (q !== '') query.set('q', q)
  for (const name of open) query.append('open', name)
  const text = query.toString()
  history.replaceState(null, '', text === '' ? location.pathname : `?${text}`)
}

/**
 * Listens to the filter links, the search field and the rows that open, and calls back when any of them changes.
 *
 * @param {View} view
 * @param {{ changed: () => void, toggled: (name: string, open: boolean) => void }} hear
 */
export function listenToReader(view, { changed, toggled }) {
  const filters = /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll('.tools nav a'))
  const search = /** @type {HTMLInputElement} */ (document.getElementById('search'))
  search.closest('label')?.removeAttribute('hidden')
  const wanted = () => {
    writeView(view)
    changed()
  }
  for (const filter of filters)
    onPlainClick(filter, () => {
      view.status = filter.dataset.status ?? ''
      for (const each of filters)
        if (each === filter) each.setAttribute('aria-current', 'true')
        else each.removeAttribute('aria-current')
      wanted()
    })
  search.addEventListener('input', () => {
    view.q = search.value.trim()
    wanted()
  })
  document.addEventListener('keydown', event => {
    if (event.key === 'Escape' && document.activeElement === search) {
      search.value = ''
      view.q = ''
      wanted()
    }
    if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return
    if (document.activeElement instanceof HTMLInputElement) return
    event.preventDefault()
    search.focus()
  })
  const table = /** @type {HTMLElement} */ (document.getElementById('dependencies'))
  onPlainClick(table, event => {
    const link = event.target instanceof Element ? event.target.closest('.opener') : null
    const name = link?.closest('tbody')?.getAttribute('data-name')
    if (name === null || name === undefined) return false
    const open = !view.open.has(name)
    if (open) view.open.add(name)
    else view.open.delete(name)
    writeView(view)
    toggled(name, open)
    return true
  })
}

/**
 * Handles clicks that do not open a new tab or window, in place of the browser unless `act` returns false.
 *
 * @param {HTMLElement} element
 * @param {(event: MouseEvent) => boolean | void} act
 */
function onPlainClick(element, act) {
  element.addEventListener('click', event => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return
    if (act(event) !== false) event.preventDefault()
  })
}
