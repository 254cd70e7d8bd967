/** Which rows are shown, and in what order. Runs on the server and in the browser. */

/** @typedef {import('../../../views/board.ts').BoardRow} BoardRow */
/** @typedef {{ status: string, q: string }} Filter `''` shows all */

export const statuses = ['down', 'unknown', 'up']

/** @param {BoardRow} row */
function rank({ status, critical }) {
  return 2 * statuses.indexOf(status) + (critical || status === 'up' ? 0 : 1)
}

/**
 * Sorts the worst first: down, unknown, up, and critical before the others. Then what began first, because it may be the
 * cause of the rest. Rows that are up keep the order of the config.
 *
 * @param {BoardRow} a
 * @param {BoardRow} b
 */
export function worstFirst(a, b) {
  const between = rank(a) - rank(b)
  if (between !== 0 || a.status === 'up') return between
  return a.since < b.since ? -1 : a.since > b.since ? 1 : 0
}

/**
 * Whether every word occurs in the name, the kind, the target or a label.
 *
 * @param {BoardRow} row
 * @param {Filter} filter
 */
export function matches(row, { status, q }) {
  if (status !== '' && row.status !== status) return false
  if (q === '') return true
  const labels = Object.entries(row.labels).map(([name, value]) => `${name}=${value}`)
  const text = [row.name, row.kind, row.target, ...labels].join('\n').toLowerCase()
  return q
    .toLowerCase()
    .split(/\s+/)
    .every(word => text.includes(word))
}

/**
 * Counts the rows that each filter would show.
 *
 * @param {Iterable<BoardRow>} rows
 * @returns {Record<string, number>}
 */
export function countByStatus(rows) {
  /** @type {Record<string, number>} */
  const counts = { '': 0, down: 0, unknown: 0, up: 0 }
  for (const { status } of rows) {
    counts[''] = (counts[''] ?? 0) + 1
    counts[status] = (counts[status] ?? 0) + 1
  }
  return counts
}
