/**
 * HTTP: one request over a fresh connection, and an answer that is as expected. HTTP/1.1, no proxy, no cookies. The whole
 * body is read, so that truncated answers are noticed; use HEAD for endless or very large ones. Redirects are followed
 * within one origin and from http to https on the same host, a few at most.
 */

import { type CheckContext, CheckError } from '../../model/dependency.ts'
import { defineKind } from '../../model/kind.ts'
import { decodePercent } from '../../model/notation.ts'
import { SecretUrl } from '../../model/secret.ts'
import { connect } from '../shared/connect.ts'
import { revealFields } from '../shared/fields.ts'
import { bareHost } from '../shared/options.ts'
import { tlsOptions } from '../shared/tls.ts'
import { isExpected, verify } from './expect.ts'
import { failures } from './failures.ts'
import { bodyLimit, type Options, options } from './options.ts'
import type { Answer, exchange, Request } from './request.ts'

const fullVerification = tlsOptions.parse({})

/** Sends a request and looks at the response: `http({ url: 'https://payments/health' })`. */
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
    // This file loads undici.
    const loading = import('./request.ts')
    return {
      async check(context) {
        const { exchange } = await loading
        const headers = options.traceparent
          ? { ...first.headers, traceparent: context.traceparent() }
          : first.headers
        const answer = await follow(
          { ...first, headers },
          answer => !options.followRedirects || isExpected(expect, answer.status),
          request => roundTrip(exchange, request, options, context),
        )
        if (answer.body !== undefined) context.measure('body_bytes', answer.body.length)
        verify(expect, answer)
      },
    }
  },
})

async function roundTrip(
  send: typeof exchange,
  request: Request,
  options: Options,
  context: CheckContext,
): Promise<Answer> {
  const { ipFamily, tls, expect = {} } = options
  const { protocol, hostname, port } = request.url
  const secured = protocol === 'https:'
  const address = { host: bareHost(hostname), port: Number(port) || (secured ? 443 : 80), ipFamily }
  const security = secured ? { tls: tls ?? fullVerification, alpn: ['http/1.1'] } : undefined
  const socket = await connect({ ...address, ...security }, context)
  try {
    const reading = {
      wanted: (status: number) => isExpected(expect, status),
      maxBodyBytes: bodyLimit(options),
    }
    return await send(socket, request, reading, context)
  } finally {
    socket.destroy()
  }
}

function firstRequest(options: Options): Request {
  const authorization = authorizationOf(options)
  const headers = {
    accept: '*/*',
    'user-agent': 'pulsecheck',
    ...revealFields(options.headers ?? {}),
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
  if (basicAuth) return encodeBasic(basicAuth.username, basicAuth.password.reveal())
  // RFC 6750.
  if (bearerToken) return `Bearer ${bearerToken.reveal()}`
  const { username, password } = url.url()
  if (username === '' && password === '') return undefined
  return encodeBasic(decodePercent(username) ?? '', decodePercent(password) ?? '')
}

/** RFC 7617, in UTF-8. */
function encodeBasic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

function withoutUser(url: URL): URL {
  url.username = ''
  url.password = ''
  return url
}

/** More redirects than this are probably a loop. */
const maxRedirects = 5
const redirects = new Set([301, 302, 303, 307, 308])

/**
 * Follows redirects from the first request to the final answer.
 *
 * @param isFinal whether an answer is accepted as it is, even if it is a redirect.
 * @throws CheckError `redirect_blocked` if a redirect leads elsewhere, or if there are too many. Credentials must not go
 * elsewhere, and an answer from elsewhere says nothing about this dependency.
 */
async function follow(
  first: Request,
  isFinal: (answer: Answer) => boolean,
  ask: (request: Request) => Promise<Answer>,
): Promise<Answer> {
  let request = first
  for (let hops = 0; ; hops++) {
    const answer = await ask(request)
    const location = redirects.has(answer.status) ? answer.headers.location : undefined
    if (location === undefined || isFinal(answer)) return answer
    if (hops === maxRedirects) throw blocked(`redirected more than ${maxRedirects} times`)
    request = redirect(request, answer.status, location)
  }
}

function redirect(request: Request, status: number, location: string): Request {
  const url = URL.parse(location, request.url.href)
  if (url === null || !isAllowed(request.url, url))
    throw blocked('a redirect to another origin is not followed')
  return becomesGet(request.method, status)
    ? { url, method: 'GET', headers: withoutContent(request.headers), body: undefined }
    : { ...request, url }
}

/**
 * Allows redirects within an origin, or from http to https on the same host, whatever the port. Credentials may go there:
 * the sender of the redirect has already seen them in clear text. Never from https to http.
 */
function isAllowed(from: URL, to: URL): boolean {
  const isUpgrade = from.protocol === 'http:' && to.protocol === 'https:' && from.hostname === to.hostname
  return isUpgrade || from.origin === to.origin
}

/** Changes methods as browsers do: the Fetch standard, "HTTP-redirect fetch", step 12. */
function becomesGet(method: string, status: number): boolean {
  return status === 303 ? method !== 'GET' && method !== 'HEAD' : status < 303 && method === 'POST'
}

/** Drops the headers that describe a body. */
function withoutContent(headers: Request['headers']): Request['headers'] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('content-')))
}

function blocked(message: string): CheckError {
  return new CheckError('unhealthy', 'redirect_blocked', message)
}
