/** Times and durations as people read them. Runs on the server and in the browser. */

/** @typedef {'utc' | 'local'} Zone */

/**
 * @param {number} ms
 * @returns {string} `42 s`, `4 min`, `2 h 5 min`, `3 d 4 h`
 */
export function span(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1_000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? two(hours, 'h', minutes % 60, 'min') : two(Math.floor(hours / 24), 'd', hours % 24, 'h')
}

/**
 * @param {number} more
 * @param {string} unit
 * @param {number} less
 * @param {string} smaller
 */
function two(more, unit, less, smaller) {
  return less === 0 ? `${more} ${unit}` : `${more} ${unit} ${less} ${smaller}`
}

/** @param {number} ms */
export function ago(ms) {
  return ms < 1_000 ? 'just now' : `${span(ms)} ago`
}

/** A moment to come. @param {number} ms */
export function ahead(ms) {
  if (ms < -2_000) return 'overdue'
  return ms <= 0 ? 'now' : `in ${span(Math.ceil(ms / 1_000) * 1_000)}`
}

/**
 * @param {number} ms
 * @returns {string} `0.6 ms`, `12 ms`, `1.25 s`
 */
export function duration(ms) {
  if (ms < 9.95) return `${ms.toFixed(1)} ms`
  return ms < 999.5 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(2)} s`
}

/**
 * Prints a time, with its date unless that is today.
 *
 * @param {number} time Unix milliseconds
 * @param {number} now
 * @param {Zone} zone
 */
export function clock(time, now, zone) {
  const [day, hour] = parts(time, zone)
  const text = day === parts(now, zone)[0] ? `${hour}` : `${day} ${hour}`
  return zone === 'utc' ? `${text} UTC` : text
}

/**
 * @param {number} time
 * @param {Zone} zone
 */
function parts(time, zone) {
  const shift = zone === 'utc' ? 0 : new Date(time).getTimezoneOffset() * 60_000
  return new Date(time - shift).toISOString().slice(0, 19).split('T')
}
