/**
 * The file of `--web.config.file`, in the format of Prometheus' exporter-toolkit
 * (https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md). Strict: what we do not know
 * is refused. The schema reads the files that it names, so that a missing certificate is told like any other mistake.
 */
import { isAbsolute, join } from 'node:path'
import { getCiphers, type SecureVersion } from 'node:tls'
import { z } from 'zod'
import type { Users } from './credentials.ts'
import { clientAuthTypes, type Pem, secureOptions, type TlsSettings } from './tls.ts'

export interface WebConfig {
  readonly tls?: TlsSettings
  readonly users: Users
  /** Sent with every answer. */
  readonly headers: Readonly<Record<string, string>>
}

/**
 * The schema of the file, with its parsed form.
 *
 * @param directory of the file: relative paths start there.
 */
export function webFileSchema(directory: string): z.ZodType<WebConfig> {
  return z
    .strictObject({
      tls_server_config: tlsSchema(directory).optional(),
      http_server_config: httpSchema.optional(),
      basic_auth_users: usersSchema.optional(),
    })
    .transform(file => ({
      ...(file.tls_server_config !== undefined && { tls: file.tls_server_config }),
      users: new Map(Object.entries(file.basic_auth_users ?? {})),
      headers: file.http_server_config?.headers ?? {},
    }))
}

const usersSchema = z.record(
  z.string().regex(/^[^:\p{Cc}]{1,256}$/u, { error: 'a user name has no colon and no control characters' }),
  z.string().regex(/^\$2[aby]\$(?:0[4-9]|1[0-6])\$[./A-Za-z0-9]{53}$/, {
    error: 'expected a bcrypt hash of cost 4 to 16, as `htpasswd -nBC 10 "" | tr -d ":"` prints it',
  }),
)

const headerNames = [
  'Content-Security-Policy',
  'Strict-Transport-Security',
  'X-Content-Type-Options',
  'X-Frame-Options',
  'X-XSS-Protection',
] as const

const headerValue = z
  .string()
  .regex(/^[\t\x20-\x7e]*$/, { error: 'expected printable ASCII' })
  .optional()

const httpSchema = z.strictObject({
  http2: z.boolean().optional().describe('Accepted for other exporters; we answer with HTTP/1.1 either way.'),
  headers: z.strictObject(Object.fromEntries(headerNames.map(name => [name, headerValue]))).optional(),
}) as z.ZodType<{ readonly headers?: Readonly<Record<string, string>> }>

const versions: Readonly<Record<string, SecureVersion>> = {
  TLS10: 'TLSv1',
  TLS11: 'TLSv1.1',
  TLS12: 'TLSv1.2',
  TLS13: 'TLSv1.3',
}
const version = z.enum(['TLS10', 'TLS11', 'TLS12', 'TLS13'])

const curves: Readonly<Record<string, string>> = {
  CurveP256: 'prime256v1',
  CurveP384: 'secp384r1',
  CurveP521: 'secp521r1',
  X25519: 'X25519',
}

const cipher = z.string().refine(name => getCiphers().includes(openSslName(name).toLowerCase()), {
  error: 'expected the name of a TLS cipher suite, such as TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
})

const tlsKeys = z.strictObject({
  cert_file: z.string().min(1).optional(),
  key_file: z.string().min(1).optional(),
  cert: z.string().min(1).optional(),
  key: z.string().min(1).optional(),
  client_ca_file: z.string().min(1).optional(),
  client_ca: z.string().min(1).optional(),
  client_auth_type: z.enum(clientAuthTypes).default('NoClientCert'),
  client_allowed_sans: z.array(z.string().min(1)).default([]),
  min_version: version.default('TLS12'),
  max_version: version.default('TLS13'),
  cipher_suites: z.array(cipher).default([]),
  curve_preferences: z.array(z.enum(['CurveP256', 'CurveP384', 'CurveP521', 'X25519'])).default([]),
  prefer_server_cipher_suites: z.boolean().default(true),
})

type TlsKeys = z.output<typeof tlsKeys>

function tlsSchema(directory: string): z.ZodType<TlsSettings> {
  return tlsKeys.transform((keys, context) => {
    const refuse = (key: string, message: string) =>
      context.addIssue({ code: 'custom', path: [key], message })
    const pem = (name: 'cert' | 'key' | 'client_ca'): Pem | undefined => {
      const { [name]: text, [`${name}_file` as const]: file } = keys
      if (text !== undefined && file !== undefined)
        refuse(name, `${name} and ${name}_file are both set; keep one`)
      if (file !== undefined) return { file: isAbsolute(file) ? file : join(directory, file) }
      return text === undefined ? undefined : { text }
    }
    const [cert, key, clientCa] = [pem('cert'), pem('key'), pem('client_ca')]
    if (cert === undefined) refuse('cert_file', 'is missing: TLS needs a certificate')
    if (key === undefined) refuse('key_file', 'is missing: TLS needs the key of its certificate')
    refuseUnclear(keys, clientCa, refuse)
    if (cert === undefined || key === undefined || context.issues.length > 0) return z.NEVER
    const settings = { ...translated(keys), cert, key, ...(clientCa !== undefined && { clientCa }) }
    tryOut(settings, refuse)
    return settings
  })
}

type Refuse = (key: string, message: string) => void

function refuseUnclear(keys: TlsKeys, clientCa: Pem | undefined, refuse: Refuse): void {
  const { client_auth_type: type, client_allowed_sans: sans, min_version, max_version } = keys
  const verifies = type === 'VerifyClientCertIfGiven' || type === 'RequireAndVerifyClientCert'
  if (verifies && clientCa === undefined)
    refuse('client_ca_file', `is missing; ${type} needs it to verify with`)
  if (clientCa !== undefined && type === 'NoClientCert')
    refuse('client_auth_type', 'is missing; client certificates are not asked for without it')
  if (sans.length > 0 && !verifies)
    refuse(
      'client_allowed_sans',
      'needs client_auth_type VerifyClientCertIfGiven or RequireAndVerifyClientCert',
    )
  if (min_version > max_version) refuse('min_version', `${min_version} is above max_version ${max_version}`)
}

function translated(keys: TlsKeys): Omit<TlsSettings, 'cert' | 'key' | 'clientCa'> {
  const { cipher_suites, curve_preferences } = keys
  return {
    clientAuth: keys.client_auth_type,
    clientSans: keys.client_allowed_sans,
    minVersion: versions[keys.min_version] as SecureVersion,
    maxVersion: versions[keys.max_version] as SecureVersion,
    preferServerCiphers: keys.prefer_server_cipher_suites,
    ...(cipher_suites.length > 0 && { ciphers: cipher_suites.map(openSslName).join(':') }),
    ...(curve_preferences.length > 0 && { curves: curve_preferences.map(name => curves[name]).join(':') }),
  }
}

/** `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256` is `ECDHE-RSA-AES128-GCM-SHA256`; the names of TLS 1.3 are the same. */
function openSslName(name: string): string {
  if (!name.includes('_WITH_')) return name
  return name
    .replace(/^TLS_(RSA_WITH_)?/, '')
    .replace('_WITH_', '_')
    .replace(/AES_(128|256)_(?:CBC_)?/, 'AES$1_')
    .replace('CHACHA20_POLY1305_SHA256', 'CHACHA20_POLY1305')
    .replaceAll('_', '-')
}

/** The message names the file and the code of the error; OpenSSL's words hold neither key nor certificate. */
function tryOut(settings: TlsSettings, refuse: Refuse): void {
  try {
    secureOptions(settings)
  } catch (error) {
    const { code, path, message } = error as NodeJS.ErrnoException
    const key = 'file' in settings.key && path === settings.key.file
    const ca =
      settings.clientCa !== undefined && 'file' in settings.clientCa && path === settings.clientCa.file
    if (path !== undefined) {
      const what = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`
      refuse(key ? 'key_file' : ca ? 'client_ca_file' : 'cert_file', `${path} ${what}`)
    } else refuse('cert_file', `the certificate and its key cannot be used: ${message}`)
  }
}
