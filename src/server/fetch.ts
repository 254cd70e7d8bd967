/** Web-standard requests: from a Request to a Fastify that does not listen, and from its answer to a Response. */
import type { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import type { Client } from './options.ts'

/** A client whose address nobody tells must not pass for one of this machine. */
const nowhere = 'unknown'

export async function inject(app: FastifyInstance, request: Request, client: Client = {}): Promise<Response> {
  const { pathname, search, host } = new URL(request.url)
  const injected = await app.inject({
    method: request.method as 'GET',
    url: pathname + search,
    headers: { host, ...Object.fromEntries(request.headers) },
    remoteAddress: client.address ?? nowhere,
    payloadAsStream: true,
  })
  const { statusCode: status, headers } = injected
  const given = Object.entries(headers).filter(([name]) => !hopByHop.has(name))
  const body = injected.stream()
  // Whoever writes to the response hears that nobody reads any more.
  body.once('close', () => injected.raw.res.destroy())
  request.signal.addEventListener('abort', () => body.destroy(), { once: true })
  const isEmpty = request.method === 'HEAD' || status === 204 || status === 304
  if (isEmpty) body.resume()
  return new Response(isEmpty ? null : webStream(body), {
    status,
    headers: given.map(([name, value]): [string, string] => [name, String(value)]),
  })
}

/** Headers of one connection, which the server that sends the answer sets itself (RFC 9110, section 7.6.1). */
const hopByHop = new Set(['connection', 'transfer-encoding', 'keep-alive', 'date'])

/**
 * Node's own `Readable.toWeb` ends with an error that nobody can catch when a reader leaves early.
 */
function webStream(body: Readable): ReadableStream<Uint8Array> {
  const pieces = body[Symbol.asyncIterator]()
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await pieces.next()
      if (done === true) controller.close()
      else controller.enqueue(new Uint8Array(value))
    },
    cancel() {
      body.destroy()
    },
  })
}
