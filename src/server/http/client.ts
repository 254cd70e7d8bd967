/** Who counts as one client when something is shared out. */
import { isIPv6 } from 'node:net'

/**
 * One client by its address. All addresses of an IPv6 /64 count as one, because a single host commonly has them all
 * (RFC 6177), and an IPv4 address counts the same however it is written.
 */
export function clientOf(address: string | undefined): string {
  if (address === undefined) return ''
  if (!isIPv6(address)) return address
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  const [head = '', tail] = address.split('%', 1).join().split('::')
  const groups = head === '' ? [] : head.split(':')
  const rest = tail === undefined || tail === '' ? [] : tail.split(':')
  const missing = tail === undefined ? 0 : 8 - groups.length - rest.length
  const all = [...groups, ...Array<string>(Math.max(0, missing)).fill('0'), ...rest]
  return `${all.slice(0, 4).join(':')}::/64`
}
