/** Where a request comes from, according to its connection and headers. */
import type { IncomingHttpHeaders } from 'node:http'
import { BlockList, isIP, isIPv6 } from 'node:net'
import { hostname } from 'node:os'
import type { FastifyRequest } from 'fastify'
import { parseNetwork } from '../../model/notation.ts'
import { isTls } from '../http/connections.ts'

/** Whether an address is in the list. An IPv4 address mapped into IPv6 counts as IPv4. */
export type AddressList = (address: string) => boolean

/**
 * Returns a list of IP addresses and networks in CIDR notation. An empty list contains every address.
 *
 * @throws TypeError for an entry that is neither.
 */
export function createAddressList(entries: readonly string[]): AddressList {
  if (entries.length === 0) return () => true
  const list = new BlockList()
  for (const entry of entries) {
    const network = parseNetwork(entry)
    if (network === undefined)
      throw new TypeError(
        `${JSON.stringify(entry)} is neither an IP address nor a network such as 10.0.0.0/8`,
      )
    list.addSubnet(network.address, network.prefix, network.family)
  }
  return address => {
    // A link-local address has a zone: fe80::1%eth0.
    const bare = address.replace(/%.*$/, '')
    const family = isIP(bare)
    return family !== 0 && list.check(bare, family === 4 ? 'ipv4' : 'ipv6')
  }
}

const isLoopback = createAddressList(['127.0.0.0/8', '::1'])

/** What proxies and meshes add. A proxy that adds none of them looks like a client. */
const forwarding = /^(?:forwarded|via|x-real-ip|x-forwarded-.+|x-envoy-.+)$/

/** Whether the client runs on this machine. A request from a local proxy does not count: its client may be anywhere. */
export function isLocal(request: FastifyRequest): boolean {
  return isLoopback(request.ip ?? '') && !isForwarded(request.headers)
}

/** Whether a proxy forwarded the request. */
export function isForwarded(headers: IncomingHttpHeaders): boolean {
  return Object.keys(headers).some(name => forwarding.test(name))
}

/** Whether the client has presented a certificate that our authorities have signed. */
export function hasVerifiedCertificate({ raw: { socket } }: FastifyRequest): boolean {
  // Node also calls a resumed session without a certificate authorized.
  return isTls(socket) && socket.authorized && socket.getPeerX509Certificate() !== undefined
}

/** Whether a browser sent the request. Another site can make it send a POST with stored logins, but not hide these headers. */
export function isFromBrowser({ headers }: FastifyRequest): boolean {
  return headers.origin !== undefined || headers['sec-fetch-site'] !== undefined
}

/**
 * Whether a page of another site sent the request, to read or embed the answer. Following a link does not count, since
 * the other site cannot see where it leads. This is the resource isolation policy of
 * https://web.dev/articles/fetch-metadata.
 */
export function isCrossSite({ headers }: FastifyRequest): boolean {
  if (headers['sec-fetch-site'] !== 'cross-site') return false
  return headers['sec-fetch-mode'] !== 'navigate' || headers['sec-fetch-dest'] !== 'document'
}

/** Whether the `Host` of a request is a name that no other site can own. */
export type HostRule = (request: FastifyRequest) => boolean

/**
 * Returns the rule against DNS rebinding. A site that makes its own name resolve to this machine sends that name as
 * `Host`. Known are IP addresses, localhost, the name of this machine and the given names. Over TLS, the certificate
 * has already proved the name; a request without `Host` does not come from a browser.
 *
 * @param names host names without port, in any case.
 * @throws TypeError for an entry that is not a host name.
 */
export function createHostRule(names: readonly string[]): HostRule {
  for (const name of names) {
    if (!/^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/i.test(name))
      throw new TypeError(`${JSON.stringify(name)} is not a host name such as status.example.com`)
  }
  const known = new Set([...names, hostname(), 'localhost'].map(name => name.toLowerCase()))
  return ({ headers, raw: { socket } }) => {
    const host = headers.host ?? headers[':authority']
    if (host === undefined || isTls(socket)) return true
    const name = /^(\[.*\]|[^:]*)(?::\d*)?$/.exec(String(host))?.[1]?.toLowerCase().replace(/\.$/, '') ?? ''
    if (name.startsWith('[')) return isIPv6(name.slice(1, -1))
    return known.has(name) || name.endsWith('.localhost') || isIP(name) === 4
  }
}
