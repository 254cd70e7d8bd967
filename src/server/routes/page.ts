/** `/`: the page for people, with the files that it loads and the events that keep it fresh. */
import { setImmediate as turn } from 'node:timers/promises'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { acceptsGzip } from '../../exposition/negotiation.ts'
import { paths } from '../../model/http.ts'
import type { Board, BoardChanges, BoardRow } from '../../views/board.ts'
import type { Access } from '../access/rules.ts'
import { everyAnswer, mediaTypes, plainAnswer, send } from '../http/answer.ts'
import { clientOf } from '../http/connections.ts'
import type { Deliveries } from '../http/deliveries.ts'
import { borrow, createShared, gather } from '../http/report.ts'
import { createWork, type WorkLimits } from '../http/work.ts'
import { pageAssets } from '../page/assets.ts'
import { statuses } from '../page/browser/order.js'
import { type PageContent, pageMarkup, type View } from '../page/document.ts'
import type { Feed } from '../page/feed.ts'

/** Everything comes from here, nothing is inline, and nobody may frame the page. */
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

/** Pages that are rendered at once, and that wait; more are told to come back. */
const rendering: WorkLimits = { atOnce: 2, waiting: 32, waitMs: 5_000 }
/** Rows that are read in one piece. */
const maxRows = 100

const busy = plainAnswer(503, { 'retry-after': '1' })
const notFound = plainAnswer(404)

export interface PageOptions {
  readonly board: Board
  readonly feed: Feed
  readonly access: Access
  readonly deliveries: Deliveries
  /** Paths of the other routes, without the prefix under which they may stand. */
  readonly links: PageContent['links']
}

export function pageRoutes(app: FastifyInstance, options: PageOptions): void {
  const { board, feed, access, deliveries, links } = options
  const onRequest = access.guard('details')
  const assets = pageAssets()
  const work = createWork(rendering)
  // Nearly everybody asks for the page as a whole.
  const sharedPages = {
    plain: createShared(() => draw(viewOf({}), false, () => true)),
    compressed: createShared(() => draw(viewOf({}), true, () => true)),
  }

  async function page(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const slash = withSlash(request.url)
    if (slash !== undefined) return send(reply, plainAnswer(307, { location: slash }))
    reply.headers({ ...pageHeaders, 'content-type': mediaTypes.html })
    if (request.method === 'HEAD') return reply.send()
    const isWanted = () => !reply.raw.destroyed
    const compressed = acceptsGzip(String(request.headers['accept-encoding'] ?? ''))
    const bytes = request.url.includes('?')
      ? await work.run(clientOf(request.ip), isWanted, () =>
          draw(viewOf(request.query), compressed, isWanted),
        )
      : await borrow(compressed ? sharedPages.compressed : sharedPages.plain, reply)
    if (bytes === undefined) return isWanted() ? send(reply, busy) : reply.hijack()
    reply.headers({ vary: 'Accept-Encoding', 'content-length': String(bytes.length) })
    if (compressed) reply.header('content-encoding', 'gzip')
    return deliveries.send(request, reply, { bytes, size: bytes.length })
  }

  async function draw(view: View, compressed: boolean, isWanted: () => boolean): Promise<Buffer | undefined> {
    const content = await everything(board, isWanted)
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
 * All rows in the order of the configuration, read in pieces. What changes meanwhile is read again.
 *
 * @returns undefined if nobody wants them any more.
 */
async function everything(board: Board, isWanted: () => boolean): Promise<BoardChanges | undefined> {
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

/** Unknown values mean nothing; a list counts only where one is meant. */
function viewOf(query: unknown): View {
  const { status, q, open } = query as Readonly<Record<string, unknown>>
  return {
    status: typeof status === 'string' && statuses.includes(status) ? status : '',
    q: typeof q === 'string' ? q.trim().slice(0, 200) : '',
    open: new Set([open].flat().filter(name => typeof name === 'string')),
  }
}

/** The page's links are relative, so under a prefix its path must end with a slash. Relative itself, whatever comes in. */
function withSlash(url: string): string | undefined {
  const [path = '', ...query] = url.split('?')
  if (path.endsWith('/')) return undefined
  return [`./${path.slice(path.lastIndexOf('/') + 1)}/`, ...query].join('?')
}
