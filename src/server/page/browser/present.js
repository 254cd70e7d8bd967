/**
 * What the page shows of a dependency: texts and pictures, by field. The server renders the fields into the markup, and
 * the browser updates them in place.
 */
import { phaseBar, sparkline, sparkWords } from './spark.js'
import { ago, ahead, clock, duration, span } from './words.js'

/** @typedef {import('../../../views/board.ts').BoardRow} BoardRow */
/** @typedef {import('./words.js').Zone} Zone */
/** @typedef {Readonly<Record<string, string>>} Fields */
/** @typedef {{ at: number, zone: Zone }} Now */

/** In the order in which a check passes them. */
export const phases = ['dns', 'connect', 'tls', 'auth', 'request', 'transfer']
/** Places for past failures. */
export const failureSlots = 10
/** From when on a certificate expires soon. Renewal at two thirds of 90 days has failed by then. */
export const certificateSoonMs = 14 * 86_400_000

const certificate = 'tls_not_after_timestamp_seconds'

/**
 * @param {BoardRow} row
 * @param {Now} now
 * @returns {Fields}
 */
export function present(row, now) {
  const { at, zone } = now
  const { lastCheck, nextCheckAt } = row
  const { good, bad } = sparkline(row.recent)
  return {
    name: row.name,
    status: row.status,
    critical: row.critical ? 'critical' : '',
    kind: row.kind,
    target: row.target,
    labels: pairs(row.labels, '='),
    href: `?open=${encodeURIComponent(row.name)}`,
    since: span(at - Date.parse(row.since)),
    sinceAt: clock(Date.parse(row.since), at, zone),
    ...why(row, now),
    warning: certificateWarning(row, at),
    good,
    bad,
    recent: sparkWords(row.recent, row.recentSince === null ? undefined : at - Date.parse(row.recentSince)),
    duration: lastCheck === null ? '' : duration(1_000 * lastCheck.durationSeconds),
    last: lastCheck === null ? '' : ago(at - Date.parse(lastCheck.at)),
    next: nextCheckAt === null ? '' : `next ${ahead(Date.parse(nextCheckAt) - at)}`,
  }
}

/**
 * Says what is wrong, as a code and in words.
 *
 * @param {BoardRow} row
 * @param {Now} now
 */
function why({ status, stale, lastCheck, lastFailure }, { at, zone }) {
  if (lastCheck === null) return { reason: '', message: 'not checked yet' }
  if (stale) {
    const checked = Date.parse(lastCheck.at)
    const message = `stale: no result for ${span(at - checked)}, since ${clock(checked, at, zone)}`
    return { reason: '', message }
  }
  if (lastCheck.ok && status === 'up') return { reason: '', message: '' }
  if (lastCheck.ok) return { reason: '', message: `the last check succeeded; one alone does not settle it` }
  const { reason, detail, message } = lastFailure ?? { reason: '', detail: '', message: '' }
  const doubt = status === 'up' ? 'failed just now, not settled yet: ' : ''
  return { reason: reasonWords(reason, detail), message: doubt + message }
}

/**
 * @param {string} reason
 * @param {string} detail
 */
function reasonWords(reason, detail) {
  return detail === '' || detail === reason ? reason : `${reason} ${detail}`
}

/**
 * @param {BoardRow} row
 * @param {number} at
 */
function certificateWarning({ lastCheck }, at) {
  const seconds = lastCheck?.measurements[certificate]
  if (seconds === undefined) return ''
  const left = 1_000 * seconds - at
  if (left <= 0) return `certificate expired ${span(-left)} ago`
  return left < certificateSoonMs ? `certificate expires in ${span(left)}` : ''
}

/**
 * The fields of the details, which an opened row shows.
 *
 * @param {BoardRow} row
 * @param {Now} now
 * @returns {Fields}
 */
export function presentDetail(row, now) {
  const { at, zone } = now
  const { lastCheck, lastSuccessAt, nextCheckAt } = row
  /** @param {string} iso */
  const past = iso => `${clock(Date.parse(iso), at, zone)}, ${ago(at - Date.parse(iso))}`
  const next = nextCheckAt === null ? undefined : Date.parse(nextCheckAt)
  const { [certificate]: expiry, ...measurements } = lastCheck?.measurements ?? {}
  return {
    ...advice(row),
    lastCheck: lastCheck === null ? '' : `${past(lastCheck.at)}: ${lastCheck.ok ? 'succeeded' : 'failed'}`,
    lastSuccess: lastSuccessAt === null ? 'never' : past(lastSuccessAt),
    nextCheck: next === undefined ? '' : `${clock(next, at, zone)}, ${ahead(next - at)}`,
    certificate: expiry === undefined ? '' : expiryWords(1_000 * expiry, now),
    measurements: pairs(measurements, ' '),
    counts: counts(row),
    ...phaseFields(lastCheck?.phasesSeconds ?? {}),
    ...failureFields(row, now),
  }
}

/**
 * Says what a failure means and what to do about it, as long as it lasts, without the backquotes of the documents.
 *
 * @param {BoardRow} row
 */
function advice({ stale, lastCheck, lastFailure }) {
  const isFailing = lastCheck !== null && !lastCheck.ok && !stale
  /** @param {string | null | undefined} text */
  const plain = text => (isFailing ? (text ?? '').replaceAll('`', '') : '')
  return { meaning: plain(lastFailure?.meaning), remedy: plain(lastFailure?.remedy) }
}

/** @param {BoardRow} row */
function counts({ checks, failures, skipped, transitions }) {
  const turns = transitions === 1 ? '1 change' : `${transitions} changes`
  return `${checks} checks, ${failures} failed, ${skipped} skipped; ${turns} between up and down`
}

/**
 * @param {number} time
 * @param {Now} now
 */
function expiryWords(time, { at, zone }) {
  const left = time - at
  return `${clock(time, at, zone)}, ${left > 0 ? ahead(left) : `expired ${ago(-left)}`}`
}

/**
 * @param {Readonly<Record<string, number>>} seconds
 * @returns {Record<string, string>}
 */
function phaseFields(seconds) {
  const fields = phaseBar(seconds, phases).flatMap(({ phase, x, width, seconds }) => [
    [`${phase}X`, x.toFixed(1)],
    [`${phase}Width`, width.toFixed(1)],
    [phase, seconds === undefined ? '' : `${phase} ${duration(1_000 * seconds)}`],
  ])
  return Object.fromEntries(fields)
}

/**
 * @param {BoardRow} row
 * @param {Now} now
 * @returns {Record<string, string>}
 */
function failureFields({ recentFailures }, { at, zone }) {
  const fields = Array.from({ length: failureSlots }, (_, i) => {
    const failure = recentFailures[i]
    return [
      [`failureAt${i}`, failure === undefined ? '' : clock(Date.parse(failure.at), at, zone)],
      [`failureReason${i}`, failure === undefined ? '' : reasonWords(failure.reason, failure.detail)],
      [`failureMessage${i}`, failure?.message ?? ''],
    ]
  })
  return { ...Object.fromEntries(fields.flat()), failures: recentFailures.length === 0 ? 'none seen' : '' }
}

/**
 * @param {Readonly<Record<string, string | number>>} values
 * @param {string} sign
 */
function pairs(values, sign) {
  return Object.entries(values)
    .map(([key, value]) => `${key}${sign}${value}`)
    .join(', ')
}
