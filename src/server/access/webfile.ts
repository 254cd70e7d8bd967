/**
 * The file of `--web.config.file`, in the format of Prometheus' exporter-toolkit
 * (https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md). Unknown keys are refused.
 * Parsing it reads no other file: `readWebFile` reads those that it names.
 */
import { validateHeaderValue } from 'node:http'
import { z } from 'zod'
import { secureOptions, type TlsSettings } from '../http/tls.ts'
import type { Users } from '../options.ts'
import { type Pem, type TlsFile, tlsSchema } from './webtls.ts'

export interface WebConfig {
  readonly tls?: TlsSettings | undefined
  readonly users: Users
  /** Sent with every answer. */
  readonly headers: Readonly<Record<string, string>>
}

/** The parsed file, which may name others. */
interface WebFile extends Omit<WebConfig, 'tls'> {
  readonly tls?: TlsFile | undefined
}

/** The files that a web config file names, with the paths by which `readWebFile` reads them. */
export function filesOf({ tls }: WebFile): readonly string[] {
  if (tls === undefined) return []
  return [tls.cert, tls.key, tls.clientCa].flatMap(pem =>
    pem !== undefined && 'file' in pem ? pem.file : [],
  )
}

interface Reading {
  /** Returns the text of a file, or why it cannot be read. Never rejects. */
  read(file: string): Promise<ReadText>
  /** Receives a problem with the value at a path in the web config file. */
  refuse(path: readonly string[], message: string): void
}

type ReadText =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly problem: { readonly message: string } }

/**
 * Reads the files that a web config file names.
 *
 * @returns undefined if there was a problem.
 */
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
 * Returns the schema of the file.
 *
 * @param directory of the file, where relative paths start.
 */
export function webFileSchema(directory: string): z.ZodType<WebFile> {
  return z
    .strictObject({
      tls_server_config: tlsSchema(directory).optional(),
      http_server_config: httpSchema.optional(),
      basic_auth_users: usersSchema.optional(),
    })
    .transform(file => ({
      tls: file.tls_server_config,
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
  .refine(isHeaderValue, { error: 'expected a header value: text on one line, without control characters' })
  .optional()

const httpSchema = z.strictObject({
  http2: z
    .boolean()
    .optional()
    .describe('Accepted because other exporters know it. Pulsecheck always answers with HTTP/1.1.'),
  headers: z.strictObject(Object.fromEntries(headerNames.map(name => [name, headerValue]))).optional(),
}) as z.ZodType<{ readonly headers?: Readonly<Record<string, string>> }>

function isHeaderValue(value: string): boolean {
  try {
    validateHeaderValue('value', value)
    return true
  } catch {
    return false
  }
}
