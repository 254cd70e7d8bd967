/** The failures that are common to all kinds: the network, names, TLS and a passed deadline. */
import type { Failure, Failures } from '../model/failure.ts'
import { lookupFailures } from './lookup-failures.ts'

const cut: Failure = [
  'connection_error',
  'The connection was cut.',
  "Look at the server's log, and at the proxies in between.",
]
const unreachable: Failure = [
  'connection_error',
  'There is no route to the host, or the host is down.',
  'Check routes and the network, and whether the host is up.',
]
const unanswered: Failure = [
  'connection_error',
  'The connection attempt got no answer before the deadline.',
  'Look for a firewall or network policy that drops packets, or a full accept queue.',
]
const forbidden: Failure = [
  'connection_error',
  'A local rule forbids the connection.',
  'Check the firewall and the security policy of this machine.',
]
const wrongName: Failure = [
  'tls_error',
  'The certificate is for another name.',
  'Connect by the right name, or set `tls.servername`.',
]
const untrusted: Failure = [
  'tls_error',
  'The chain does not lead to a trusted authority.',
  'Set `tls.caFile`, or let the server present its intermediate certificates.',
]
const unverified: Failure = [
  'tls_error',
  'The certificate chain failed verification for another cause.',
  'Look up the code, an OpenSSL verification result, and inspect the chain.',
]
const incompatible: Failure = [
  'tls_error',
  'Client and server have no version of TLS, or no cipher, in common.',
  'Check what the server supports, and `tls.minVersion`.',
]
const failedHandshake: Failure = [
  'tls_error',
  'The handshake failed on our side: no TLS on the port, or a client certificate or key that cannot be read.',
  'Check the port. `ERR_SSL_WRONG_VERSION_NUMBER` means plain text on the port.',
]
/** Alerts by which a server refuses our certificate: RFC 8446, section 6.2. */
const clientRefused: Failure = [
  'auth_error',
  'The server refuses our client certificate.',
  'Renew it, or have the server trust its authority.',
]
const notHttp: Failure = [
  'protocol_error',
  'The answer is not HTTP.',
  'Check the port, and whether the URL needs http or https.',
]
const badHttp: Failure = ['protocol_error', 'The answer breaks the rules of HTTP.', 'Look at the message.']

/**
 * By detail. Codes of Node, c-ares, OpenSSL and undici stand for themselves, so that a check function of an application
 * that throws one gets the same reason as a kind.
 */
export const commonFailures: Failures = {
  timeout: [
    'timeout',
    'The server was reached and did not answer in time. The message names the phase.',
    'Check whether it is overloaded, frozen or waiting for a lock. If it is merely slow, raise `timeout`.',
  ],

  ECONNREFUSED: [
    ['connection_error', 'Nothing listens on the port.', 'Start the server; check host and port.'],
    [
      'dns_error',
      'Nothing listens on port 53 of the name server.',
      'Check the servers in `/etc/resolv.conf`; an empty file means 127.0.0.1.',
    ],
  ],
  connect_timeout: unanswered,
  ETIMEDOUT: unanswered,
  EHOSTUNREACH: unreachable,
  ENETUNREACH: unreachable,
  EHOSTDOWN: unreachable,
  ENETDOWN: unreachable,
  ECONNRESET: cut,
  ECONNABORTED: cut,
  EPIPE: cut,
  ENOTCONN: cut,
  UND_ERR_SOCKET: cut,
  ERR_STREAM_PREMATURE_CLOSE: cut,
  closed_early: [
    'connection_error',
    'The server closed the connection before it answered or, for tcp without `expect`, soon after accepting it.',
    "Look at the server's log. A proxy without a backend does this, too.",
  ],
  EACCES: forbidden,
  EPERM: forbidden,

  ...lookupFailures,

  CERT_HAS_EXPIRED: [
    'tls_error',
    'The certificate, or one above it, has expired.',
    'Renew it. `dependency_tls_not_after_timestamp_seconds` warns beforehand.',
  ],
  CERT_NOT_YET_VALID: ['tls_error', 'The certificate is not valid yet.', 'Check the clocks.'],
  certificate_expires_soon: [
    'tls_error',
    'A certificate of the chain expires within `tls.expiresWithin`.',
    'Renew it.',
  ],
  ERR_TLS_CERT_ALTNAME_INVALID: wrongName,
  HOSTNAME_MISMATCH: wrongName,
  'UNABLE_TO_*': untrusted,
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  'CERT_*': unverified,
  'CRL_*': unverified,
  'ERROR_IN_*': unverified,
  INVALID_CA: unverified,
  INVALID_PURPOSE: unverified,
  PATH_LENGTH_EXCEEDED: unverified,
  tls_alert_protocol_version: incompatible,
  tls_alert_handshake_failure: incompatible,
  'tls_alert_*': [
    'tls_error',
    'The server ended the handshake with another alert. The rest is its name in RFC 8446, section 6.',
    "Look at the server's log. For `tls_alert_unrecognized_name`, check `tls.servername`.",
  ],
  'ERR_SSL_*': failedHandshake,
  'ERR_TLS_*': failedHandshake,
  'ERR_OSSL_*': failedHandshake,
  EPROTO: failedHandshake,

  certificate_required: [
    'auth_error',
    'The server demands a client certificate, and gets none that it can use.',
    'Set `tls.certFile` and `tls.keyFile`.',
  ],
  tls_alert_unknown_ca: clientRefused,
  tls_alert_bad_certificate: clientRefused,
  tls_alert_unsupported_certificate: clientRefused,
  tls_alert_certificate_expired: clientRefused,
  tls_alert_certificate_revoked: clientRefused,
  tls_alert_certificate_unknown: clientRefused,
  tls_alert_access_denied: clientRefused,

  protocol_error: [
    'protocol_error',
    'Whatever answered does not speak the protocol of the kind.',
    'Check the port.',
  ],
  body_too_large: [
    'protocol_error',
    'The server sent more than the limit.',
    'Ask for less; for http, raise `maxBodyBytes`, which some expectations limit.',
  ],
  'HPE_*': notHttp,
  UND_ERR_HEADERS_OVERFLOW: [
    'protocol_error',
    'The headers of the HTTP answer exceed 16 KiB.',
    'Ask for another path.',
  ],
  'UND_ERR_*': badHttp,

  internal_error: [
    'error',
    'An error that nothing else here names.',
    'Look at the message; it is probably a bug in Pulsecheck.',
  ],
}
