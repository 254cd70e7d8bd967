/** Where a request comes from, as far as its connection and its headers tell. */
import type { IncomingHttpHeaders } from 'node:http'
import { isIP, isIPv6 } from 'node:net'
import { hostname } from 'node:os'
import { TLSSocket } from 'node:tls'
import type { FastifyRequest } from 'fastify'
import { createAddressList } from './addresses.ts'

const isLoopback = createAddressList(['127.0.0.0/8', '::1'])

/** What proxies and meshes add. One that adds none of them cannot be told from a client of its own. */
const forwarding = /^(?:forwarded|via|x-real-ip|x-forwarded-.+|x-envoy-.+)$/

/** Whether the client runs on this machine. What a local proxy passed on does not count: its client may be anywhere. */
export function isLocal(request: FastifyRequest): boolean {
  return isLoopback(request.ip ?? '') && !isForwarded(request.headers)
}

/** Whether a proxy passed the request on. */
export function isForwarded(headers: IncomingHttpHeaders): boolean {
  return Object.keys(headers).some(name => forwarding.test(name))
}

/** Whether the client proved itself with a certificate that the server's own authorities vouch for. */
export function hasVerifiedCertificate({ raw: { socket } }: FastifyRequest): boolean {
  // A resumed session without a certificate counts as authorized, too.
  return socket instanceof TLSSocket && socket.authorized && socket.getPeerX509Certificate() !== undefined
}

/** A page of another site can make a browser send a POST, with what it remembers of log-ins, but not hide that it did. */
export function isFromBrowser({ headers }: FastifyRequest): boolean {
  return headers.origin !== undefined || headers['sec-fetch-site'] !== undefined
}

/**
 * Whether a page of another site asks, to read or to embed the answer. A link that a person follows is none: the other
 * site does not see what it leads to. This is the resource isolation policy of https://web.dev/articles/fetch-metadata.
 */
export function isCrossSite({ headers }: FastifyRequest): boolean {
  if (headers['sec-fetch-site'] !== 'cross-site') return false
  return headers['sec-fetch-mode'] !== 'navigate' || headers['sec-fetch-dest'] !== 'document'
}

/** Whether a request names a host that nobody else can own. */
export type HostRule = (request: FastifyRequest) => boolean

/**
 * The rule against DNS rebinding: a foreign site that makes its own name lead here sends that name as `Host`. IP
 * addresses, localhost and this machine's name are known, and so are the given ones. Over TLS the certificate has
 * settled the name already; without a `Host` header it is no browser.
 *
 * @param names host names without port, in any case.
 * @throws TypeError for an entry that is no host name.
 */
export function hostRule(names: readonly string[]): HostRule {
  for (const name of names) {
    if (!/^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/i.test(name))
      throw new TypeError(`${JSON.stringify(name)} is no host name such as status.example.com`)
  }
  const known = new Set([...names, hostname(), 'localhost'].map(name => name.toLowerCase()))
  return ({ headers, raw: { socket } }) => {
    const host = headers.host ?? headers[':authority']
    if (host === undefined || socket instanceof TLSSocket) return true
    const name = /^(\[.*\]|[^:]*)(?::\d*)?$/.exec(String(host))?.[1]?.toLowerCase().replace(/\.$/, '') ?? ''
    if (name.startsWith('[')) return isIPv6(name.slice(1, -1))
    return known.has(name) || name.endsWith('.localhost') || isIP(name) === 4
  }
}
