/** Lists of addresses and networks. */
import { BlockList, isIP } from 'node:net'

/** Whether an address is in the list. An IPv4 address counts as such when it comes mapped into IPv6. */
export type AddressList = (address: string) => boolean

/**
 * A list from IP addresses and networks in CIDR form. An empty list holds everybody.
 *
 * @throws TypeError for an entry that is neither.
 */
export function addressList(entries: readonly string[]): AddressList {
  if (entries.length === 0) return () => true
  const list = new BlockList()
  for (const entry of entries) add(list, entry)
  return address => {
    // A link-local address comes with its zone: fe80::1%eth0.
    const bare = address.replace(/%.*$/, '')
    const family = isIP(bare)
    return family !== 0 && list.check(bare, family === 4 ? 'ipv4' : 'ipv6')
  }
}

function add(list: BlockList, entry: string): void {
  const [address = '', prefix, ...rest] = entry.split('/')
  const family = isIP(address)
  const bits = family === 4 ? 32 : 128
  const length = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN
  if (family === 0 || rest.length > 0 || !(length <= bits))
    throw new TypeError(`${JSON.stringify(entry)} is neither an IP address nor a network such as 10.0.0.0/8`)
  list.addSubnet(address, length, family === 4 ? 'ipv4' : 'ipv6')
}
