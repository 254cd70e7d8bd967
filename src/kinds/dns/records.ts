/** Records and response codes by their names: as `dig` prints them. Pure. */
import { isIPv6, SocketAddress } from 'node:net'
import type { Answer } from 'dns-packet'

export const recordTypes = ['A', 'AAAA', 'CAA', 'CNAME', 'MX', 'NS', 'PTR', 'SOA', 'SRV', 'TXT'] as const
export type RecordType = (typeof recordTypes)[number]

/** Response codes that a query can get: https://www.iana.org/assignments/dns-parameters, "DNS RCODEs". */
const rcodeNumbers = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  NOTAUTH: 9,
  BADVERS: 16,
} as const
export type Rcode = keyof typeof rcodeNumbers
export const rcodes = Object.keys(rcodeNumbers) as [Rcode, ...Rcode[]]

/** The name of a response code, or its number if it has none here. */
export function rcodeName(number: number): Rcode | number {
  return rcodes.find(name => rcodeNumbers[name] === number) ?? number
}

/** The data of a record in presentation format, without quotes; undefined for a type that is never asked for. */
export function textOf(record: Answer): string | undefined {
  switch (record.type) {
    case 'A':
    case 'AAAA':
    case 'CNAME':
    case 'NS':
    case 'PTR':
      return record.data
    case 'CAA':
      return `${record.data.flags} ${record.data.tag} ${record.data.value}`
    case 'MX':
      return `${record.data.preference} ${record.data.exchange}`
    case 'SOA': {
      const { mname, rname, serial, refresh, retry, expire, minimum } = record.data
      return [mname, rname, serial, refresh, retry, expire, minimum].join(' ')
    }
    case 'SRV': {
      const { priority, weight, port, target } = record.data
      return [priority, weight, port, target].join(' ')
    }
    case 'TXT':
      return [record.data].flat().map(String).join('')
    default:
      return undefined
  }
}

/** The one spelling of a record's text, to compare by: names have no case and no final dot. */
export function canonical(type: RecordType, text: string): string {
  if (type === 'TXT' || type === 'CAA') return text
  if (type === 'AAAA')
    return isIPv6(text) ? new SocketAddress({ address: text, family: 'ipv6' }).address : text
  return text
    .trim()
    .split(/\s+/)
    .map(word => canonicalName(word))
    .join(' ')
}

export function canonicalName(name: string): string {
  return name.length > 1 ? name.toLowerCase().replace(/\.$/, '') : name
}
