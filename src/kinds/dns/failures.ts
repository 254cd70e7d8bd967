/** What the answer of a name server can be called, and what to do about it. */
import type { Failures } from '../../model/kind.ts'

export const failures: Failures = {
  SERVFAIL: [
    'unhealthy',
    'The server could not resolve the name.',
    'Check the servers of that zone, whether the server reaches them, and DNSSEC.',
  ],
  NXDOMAIN: ['unhealthy', 'The name does not exist.', 'Check the spelling; was the record removed?'],
  REFUSED: [
    'unhealthy',
    'The server does not answer us, or not for this zone.',
    'Check its access rules, and whether it still has the zone.',
  ],
  FORMERR: [
    'unhealthy',
    'The server does not understand the query, which uses EDNS.',
    'Update the server, or what stands in front of it.',
  ],
  NOTIMP: ['unhealthy', 'The server does not support such queries.', 'Check what answers on the port.'],
  NOTAUTH: ['unhealthy', 'The server is not authoritative for the zone.', 'Check its zones.'],
  BADVERS: ['unhealthy', 'The server does not support EDNS version 0.', 'Update the server.'],
  NOERROR: [
    'unhealthy',
    'The query succeeds although `expect.rcode` is another.',
    'Look at the answer; a captive portal or a wildcard record looks like this.',
  ],
  unknown_rcode: ['unhealthy', 'A response code that is not listed here.', 'Look at the message.'],
  no_answer: [
    'unhealthy',
    'The name has no record of the type.',
    'Check the zone, or set `expect.minAnswers: 0`.',
  ],
  too_few_answers: ['unhealthy', 'There are fewer records than `expect.minAnswers`.', 'Check the zone.'],
  answer_mismatch: [
    'unhealthy',
    'A record of `expect.answers` is missing.',
    'Look at the message; compare with `dig`.',
  ],
  not_authoritative: [
    'unhealthy',
    'The answer does not come from an authority of the zone, where `expect.authoritative` is true.',
    'Check that the server has the zone, and that no cache stands in front of it.',
  ],
  authoritative: [
    'unhealthy',
    'The answer comes from an authority of the zone, where `expect.authoritative` is false.',
    'Check whether this is the resolver that you mean.',
  ],
  truncated: [
    'unhealthy',
    'The answer does not fit into a datagram, and there is none over TCP; or it is cut off there as well.',
    'Open the TCP port of the server.',
  ],
  wrong_reply: [
    'protocol_error',
    'What came until the deadline is no reply to our query.',
    'Check what answers on the port; somebody may be forging replies.',
  ],
  malformed_reply: [
    'protocol_error',
    'The reply breaks the rules of DNS.',
    'Check what answers on the port.',
  ],
}
