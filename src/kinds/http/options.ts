/** The options of kind `http`. */
import { z } from 'zod'
import { decodePercent } from '../../model/notation.ts'
import { fieldValueProblem, isFieldValue, secretFields } from '../shared/fields.ts'
import { ipFamily, secret, secretText, secretUrl } from '../shared/options.ts'
import { tlsOptions } from '../shared/tls.ts'
import { expectation, mostJudgeable } from './expect.ts'

const mebibyte = 2 ** 20

const requestHeaders = secretFields('header', name =>
  name === 'expect' ? 'this header cannot be set' : undefined,
)

const basicAuth = z.strictObject({
  username: z
    .string()
    .min(1)
    .regex(/^[^:]*$/, { error: 'a user name for basic auth cannot contain ":"' })
    .describe('User name.'),
  password: secret('Password.'),
})

export const options = z
  .strictObject({
    url: secretUrl(['http', 'https'], 'URL to request. A user and password in it are sent as basic auth.'),
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
        'Follow up to 5 redirects within the same origin, or from http to https on the same host. A redirect whose status is expected is not followed. Default false.',
      ),
    maxBodyBytes: z
      .int()
      .min(1)
      .max(16 * mebibyte)
      .optional()
      .describe(
        'Largest body in bytes, both encoded and decoded; a larger one fails the check. At most 256 KiB with expect.body.matches, 512 KiB with expect.json, 2 MiB with expect.body.contains. Default: 1 MiB, or that limit if it is lower.',
      ),
    traceparent: z.boolean().default(false).describe('Send a W3C traceparent header. Default false.'),
    expect: expectation.optional().describe('What to expect of the response. Default: any status 200-299.'),
  })
  .superRefine(refuseIncoherent)

export type Options = z.output<typeof options>

/** The largest body that is read, in bytes. */
export function bodyLimit({
  expect = {},
  maxBodyBytes = Math.min(mebibyte, mostJudgeable(expect)),
}: Options): number {
  return maxBodyBytes
}

type Refuse = (path: string, message: string) => void

/** Checks across keys. */
function refuseIncoherent(options: Options, context: z.RefinementCtx): void {
  const refuse: Refuse = (path, message) =>
    context.addIssue({ code: 'custom', path: path.split('.'), message })
  const { protocol } = options.url.url()
  if (options.tls !== undefined && protocol === 'http:' && !options.followRedirects)
    refuse('tls', 'tls needs a URL that starts with https://, or followRedirects')
  refuseCredentials(options, refuse)
  refuseBody(options, refuse)
}

function refuseCredentials({ url, headers = {}, basicAuth, bearerToken }: Options, refuse: Refuse): void {
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
  if (bearerToken !== undefined && !isFieldValue(bearerToken.reveal()))
    refuse('bearerToken', `a token ${fieldValueProblem}`)
  if ([username, password].some(part => decodePercent(part) === undefined))
    refuse('url', 'the user or the password cannot be decoded; write "%" as %25')
}

function refuseBody({ method, expect = {}, maxBodyBytes = 0 }: Options, refuse: Refuse): void {
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
