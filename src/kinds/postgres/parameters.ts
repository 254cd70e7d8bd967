/** The query parameters of a `postgres://` URL: which are supported, and what to use instead of the others. */
import { tlsOptions } from '../shared/tls.ts'

/**
 * The supported values of `sslmode`. No mode makes encryption optional, and `require` and `verify-ca` verify in full,
 * because an unverified peer can be anybody.
 */
export const sslModes = new Map([
  ['disable', undefined],
  ['no-verify', tlsOptions.parse({ verify: false })],
  ['require', tlsOptions.parse({})],
  ['verify-ca', tlsOptions.parse({})],
  ['verify-full', tlsOptions.parse({})],
])

/** `connect_timeout` is accepted without effect: `timeout` applies. */
const supported = ['sslmode', 'sslnegotiation', 'application_name', 'connect_timeout', 'channel_binding']

/** Replacements for parameters that other clients support. */
const replacements = new Map([
  ['sslrootcert', 'use tls.caFile'],
  ['sslcert', 'use tls.certFile'],
  ['sslkey', 'use tls.keyFile'],
  ['target_session_attrs', 'use role or writable'],
  ['pgbouncer', 'use pooler: true'],
  ['host', 'Unix sockets are not supported; use TCP'],
])

/**
 * Further parameters of libpq 18 (documentation, "Parameter Key Words") and of common drivers. A message names only words
 * from these lists: any other word may be part of a secret.
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

/** Returns what is wrong with the parameters, without quoting anything that may be secret. */
export function parametersProblem(given: URLSearchParams): string | undefined {
  return [...given.keys()].map((name, i) => parameterProblem(name, i, given)).find(Boolean)
}

function parameterProblem(name: string, index: number, given: URLSearchParams): string | undefined {
  if (!supported.includes(name)) return unknownProblem(name, index)
  const [value = '', second] = given.getAll(name)
  if (second !== undefined) return `parameter "${name}" occurs twice in the URL`
  if (value.includes('\0')) return `parameter "${name}" must not contain a zero byte`
  if (name === 'sslmode' && !sslModes.has(value))
    return `sslmode in the URL must be one of ${[...sslModes.keys()].join(', ')}; prefer and allow may send the password in clear text`
  if (name === 'sslnegotiation' && value !== 'postgres' && value !== 'direct')
    return 'sslnegotiation in the URL must be postgres or direct'
  if (name === 'channel_binding' && given.get('sslmode') === 'no-verify' && value === 'require')
    return 'channel_binding=require needs a verified certificate; remove sslmode=no-verify'
  return undefined
}

function unknownProblem(name: string, index: number): string {
  const hint = replacements.get(name) ?? (others.has(name) ? 'remove it' : undefined)
  if (hint !== undefined) return `unknown parameter "${name}" in the URL; ${hint}`
  return `unknown parameter in the URL, number ${index + 1} after "?"; supported are ${supported.join(', ')}`
}
