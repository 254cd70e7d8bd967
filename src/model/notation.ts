/**
 * Values as people write them: durations, addresses, networks, and percent-encoding. It loads no schema library: the
 * command line reads durations before anything else.
 */
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
interface Network {
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

const units = { y: 31_536_000_000, w: 604_800_000, d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 }
const grammar = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/

/**
 * Milliseconds of a Prometheus duration (`500ms`, `15s`, `1m30s`, `0`), or undefined if it is none. Largest unit
 * first, each at most once, whole numbers: the grammar of Prometheus' configuration page.
 */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0
  const parts = grammar.exec(text)
  if (text === '' || parts === null) return undefined
  return Object.values(units).reduce((sum, unit, i) => sum + unit * Number(parts[i + 1] ?? 0), 0)
}

/** The shortest Prometheus duration of whole milliseconds: `90000` is `1m30s`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s'
  const steps = Object.entries(units).filter(([unit]) => unit !== 'y' && unit !== 'w')
  let rest = Math.round(ms)
  const parts = steps.map(([unit, size]) => {
    const count = Math.floor(rest / size)
    rest -= count * size
    return count === 0 ? '' : `${count}${unit}`
  })
  return parts.join('')
}
