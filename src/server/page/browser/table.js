/** The rows of the page: read from the server's markup, then updated in place. */
import { worstFirst } from './order.js'
import { present, presentDetail } from './present.js'

/** @typedef {import('../../../views/board.ts').BoardRow} BoardRow */
/** @typedef {import('./present.js').Fields} Fields */
/** @typedef {{ node: Element, attribute: string, key: string, value: string }} Place `''` is the text */
/**
 * @typedef {object} Line
 * @property {BoardRow | undefined} row
 * @property {number} index in the config
 * @property {HTMLElement} element
 * @property {HTMLAnchorElement} link
 * @property {Place[]} places
 * @property {Place[]} detail places of the details; none while the row is closed
 * @property {boolean} seen in view, or nearly
 */

/** @param {HTMLTableElement} table */
export function createTable(table) {
  /** @type {Map<string, Line>} */
  const lines = new Map()
  const inView = new IntersectionObserver(
    entries => {
      for (const { target, isIntersecting } of entries) {
        const line = lines.get(nameOf(target))
        if (line === undefined) continue
        line.seen = isIntersecting
        if (isIntersecting) fill(line)
      }
    },
    { rootMargin: '400px' },
  )
  let at = Date.now()

  /** @param {HTMLElement} element */
  function take(element) {
    const link = /** @type {HTMLAnchorElement} */ (element.querySelector('.opener'))
    const [main, opened] = element.querySelectorAll('tr')
    const line = {
      row: undefined,
      index: lines.size,
      element,
      link,
      places: [...placesOf(element, false), ...(main ? placesOf(main, true) : [])],
      detail: opened === undefined ? [] : placesOf(opened, true),
      seen: false,
    }
    lines.set(nameOf(element), line)
    inView.observe(element)
    return line
  }

  /** @param {Line} line */
  function fill({ row, places, detail }) {
    if (row === undefined) return
    const now = /** @type {const} */ ({ at, zone: 'local' })
    put(places, present(row, now))
    if (detail.length > 0) put(detail, presentDetail(row, now))
  }

  for (const element of table.tBodies) take(element)

  return {
    lines,
    /**
     * Takes in newer rows.
     *
     * @param {readonly BoardRow[]} rows
     * @param {number} time
     */
    update(rows, time) {
      at = time
      for (const row of rows) {
        const known = lines.get(row.name)
        const line = known ?? take(blank('row', 'tbody'))
        if (known === undefined) {
          lines.delete('')
          lines.set(row.name, line)
        }
        line.row = row
        fill(line)
      }
    },
    /** @param {readonly string[]} names all there are, in the order of the configuration */
    keep(names) {
      const order = new Map(names.map((name, index) => [name, index]))
      for (const [name, line] of lines) {
        const index = order.get(name)
        if (index !== undefined) line.index = index
        else {
          inView.unobserve(line.element)
          line.element.remove()
          lines.delete(name)
        }
      }
    },
    /**
     * Shows what the filter lets through, worst first. Only rows that are out of place move.
     *
     * @param {(row: BoardRow) => boolean} isShown
     */
    arrange(isShown) {
      const known = [...lines.values()].filter(({ row }) => row !== undefined)
      const sorted = known.sort(
        (a, b) =>
          worstFirst(/** @type {BoardRow} */ (a.row), /** @type {BoardRow} */ (b.row)) || a.index - b.index,
      )
      const focused = document.activeElement
      let shown = 0
      let next = table.tBodies[0] ?? null
      for (const { row, element } of sorted) {
        const hidden = !isShown(/** @type {BoardRow} */ (row))
        if (element.hidden !== hidden) element.hidden = hidden
        if (!hidden) shown++
        if (element === next) next = following(next)
        else table.insertBefore(element, next)
      }
      if (focused instanceof HTMLElement && focused !== document.activeElement)
        focused.focus({ preventScroll: true })
      return shown
    },
    /**
     * Lets the ages grow, where somebody looks.
     *
     * @param {number} time
     */
    tick(time) {
      at = time
      for (const line of lines.values()) if (line.seen && !line.element.hidden) fill(line)
    },
    /**
     * @param {string} name
     * @param {boolean} open
     */
    open(name, open) {
      const line = lines.get(name)
      if (line === undefined || line.detail.length > 0 === open) return
      line.link.setAttribute('aria-expanded', String(open))
      if (open) {
        const detail = blank('detail', 'tr')
        line.detail = placesOf(detail, true)
        line.element.append(detail)
        fill(line)
      } else {
        line.element.lastElementChild?.remove()
        line.detail = []
      }
    },
  }
}

/** @param {Element} element */
export function nameOf(element) {
  return element.getAttribute('data-name') ?? ''
}

/** @param {Element} element */
function following(element) {
  return /** @type {HTMLTableSectionElement | null} */ (element.nextElementSibling)
}

/**
 * @param {string} id of a template
 * @param {string} selector
 */
function blank(id, selector) {
  const template = /** @type {HTMLTemplateElement} */ (document.getElementById(id))
  const element = /** @type {HTMLElement} */ (template.content.querySelector(selector))
  return /** @type {HTMLElement} */ (document.importNode(element, true))
}

/**
 * @param {Element} root
 * @param {boolean} inside of it, or on itself alone
 * @returns {Place[]}
 */
function placesOf(root, inside) {
  const nodes = inside ? [...root.querySelectorAll('[data-f], [data-a]')] : [root]
  return nodes.flatMap(node => {
    const key = node.getAttribute('data-f')
    const attributes = (node.getAttribute('data-a') ?? '').split(' ').filter(Boolean)
    const places = attributes.map(pair => {
      const [attribute = '', key = ''] = pair.split('=')
      return { node, attribute, key, value: node.getAttribute(attribute) ?? '' }
    })
    if (key !== null) places.push({ node, attribute: '', key, value: node.textContent ?? '' })
    return places
  })
}

/**
 * Writes only what has changed.
 *
 * @param {Place[]} places
 * @param {Fields} fields
 */
function put(places, fields) {
  for (const place of places) {
    const value = fields[place.key] ?? ''
    if (place.value === value) continue
    place.value = value
    if (place.attribute === '') place.node.textContent = value
    else place.node.setAttribute(place.attribute, value)
  }
}
