/** The query parameters of a `postgres://` URL: those that are taken, and what to do instead of those that are not. */
import { tlsOptions } from '../shared/tls.ts'

/**
 * The values of `sslmode` that are taken. There is no mode that encrypts if it happens to work: `require` and
 * `verify-ca` are read in the stricter sense, since a peer that is not verified can be anybody.
 */
export const sslModes = new Map([
  ['disable', undefined],
  ['no-verify', tlsOptions.parse({ verify: false })],
  ['require', tlsOptions.parse({})],
  ['verify-ca', tlsOptions.parse({})],
  ['verify-full', tlsOptions.parse({})],
])

/** `connect_timeout` is silently outranked by `timeout`. */
const taken = ['sslmode', 'sslnegotiation', 'application_name', 'connect_timeout', 'channel_binding']

/** What to write instead of parameters that others know. */
const instead = new Map([
  ['sslrootcert', 'use tls.caFile'],
  ['sslcert', 'use tls.certFile'],
  ['sslkey', 'use tls.keyFile'],
  ['target_session_attrs', 'use role or writable'],
  ['pgbouncer', 'use pooler: true'],
  ['host', 'Unix sockets are not supported; use TCP'],
])

/**
 * Further parameters of libpq 18 (documentation, "Parameter Key Words") and of widespread drivers. Only a word of these
 * lists is ever named in a message: any other in its place may be a secret.
 */
const others = new Set([
  ...['hostaddr', 'port', 'dbname', 'user', 'password', 'passfile', 'require_auth', 'client_encoding'],
  ...['options', 'fallback_application_name', 'keepalives', 'keepalives_idle', 'keepalives_interval'],
  ...['keepalives_count', 'tcp_user_timeout', 'replication', 'gssencmode', 'requirepeer', 'krbsrvname'],
  ...['gsslib', 'gssdelegation', 'requiressl', 'sslcompression', 'sslpassword', 'sslcertmode', 'sslcrl'],
  ...['sslcrldir', 'sslsni', 'sslkeylogfile', 'ssl_min_protocol_version', 'ssl_max_protocol_version'],
  ...['min_protocol_version', 'max_protocol_version', 'scram_client_key', 'scram_server_key', 'service'],
  ...['servicefile', 'load_balance_hosts', 'oauth_issuer', 'oauth_client_id', 'oauth_client_secret'],
  ...['oauth_scope', 'ssl', 'schema', 'currentSchema', 'connection_limit', 'pool_timeout'],
])

/** What is wrong with the parameters, without quoting anything that may be secret. */
export function parametersProblem(given: URLSearchParams): string | undefined {
  return [...given.keys()].map((name, i) => parameterProblem(name, i, given)).find(Boolean)
}

function parameterProblem(name: string, index: number, given: URLSearchParams): string | undefined {
  if (!taken.includes(name)) return unknownProblem(name, index)
  const [value = '', second] = given.getAll(name)
  if (second !== undefined) return `parameter "${name}" is twice in the URL`
  if (value.includes('\0')) return `parameter "${name}" must not hold a zero byte`
  if (name === 'sslmode' && !sslModes.has(value))
    return `sslmode in the URL must be one of ${[...sslModes.keys()].join(', ')}; prefer and allow may send the password in clear`
  if (name === 'sslnegotiation' && value !== 'postgres' && value !== 'direct')
    return 'sslnegotiation in the URL must be postgres or direct'
  if (name === 'channel_binding' && given.get('sslmode') === 'no-verify' && value === 'require')
    return 'channel_binding=require needs a verified certificate; remove sslmode=no-verify'
  return undefined
}

function unknownProblem(name: string, index: number): string {
  const hint = instead.get(name) ?? (others.has(name) ? 'remove it' : undefined)
  if (hint !== undefined) return `unknown parameter "${name}" in the URL; ${hint}`
  return `unknown parameter in the URL, number ${index + 1} after "?"; known are ${taken.join(', ')}`
}
