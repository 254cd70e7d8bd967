/** Lists of addresses and networks. */
import { BlockList, isIP } from 'node:net'
import { parseNetwork } from '../../model/address.ts'

/** Whether an address is in the list. An IPv4 address counts as such when it comes mapped into IPv6. */
export type AddressList = (address: string) => boolean

/**
 * A list of IP addresses and networks in CIDR notation. An empty list holds everybody.
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
    // A link-local address comes with its zone: fe80::1%eth0.
    const bare = address.replace(/%.*$/, '')
    const family = isIP(bare)
    return family !== 0 && list.check(bare, family === 4 ? 'ipv4' : 'ipv6')
  }
}
