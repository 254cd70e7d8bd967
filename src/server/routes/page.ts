/** `/`: the status page, with the files that it loads and the events that keep it up to date. */
import { readFileSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { acceptsGzip } from '../../exposition/negotiation.ts'
import { paths } from '../../model/http.ts'
import type { Board, BoardChanges, BoardRow } from '../../views/board.ts'
import { type Answer, answer, everyAnswer, mediaTypes, plainAnswer, send } from '../http/answer.ts'
import { clientOf } from '../http/connections.ts'
import { borrow, createShared, gather } from '../http/report.ts'
import { createWork, type WorkLimits } from '../http/work.ts'
import { statuses } from '../page/browser/order.js'
import { type PageContent, pageMarkup, type View } from '../page/document.ts'
import type { RouteContext } from './context.ts'

/** The page loads only its own files, has no inline code, and cannot be framed. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

const pageHeaders = {
  ...everyAnswer,
  'content-security-policy': contentSecurityPolicy,
  'referrer-policy': 'no-referrer',
} as const

/** Pages that are rendered at the same time, and that wait. Further requests get a 503 with `Retry-After`. */
const rendering: WorkLimits = { atOnce: 2, waiting: 32, waitMs: 5_000 }
/** Rows that are read in one turn of the event loop. */
const maxRows = 100

const busy = plainAnswer(503, { 'retry-after': '1' })
const notFound = plainAnswer(404)

/** @param links to other routes, by paths without the prefix under which the routes are registered. */
export function pageRoutes(app: FastifyInstance, context: RouteContext, links: PageContent['links']): void {
  const { monitor, access, transport } = context
  const { feed, deliveries } = transport
  const onRequest = access.guard('details')
  const assets = readAssets()
  const work = createWork(rendering)
  // Nearly all requests are for the page without a query.
  const sharedPages = {
    plain: createShared(() => draw(parseView({}), false, () => true)),
    compressed: createShared(() => draw(parseView({}), true, () => true)),
  }

  async function page(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    // As the client wrote it: Express takes off the path under which a handler stands.
    const slash = addSlash(request.originalUrl)
    if (slash !== undefined) return send(reply, plainAnswer(307, { location: slash }))
    reply.headers({ ...pageHeaders, 'content-type': mediaTypes.html })
    if (request.method === 'HEAD') return reply.send()
    const isWanted = () => !reply.raw.destroyed
    const compressed = acceptsGzip(String(request.headers['accept-encoding'] ?? ''))
    const bytes = request.url.includes('?')
      ? await work.run(clientOf(request.ip), isWanted, () =>
          draw(parseView(request.query), compressed, isWanted),
        )
      : await borrow(compressed ? sharedPages.compressed : sharedPages.plain, reply)
    if (bytes === undefined) return isWanted() ? send(reply, busy) : reply.hijack()
    reply.headers({ vary: 'Accept-Encoding', 'content-length': String(bytes.length) })
    if (compressed) reply.header('content-encoding', 'gzip')
    return deliveries.send(request, reply, { bytes, size: bytes.length })
  }

  async function draw(view: View, compressed: boolean, isWanted: () => boolean): Promise<Buffer | undefined> {
    const content = await readAll(monitor.board, isWanted)
    if (content === undefined) return undefined
    const { rows, ...overview } = content
    return gather(pageMarkup({ overview, rows, view, links }), compressed, isWanted)
  }

  function events(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    if (feed.refuses) return send(reply, busy)
    const { since } = request.query as Readonly<Record<string, unknown>>
    const headers = { ...everyAnswer, 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' }
    reply.hijack()
    reply.raw.writeHead(200, { ...reply.getHeaders(), ...headers } as Record<string, string>)
    if (request.method === 'HEAD') reply.raw.end()
    else feed.stream(reply.raw, String(request.headers['last-event-id'] ?? since ?? ''), clientOf(request.ip))
    return reply
  }

  const method = ['GET', 'HEAD']
  app.route({ method, url: paths.page, onRequest, handler: page })
  app.route({ method, url: paths.events, onRequest, handler: events })
  app.route({
    method,
    url: paths.pageFile,
    onRequest,
    handler: (request, reply) => {
      const { file = '' } = request.params as Readonly<Record<string, string>>
      return send(reply, assets.get(file) ?? notFound)
    },
  })
}

/**
 * Reads all rows, in the order of the config, over several turns of the event loop. Rows that change meanwhile are read
 * again.
 *
 * @returns undefined once they are no longer wanted.
 */
async function readAll(board: Board, isWanted: () => boolean): Promise<BoardChanges | undefined> {
  const rows = new Map<string, BoardRow>()
  let names: readonly string[] = []
  let changes = board.changes(0, maxRows)
  for (;;) {
    for (const row of changes.rows) rows.set(row.name, row)
    names = changes.names ?? names
    if (!changes.more) break
    await turn()
    if (!isWanted()) return undefined
    changes = board.changes(changes.cursor, maxRows)
  }
  return { ...changes, rows: names.flatMap(name => rows.get(name) ?? []) }
}

/** Ignores values that are unknown, and lists where one value is meant. */
function parseView(query: unknown): View {
  const { status, q, open } = query as Readonly<Record<string, unknown>>
  return {
    status: typeof status === 'string' && statuses.includes(status) ? status : '',
    q: typeof q === 'string' ? q.trim().slice(0, 200) : '',
    open: new Set([open].flat().filter(name => typeof name === 'string')),
  }
}

/**
 * Returns where to redirect a path without a final slash: the page's links are relative, so a prefix needs one. The
 * result is relative too, so that no request can redirect to another host.
 */
function addSlash(url: string): string | undefined {
  const [path = '', ...query] = url.split('?')
  if (path.endsWith('/')) return undefined
  return [`./${path.slice(path.lastIndexOf('/') + 1)}/`, ...query].join('?')
}

const folder = new URL('../page/browser/', import.meta.url)
const scripts = ['main', 'table', 'view', 'feed', 'present', 'order', 'spark', 'words']

/** The icon in the browser's tab. Shape and colour both show the status; `silent` is for a page that gets no answers. */
const icons = {
  ok: '<circle cx="8" cy="8" r="6" fill="#1f883d"/>',
  degraded: '<path d="M8 1l7 7-7 7-7-7z" fill="#bf8700"/>',
  unavailable: '<path d="M8 1l7 13H1z" fill="#d1242f"/>',
  silent:
    '<circle cx="8" cy="8" r="5.5" fill="none" stroke="#848d97" stroke-width="2.5" stroke-dasharray="3 2"/>',
} as const

/** Reads the files that the page loads: each as a ready answer, by its name. */
function readAssets(): ReadonlyMap<string, Answer> {
  const file = (name: string, type: string) =>
    [name, answer(200, type, readFileSync(new URL(name, folder), 'utf8'))] as const
  const icon = ([name, shape]: readonly [string, string]) => {
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">${shape}</svg>\n`
    return [`${name}.svg`, answer(200, 'image/svg+xml', svg)] as const
  }
  return new Map([
    ...scripts.map(name => file(`${name}.js`, 'text/javascript; charset=utf-8')),
    file('page.css', 'text/css; charset=utf-8'),
    ...Object.entries(icons).map(icon),
  ])
}
