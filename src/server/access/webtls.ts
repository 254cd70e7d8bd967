/** `tls_server_config` of the web config file: its schema, and the way to Node's settings. */
import { isAbsolute, join } from 'node:path'
import type { SecureVersion } from 'node:tls'
import { z } from 'zod'
import { clientAuthTypes, type TlsSettings, verifiesClients } from '../http/tls.ts'

/** A PEM text, or the file that holds it. */
export type Pem = { readonly file: string } | { readonly text: string }

type PemKey = 'cert' | 'key' | 'clientCa'

export interface TlsFile extends Omit<TlsSettings, PemKey> {
  readonly cert: Pem
  readonly key: Pem
  readonly clientCa?: Pem | undefined
}

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

const cipher = z
  .string()
  .refine(
    name => process.getBuiltinModule('node:tls').getCiphers().includes(toOpenSslName(name).toLowerCase()),
    {
      error: 'expected the name of a TLS cipher suite, such as TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
    },
  )

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

/** @param directory where relative paths start. */
export function tlsSchema(directory: string): z.ZodType<TlsFile> {
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
    refuseConflicts(keys, clientCa, refuse)
    if (cert === undefined || key === undefined) return z.NEVER
    return { ...toTlsSettings(keys), cert, key, clientCa }
  })
}

type Refuse = (key: string, message: string) => void

function refuseConflicts(keys: TlsKeys, clientCa: Pem | undefined, refuse: Refuse): void {
  const { client_auth_type: type, client_allowed_sans: sans, min_version, max_version } = keys
  const verifies = verifiesClients({ clientAuth: type })
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
    ciphers: cipher_suites.map(toOpenSslName).join(':') || undefined,
    curves: curve_preferences.map(name => curves[name]).join(':') || undefined,
  }
}

/** `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256` becomes `ECDHE-RSA-AES128-GCM-SHA256`. Names of TLS 1.3 are the same in both. */
function toOpenSslName(name: string): string {
  if (!name.includes('_WITH_')) return name
  return name
    .replace(/^TLS_(RSA_WITH_)?/, '')
    .replace('_WITH_', '_')
    .replace(/AES_(128|256)_(?:CBC_)?/, 'AES$1_')
    .replace('CHACHA20_POLY1305_SHA256', 'CHACHA20_POLY1305')
    .replaceAll('_', '-')
}
