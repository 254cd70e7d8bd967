/** Keeps the page up to date: applies what the feed reports, and lets ages grow in between. */
import { listen } from './feed.js'
import { countByStatus, matches } from './order.js'
import { createTable } from './table.js'
import { listenToReader, readView } from './view.js'
import { clock, span } from './words.js'

/** After this long without an answer, the page is shown as outdated. The server sends something every 2 seconds. */
const silenceMs = 4_200
const words = { ok: 'OK', degraded: 'Degraded', unavailable: 'Unavailable' }

/** @param {string} id */
const element = id => /** @type {HTMLElement} */ (document.getElementById(id))
const header = /** @type {HTMLElement} */ (document.querySelector('header'))
const icon = /** @type {HTMLLinkElement} */ (document.querySelector('link[rel=icon]'))
const counters = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('.tools nav a'))
const table = createTable(/** @type {HTMLTableElement} */ (element('dependencies')))
const view = readView()

/** @type {import('./feed.js').News | undefined} */
let news
/** The server's clock and ours at the last update. Of ours, only differences are used. */
let heard = { at: Date.now(), now: performance.now(), way: 'live' }
/** The headline as the server rendered it. */
let known = element('summary').textContent
let isSilent = false
let isArranging = false

const presentTime = () => heard.at + performance.now() - heard.now

/** Sorts and filters once for all changes that arrive together. */
function arrangeSoon() {
  if (isArranging) return
  isArranging = true
  requestAnimationFrame(() => {
    isArranging = false
    arrange()
  })
}

function arrange() {
  const shown = table.arrange(row => matches(row, view))
  element('none').hidden = shown > 0
  const counts = countByStatus([...table.lines.values()].flatMap(({ row }) => row ?? []))
  for (const each of counters) {
    const count = each.querySelector('b')
    if (count !== null) say(count, String(counts[each.dataset.status ?? ''] ?? 0))
  }
}

/** Updates the sentence only when its words change, because screen readers read it aloud. */
function headline() {
  const status = isSilent || news === undefined ? 'silent' : news.status
  const [word, rest] = element('summary').childNodes
  const [first, second] =
    status === 'silent' || news === undefined
      ? ['No answer', ` since ${clock(heard.at, presentTime(), 'local')}`]
      : [words[status], `: ${news.summary}`]
  header.dataset.status = status
  if (word) say(word, first)
  if (rest) say(rest, second)
  entitle(first + second, status)
}

/**
 * Shows the status in the browser's tab.
 *
 * @param {string} title
 * @param {string} status
 */
function entitle(title, status) {
  document.title = `${title} · ${location.host} · Pulsecheck`
  const picture = `./-/page/${status}.svg`
  if (icon.getAttribute('href') !== picture) icon.href = picture
}

/** @param {number} at */
function ages(at) {
  const age = at - heard.at
  if (isSilent) {
    say(element('since'), `for ${span(age)}`)
    say(element('answer'), `The last answer was “${known}”`)
    say(element('live'), '')
  } else if (news !== undefined) {
    const since = news.since === null ? undefined : Date.parse(news.since)
    const began = since === undefined ? '' : `since ${clock(since, at, 'local')} (${span(at - since)})`
    say(element('since'), began)
    say(element('answer'), `as of ${clock(heard.at, at, 'local')}, ${span(age)} old`)
    say(element('live'), heard.way === 'live' ? 'live' : 'asking every 3 s')
  }
}

/** @param {boolean} value */
function fallSilent(value) {
  isSilent = value
  document.body.classList.toggle('silent', value)
  headline()
  ages(presentTime())
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let silence
function awaitNews() {
  clearTimeout(silence)
  silence = setTimeout(fallSilent, silenceMs, true)
}

/**
 * @param {Node} node
 * @param {string} text
 */
function say(node, text) {
  if (node.textContent !== text) node.textContent = text
}

element('host').textContent = location.host
listenToReader(view, { changed: arrange, toggled: table.open })
listen(
  (next, way) => {
    news = next
    heard = { at: Date.parse(next.at), now: performance.now(), way }
    table.update(next.rows, heard.at)
    if (next.names !== undefined) table.keep(next.names)
    for (const name of view.open) table.open(name, true)
    fallSilent(false)
    known = element('summary').textContent
    awaitNews()
    if (next.rows.length > 0 || next.names !== undefined) arrangeSoon()
  },
  name => table.lines.get(name)?.row,
)
awaitNews()
// A hidden tab receives no updates, so it must not show a status either.
document.addEventListener('visibilitychange', () => {
  if (document.hidden) {
    clearTimeout(silence)
    entitle('Paused', 'silent')
  } else awaitNews()
})
setInterval(() => {
  if (document.hidden) return
  const at = presentTime()
  ages(at)
  if (news !== undefined) table.tick(at)
}, 1_000)
