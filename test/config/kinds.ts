/** Small kinds with the option names of the real ones, so that the expected messages of this room stay its own. */
import { z } from 'zod'
import { defineKind, type Kind } from '../../src/model/kind.ts'
import { Secret, SecretUrl } from '../../src/model/secret.ts'

const secret = () =>
  z
    .string()
    .transform(text => new Secret(text))
    .meta({ file: true })
const text = () => z.string().min(1).meta({ file: true })

function url(schemes: readonly string[]) {
  const parse = (given: string, context: z.RefinementCtx): SecretUrl => {
    if (URL.canParse(given) && schemes.includes(new URL(given).protocol.slice(0, -1)))
      return new SecretUrl(given)
    context.addIssue({
      code: 'custom',
      message: `expected a URL that starts with ${schemes[0]}://, not ${given}`,
    })
    return z.NEVER
  }
  return z.string().transform(parse).meta({ file: true }).optional()
}

const tls = z.strictObject({
  ca: text().optional(),
  cert: text().optional(),
  key: secret().optional(),
  servername: z.string().optional(),
  verify: z.boolean().default(true),
})

const role = (...roles: readonly [string, ...string[]]) => z.enum(roles).default('any')
const node = z.string().regex(/^[^:]+:\d+$/)

const postgres = defineKind({
  name: 'postgres',
  schemes: ['postgres', 'postgresql'],
  options: z.strictObject({
    url: url(['postgres', 'postgresql']),
    host: z.string().optional(),
    port: z.int().min(1).max(65_535).default(5432),
    user: z.string().optional(),
    password: secret().optional(),
    database: z.string().optional(),
    tls: z.union([z.boolean(), tls]).optional(),
    query: z.string().default('SELECT 1'),
    role: role('primary', 'standby', 'any'),
    writable: z.boolean().default(false),
  }),
  target: ({ url, host }) => host ?? String(url),
  open: () => ({ check: async () => {} }),
})

const redis = defineKind({
  name: 'redis',
  schemes: ['redis', 'rediss'],
  options: z
    .strictObject({
      url: url(['redis', 'rediss']),
      host: z.string().optional(),
      port: z.int().min(1).max(65_535).default(6379),
      username: z.string().optional(),
      password: secret().optional(),
      tls: tls.optional(),
      sentinel: z
        .strictObject({ name: z.string(), nodes: z.array(node).min(1), password: secret().optional() })
        .optional(),
      role: role('master', 'replica', 'any'),
    })
    .refine(({ url, host }) => url === undefined || host === undefined, {
      path: ['host'],
      error: 'give either url or host',
    }),
  target: ({ url, host }) => host ?? String(url),
  open: () => ({ check: async () => {} }),
})

const http = defineKind({
  name: 'http',
  schemes: ['http', 'https'],
  options: z.strictObject({
    url: url(['http', 'https']).unwrap(),
    method: z.enum(['GET', 'HEAD', 'POST']).default('GET'),
    headers: z
      .record(
        z.string().regex(/^[a-zA-Z0-9-]+$/, { error: 'not the name of a header' }),
        z
          .string()
          .regex(/^[\t\x20-\x7e]*$/, { error: 'a header holds printable ASCII alone' })
          .transform(value => new Secret(value)),
      )
      .default({}),
    basicAuth: z.strictObject({ username: z.string(), password: secret() }).optional(),
    bearerToken: secret().optional(),
    maxBodyBytes: z.int().min(1).max(16_777_216).default(1_048_576),
    expect: z
      .strictObject({
        status: z.array(z.union([z.int().min(100).max(599), z.string().regex(/^\d{3}-\d{3}$/)])).optional(),
        json: z.record(z.string(), z.json()).optional(),
      })
      .optional(),
  }),
  target: ({ url }) => String(url),
  open: () => ({ check: async () => {} }),
})

const tcp = defineKind({
  name: 'tcp',
  schemes: ['tcp'],
  options: z.strictObject({
    url: url(['tcp']),
    host: z.string().optional(),
    port: z.int().min(1).max(65_535).optional(),
    tls: tls.optional(),
    send: z.string().optional(),
  }),
  target: ({ url, host }) => host ?? String(url),
  open: () => ({ check: async () => {} }),
})

export const kinds: readonly Kind[] = [postgres, redis, http, tcp]
