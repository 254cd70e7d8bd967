/**
 * HTTP: one request over a fresh connection, and an answer that is as expected. HTTP/1.1, no proxy, no cookies. The
 * whole body is read, so that an answer that is cut off is noticed; for endless or very large ones, ask with HEAD.
 */
import { z } from 'zod'
import type { CheckContext } from '../../model/dependency.ts'
import { defineKind } from '../../model/kind.ts'
import { SecretUrl } from '../../model/secret.ts'
import { connect } from '../shared/connect.ts'
import { bareHost, ipFamily, secret, secretText, secretUrl } from '../shared/options.ts'
import { tlsOptions } from '../shared/tls.ts'
import { expectation, isExpected, mostJudgeable, verify } from './expect.ts'
import { failures } from './failures.ts'
import { basic, bearer, isHeaderValue, requestHeaders } from './headers.ts'
import { follow } from './redirect.ts'
import { type Answer, exchange, type Request } from './request.ts'

const mebibyte = 2 ** 20
const fullVerification = tlsOptions.parse({})

const basicAuth = z.strictObject({
  username: z
    .string()
    .min(1)
    .regex(/^[^:]*$/, { error: 'a user name for basic auth cannot hold ":"' })
    .describe('User name.'),
  password: secret('Password.'),
})

const options = z
  .strictObject({
    url: secretUrl(['http', 'https'], 'What to ask. A user and password in it are sent as basic auth.'),
    method: z
      .enum(['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'])
      .default('GET')
      .describe('Request method. Default GET.'),
    headers: requestHeaders.optional().describe('Request headers. Their values are never shown.'),
    body: secretText.optional().describe('Request body. Never shown.'),
    basicAuth: basicAuth.optional().describe('User and password, sent with each request.'),
    bearerToken: secret('Token, sent as "Authorization: Bearer".').optional(),
    ipFamily,
    tls: tlsOptions.optional(),
    followRedirects: z
      .boolean()
      .default(false)
      .describe(
        'Follow up to 5 redirects within the same origin, or from http to https on the same host; a status that is expected is not followed. Default false.',
      ),
    maxBodyBytes: z
      .int()
      .min(1)
      .max(16 * mebibyte)
      .optional()
      .describe(
        'The most that is read of a body, in bytes, encoded and decoded; beyond that the check fails. At most 256 KiB with expect.body.matches, 512 KiB with expect.json, 2 MiB with expect.body.contains. Default: 1 MiB, or what is allowed if that is less.',
      ),
    traceparent: z.boolean().default(false).describe('Send a W3C traceparent header. Default false.'),
    expect: expectation.optional().describe('What the answer must be like. Default: any status 200-299.'),
  })
  .superRefine(coherent)

type Options = z.output<typeof options>

export const http = defineKind({
  name: 'http',
  schemes: ['http', 'https'],
  options,
  example: { url: 'https://payments.example/health' },
  measurements: { status_code: 'Status of the last answer.', body_bytes: 'Size of the last body, decoded.' },
  failures,
  target: options => String(new SecretUrl(withoutUser(options.url.url()).href)),
  open(options) {
    const first = firstRequest(options)
    const expect = options.expect ?? {}
    return {
      async check(context) {
        const headers = options.traceparent
          ? { ...first.headers, traceparent: context.traceparent() }
          : first.headers
        const answer = await follow(
          { ...first, headers },
          answer => !options.followRedirects || isExpected(expect, answer.status),
          request => roundTrip(request, options, context),
        )
        if (answer.body !== undefined) context.measure('body_bytes', answer.body.length)
        verify(expect, answer)
      },
    }
  },
})

async function roundTrip(
  request: Request,
  { ipFamily, tls, expect = {}, maxBodyBytes = Math.min(mebibyte, mostJudgeable(expect)) }: Options,
  context: CheckContext,
): Promise<Answer> {
  const { protocol, hostname, port } = request.url
  const secured = protocol === 'https:'
  const address = { host: bareHost(hostname), port: Number(port) || (secured ? 443 : 80), ipFamily }
  const security = secured ? { tls: tls ?? fullVerification, alpn: ['http/1.1'] } : {}
  const socket = await connect({ ...address, ...security }, context)
  try {
    const reading = { wanted: (status: number) => isExpected(expect, status), maxBodyBytes }
    return await exchange(socket, request, reading, context)
  } finally {
    socket.destroy()
  }
}

function firstRequest(options: Options): Request {
  const given = Object.entries(options.headers ?? {}).map(([name, value]) => [
    name.toLowerCase(),
    value.reveal(),
  ])
  const authorization = authorizationOf(options)
  const headers = {
    accept: '*/*',
    'user-agent': 'pulsecheck',
    ...Object.fromEntries(given),
    ...(authorization !== undefined && { authorization }),
  }
  return {
    url: withoutUser(options.url.url()),
    method: options.method,
    headers,
    body: options.body?.reveal(),
  }
}

function authorizationOf({ url, basicAuth, bearerToken }: Options): string | undefined {
  if (basicAuth) return basic(basicAuth.username, basicAuth.password.reveal())
  if (bearerToken) return bearer(bearerToken.reveal())
  const { username, password } = url.url()
  if (username === '' && password === '') return undefined
  return basic(decodeURIComponent(username), decodeURIComponent(password))
}

function withoutUser(url: URL): URL {
  url.username = ''
  url.password = ''
  return url
}

type Refuse = (path: string, message: string) => void

/** What no single key can tell. */
function coherent(options: Options, context: z.RefinementCtx): void {
  const refuse: Refuse = (path, message) =>
    context.addIssue({ code: 'custom', path: path.split('.'), message })
  const { protocol } = options.url.url()
  if (options.tls !== undefined && protocol === 'http:' && !options.followRedirects)
    refuse('tls', 'tls needs a URL that starts with https://, or followRedirects')
  coherentCredentials(options, refuse)
  coherentBody(options, refuse)
}

function coherentCredentials({ url, headers = {}, basicAuth, bearerToken }: Options, refuse: Refuse): void {
  const { username, password } = url.url()
  const ways = {
    url: username !== '' || password !== '',
    headers: Object.keys(headers).some(name => name.toLowerCase() === 'authorization'),
    basicAuth: basicAuth !== undefined,
    bearerToken: bearerToken !== undefined,
  }
  const [first, second] = Object.entries(ways).flatMap(([key, given]) => (given ? [key] : []))
  if (first !== undefined && second !== undefined)
    refuse(second, `credentials are given twice: in ${first} and in ${second}`)
  if (bearerToken !== undefined && !isHeaderValue(bearerToken.reveal()))
    refuse('bearerToken', 'a token cannot hold line breaks, control characters or characters outside Latin-1')
  if (!decodable(username) || !decodable(password))
    refuse('url', 'the user or the password has a "%" that begins no escape; write it as %25')
}

function coherentBody({ method, expect = {}, maxBodyBytes = 0 }: Options, refuse: Refuse): void {
  for (const key of ['body', 'json'] as const)
    if (method === 'HEAD' && expect[key] !== undefined)
      refuse(`expect.${key}`, 'an answer to HEAD has no body; use method GET')
  const most = mostJudgeable(expect)
  if (maxBodyBytes > most)
    refuse(
      'maxBodyBytes',
      `at most ${most} with this expectation: judging a larger body would delay other checks`,
    )
}

function decodable(text: string): boolean {
  try {
    return decodeURIComponent(text) !== undefined
  } catch {
    return false
  }
}
