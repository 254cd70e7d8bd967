/** The page at work: news in, rows and the sentence out, and ages that grow in between. */
import { listen } from './feed.js'
import { countByStatus, matches } from './order.js'
import { createTable } from './table.js'
import { listenToReader, readView } from './view.js'
import { clock, span } from './words.js'

/** An answer older than this may have been overtaken: it is said in plain words. */
const oldMs = 12_000
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
/** The server's clock when the news came, and ours: only the difference of ours is ever used. */
let heard = { at: 0, now: 0, way: 'live' }
let isArranging = false

const presentTime = () => heard.at + performance.now() - heard.now

/** Sorts and filters once for all that came in one go. */
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

/** The sentence changes only when its words do, for it is read aloud. */
function headline() {
  if (news === undefined) return
  const { status, summary } = news
  const [word, rest] = element('summary').childNodes
  if (header.dataset.status !== status) icon.href = `./-/page/${status}.svg`
  header.dataset.status = status
  if (word) say(word, words[status])
  if (rest) say(rest, `: ${summary}`)
  document.title = `${words[status]}: ${summary} · ${location.host} · Pulsecheck`
}

/** @param {number} at */
function ages(at) {
  if (news === undefined) return
  const since = news.since === null ? undefined : Date.parse(news.since)
  const age = at - heard.at
  const isOld = age > oldMs
  const time = clock(heard.at, at, 'local')
  say(element('since'), since === undefined ? '' : `since ${clock(since, at, 'local')} (${span(at - since)})`)
  say(
    element('answer'),
    isOld ? `No answer for ${span(age)}. This is how it was at ${time}.` : `as of ${time}, ${span(age)} old`,
  )
  say(element('live'), isOld ? '' : heard.way === 'live' ? 'live' : 'asking every 5 s')
  document.body.classList.toggle('old', isOld)
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
    headline()
    ages(heard.at)
    if (next.rows.length > 0 || next.names !== undefined) arrangeSoon()
  },
  name => table.lines.get(name)?.row,
)
setInterval(() => {
  if (document.hidden || news === undefined) return
  const at = presentTime()
  ages(at)
  table.tick(at)
}, 1_000)
