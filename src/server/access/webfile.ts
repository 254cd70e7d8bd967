/**
 * The file of `--web.config.file`, in the format of Prometheus' exporter-toolkit
 * (https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md). Strict: what we do not know
 * is refused. Parsing it reads no other file: `readWebFile` reads those that it names.
 */
import { isAbsolute, join } from 'node:path'
import { getCiphers, type SecureVersion } from 'node:tls'
import { z } from 'zod'
import type { Users } from './credentials.ts'
import { clientAuthTypes, secureOptions, type TlsSettings } from './tls.ts'

export interface WebConfig {
  readonly tls?: TlsSettings
  readonly users: Users
  /** Sent with every answer. */
  readonly headers: Readonly<Record<string, string>>
}

/** A PEM text, or the file that holds it. */
type Pem = { readonly file: string } | { readonly text: string }

type PemKey = 'cert' | 'key' | 'clientCa'

interface TlsFile extends Omit<TlsSettings, PemKey> {
  readonly cert: Pem
  readonly key: Pem
  readonly clientCa?: Pem | undefined
}

/** The file as it was parsed. */
export interface WebFile extends Omit<WebConfig, 'tls'> {
  readonly tls?: TlsFile
}

/** The files that it names, with absolute or relative paths as `readWebFile` reads them. */
export function filesOf({ tls }: WebFile): readonly string[] {
  if (tls === undefined) return []
  return [tls.cert, tls.key, tls.clientCa].flatMap(pem =>
    pem !== undefined && 'file' in pem ? pem.file : [],
  )
}

/** What reading a web config file takes of the world around. */
export interface Reading {
  /** The text of a file, or why it cannot be had. */
  read(file: string): Promise<ReadText>
  /** Takes a problem with the value at a path of the file. */
  refuse(path: readonly string[], message: string): void
}

export type ReadText =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly problem: { readonly message: string } }

/** Reads the files that it names. Undefined after a problem was refused. */
export async function readWebFile(web: WebFile, { read, refuse }: Reading): Promise<WebConfig | undefined> {
  const { tls, ...rest } = web
  if (tls === undefined) return rest
  const { cert, key, clientCa, ...others } = tls
  const text = async (name: string, pem: Pem) => {
    if ('text' in pem) return pem.text
    const source = await read(pem.file)
    if (source.ok) return source.text
    return void refuse(['tls_server_config', name], `${pem.file} ${source.problem.message}`)
  }
  const texts = [await text('cert_file', cert), await text('key_file', key)] as const
  const ca = clientCa && (await text('client_ca_file', clientCa))
  if (texts[0] === undefined || texts[1] === undefined || (clientCa && ca === undefined)) return undefined
  const settings = { ...others, cert: texts[0], key: texts[1], clientCa: ca }
  try {
    secureOptions(settings)
    return { ...rest, tls: settings }
  } catch (error) {
    const { message } = error as Error
    const why = `the certificate and its key cannot be used: ${message}`
    return void refuse(['tls_server_config', 'cert_file'], why)
  }
}

/**
 * The schema of the file, with its parsed form.
 *
 * @param directory of the file: relative paths start there.
 */
export function webFileSchema(directory: string): z.ZodType<WebFile> {
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

function tlsSchema(directory: string): z.ZodType<TlsFile> {
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
    return { ...toTlsSettings(keys), cert, key, clientCa }
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

function toTlsSettings(keys: TlsKeys): Omit<TlsSettings, PemKey> {
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
