/** A first look at a request: what Node's parser lets through although no honest client sends it. */
import type { IncomingMessage } from 'node:http'

export interface Glance {
  /**
   * 505 for a version that is not HTTP/1. 400 for HTTP/0.9, no `Host` or two of them (which one a proxy believed nobody
   * knows), more headers than allowed, a target that is no path, or a transfer encoding other than `chunked`, after which
   * the end of the body is anybody's guess.
   */
  readonly refusal: 400 | 505 | undefined
  /** A body follows, or so it says. */
  readonly body: boolean
  readonly accept: string | undefined
}

/** Runs for every request, hence one plain loop that leaves `request.headers` unparsed. */
export function glance(request: IncomingMessage, headerCount: number): Glance {
  const { rawHeaders } = request
  let hosts = 0
  let body = false
  let encoded = false
  let accept: string | undefined
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    const value = rawHeaders[i + 1] as string
    if (name.length === 4) hosts += name.toLowerCase() === 'host' ? 1 : 0
    else if (name.length === 6 && name.toLowerCase() === 'accept')
      accept = accept === undefined ? value : `${accept}, ${value}`
    else if (name.length === 14) body ||= value !== '0' && name.toLowerCase() === 'content-length'
    else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') {
      body = true
      encoded ||= value.toLowerCase() !== 'chunked'
    }
  }
  const hostless = hosts === 0 && request.httpVersion !== '1.0'
  const malformed =
    hostless || hosts > 1 || encoded || rawHeaders.length > 2 * headerCount || !hasPath(request)
  return { refusal: refusalOf(request.httpVersionMajor, malformed), body, accept }
}

function refusalOf(version: number, malformed: boolean): Glance['refusal'] {
  if (version > 1) return 505
  return malformed || version < 1 ? 400 : undefined
}

/**
 * Whether the target is a path, `http://host/path`, which a server must take as its path (RFC 9112, section 3.2.2), or
 * the `*` of OPTIONS. It is a path afterwards.
 */
function hasPath(request: IncomingMessage): boolean {
  const { url = '', method } = request
  if (url.startsWith('/')) return true
  const [isAbsolute, path = ''] = /^https?:\/\/[^/?#]+(.*)$/i.exec(url) ?? []
  if (isAbsolute === undefined) return url === '*' && method === 'OPTIONS'
  request.url = path.startsWith('/') ? path : `/${path}`
  return true
}
