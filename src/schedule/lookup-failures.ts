/** The failures of name lookups: what they are called, what they mean, and which of several to tell. */
import { CheckError } from '../model/dependency.ts'
import type { Failure, Failures } from '../model/failure.ts'

const noSuchName: Failure = [
  'dns_error',
  'The name does not exist, with or without the search domains.',
  'Check the spelling and the namespace.',
]
const noAddress: Failure = [
  'dns_error',
  'The name exists, but has no address, or none of the `ipFamily`.',
  'Check the record.',
]
const brokenNameServer: Failure = [
  'dns_error',
  'The answer of the name server is malformed, or it does not understand the question.',
  'Check what answers on port 53 of the name server.',
]
const ownResolve: Failure = [
  'dns_error',
  "The application's own `resolve` failed.",
  'Check the resolver that the application passes in.',
]

/** By detail. */
export const lookupFailures: Failures = {
  ENOTFOUND: noSuchName,
  EAI_NONAME: noSuchName,
  ENODATA: noAddress,
  EAI_NODATA: noAddress,
  ESERVFAIL: [
    'dns_error',
    'The name server could not resolve the name (SERVFAIL).',
    'Check the servers of that zone, and DNSSEC.',
  ],
  dns_timeout: [
    'dns_error',
    'No name server answered before the deadline.',
    'Check the servers in `/etc/resolv.conf`, and whether UDP and TCP port 53 reach them.',
  ],
  EREFUSED: ['dns_error', 'The name server refuses to answer us.', 'Check its access rules.'],
  EBADRESP: brokenNameServer,
  EFORMERR: brokenNameServer,
  ENOTIMP: brokenNameServer,
  EBADNAME: [
    'dns_error',
    'The host is not a valid name.',
    'Check the spelling: a label has 1 to 63 characters, and no spaces.',
  ],
  EAI_AGAIN: ownResolve,
  EAI_FAIL: ownResolve,
  ETIMEOUT: ownResolve,
}

/** The details of failed lookups, with their messages. Of several failures, the first in this order is reported. */
export const dnsFailures: Readonly<Record<string, string>> = {
  ESERVFAIL: 'the name server could not resolve',
  EREFUSED: 'the name server refused to resolve',
  EBADRESP: 'the name server gave a malformed answer for',
  EFORMERR: 'the name server did not understand the question for',
  ENOTIMP: 'the name server cannot answer the question for',
  ECONNREFUSED: 'no name server accepts the question for',
  dns_timeout: 'the name server does not answer for',
  ENODATA: 'no address is recorded for',
  ENOTFOUND: 'no such name:',
  EBADNAME: 'not a valid name:',
}
const details = Object.keys(dnsFailures)

/** The failure that a c-ares code stands for. */
export function dnsFailure(code: string, name: string): CheckError {
  const detail = code === 'ETIMEOUT' ? 'dns_timeout' : code
  return new CheckError('dns_error', detail, `${dnsFailures[detail]} ${name} (${code})`)
}

/** The lower the rank, the more the failure tells. */
export function failureRank({ detail }: CheckError): number {
  return details.indexOf(detail)
}

/** Whether a c-ares code stands for a failed lookup, not for a fault of this machine. */
export function isDnsFailure(code: string): boolean {
  return code === 'ETIMEOUT' || details.includes(code)
}
