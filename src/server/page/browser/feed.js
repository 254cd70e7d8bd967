/** Receives changes from the server: as events, or by polling where events do not get through. */

/** @typedef {import('../../../views/board.ts').BoardChanges} BoardChanges */
/** @typedef {import('../../../views/board.ts').BoardRow} BoardRow */
/** @typedef {import('../../../views/status.ts').StatusReport} StatusReport */
/** @typedef {Pick<BoardChanges, 'at' | 'status' | 'summary' | 'since' | 'rows' | 'names'>} News */

/** After this long without an event, the page polls. The server sends one at least every 2 seconds. */
const silenceMs = 3_000
const askEveryMs = 3_000
const askTimeoutMs = 5_000
const lookEveryMs = 500
/** How long after a refusal events are tried again. */
const retryMs = 15_000

/**
 * @param {(news: News, way: 'live' | 'polling') => void} hear
 * @param {(name: string) => BoardRow | undefined} known
 */
export function listen(hear, known) {
  /** @type {EventSource | undefined} */
  let source
  let id = ''
  let heardAt = performance.now()
  let triedAt = 0
  let askedAt = 0
  let isAsking = false

  function open() {
    source?.close()
    triedAt = performance.now()
    source = new EventSource(`./-/events?since=${encodeURIComponent(id)}`)
    source.onmessage = ({ data, lastEventId }) => {
      id = lastEventId
      heardAt = performance.now()
      hear(JSON.parse(data), 'live')
    }
  }

  async function ask() {
    if (isAsking) return
    isAsking = true
    askedAt = performance.now()
    try {
      const init = { headers: { accept: 'application/json' }, signal: AbortSignal.timeout(askTimeoutMs) }
      const response = await fetch('./health', init)
      const report = await response.json()
      if (response.ok && !document.hidden) hear(newsOf(report, known), 'polling')
    } catch {
      // Without an answer, the page shows that the last one is too old.
    }
    isAsking = false
  }

  setInterval(() => {
    if (document.hidden) return
    const now = performance.now()
    if (now - heardAt > silenceMs && now - askedAt > askEveryMs) void ask()
    if (source?.readyState === EventSource.CLOSED && now - triedAt > retryMs) open()
  }, lookEveryMs)
  // A browser opens six connections to a server, so hidden tabs leave them to others.
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) source?.close()
    else {
      heardAt = performance.now()
      open()
    }
  })
  open()
}

/**
 * Turns a whole report into changes. A report has no history, so that is what was known before, and the last check.
 *
 * @param {StatusReport} report
 * @param {(name: string) => BoardRow | undefined} known
 * @returns {News}
 */
function newsOf(report, known) {
  const rows = Object.entries(report.dependencies).map(([name, dependency]) => {
    const { recent = [], recentSince = null, recentFailures = [], lastCheck: before } = known(name) ?? {}
    const { lastCheck, lastFailure } = dependency
    const isNew = lastCheck !== null && lastCheck.at !== before?.at
    const ms = 1_000 * (lastCheck?.durationSeconds ?? 0)
    return {
      name,
      ...dependency,
      recent: isNew ? [...recent, lastCheck.ok ? ms : -ms].slice(-60) : recent,
      recentSince: recent.length < 60 && recentSince !== null ? recentSince : (lastCheck?.at ?? null),
      recentFailures:
        lastFailure === null || lastFailure.at === recentFailures[0]?.at
          ? recentFailures
          : [lastFailure, ...recentFailures].slice(0, 10),
    }
  })
  return { ...report, rows, names: rows.map(({ name }) => name) }
}
