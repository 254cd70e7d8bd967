/** Addresses as people write them: where to listen, `host:port`, networks, and percent-encoding. */
import { isIP } from 'node:net'

/** Where to listen. Without a host: on all addresses, of IPv6 and IPv4. Port 0: any free one. */
export interface ListenAddress {
  readonly host?: string
  readonly port: number
}

/** The address in `:9797`, `127.0.0.1:9797`, `localhost:9797` or `[::1]:9797`; undefined if the text is not one. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([a-zA-Z0-9._-]*)):(\d{1,5})$/.exec(text)
  if (parts === null) return undefined
  const [, bracketed, name, digits] = parts
  const port = Number(digits)
  if (port > 65_535 || (bracketed !== undefined && isIP(bracketed) !== 6)) return undefined
  const host = bracketed ?? name
  return host === undefined || host === '' ? { port } : { host, port }
}

/** `host:port`, with an IPv6 address in brackets. */
export function formatAddress(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** Undoes percent-encoding (RFC 3986, section 2.1). Undefined if a "%" does not begin an escape of valid UTF-8. */
export function decodePercent(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** A range of addresses, as `net.BlockList` takes it. */
export interface Network {
  readonly address: string
  /** Leading bits that all its addresses share. */
  readonly prefix: number
  readonly family: 'ipv4' | 'ipv6'
}

/** The network of an IP address or of CIDR notation such as `10.0.0.0/8`; undefined if the text is neither. */
export function parseNetwork(text: string): Network | undefined {
  const [, address = '', digits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const family = isIP(address)
  const bits = family === 4 ? 32 : 128
  const prefix = digits === undefined ? bits : Number(digits)
  return family === 0 || prefix > bits
    ? undefined
    : { address, prefix, family: family === 4 ? 'ipv4' : 'ipv6' }
}
