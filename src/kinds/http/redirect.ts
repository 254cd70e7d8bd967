/** Redirects: followed within one origin and from http to https on the same host, a few at most. */
import { CheckError } from '../../model/dependency.ts'
import type { Answer, Request } from './request.ts'

/** More redirects than these are a loop, or as good as one. */
const maxRedirects = 5
const redirects = new Set([301, 302, 303, 307, 308])

/**
 * The answer at the end of the redirects, beginning with the first request.
 *
 * @param isFinal whether an answer is taken as it is, even if it is a redirect.
 * @throws CheckError `redirect_blocked` if a redirect leads elsewhere, or if there are too many: credentials must not
 * go elsewhere, and an answer from elsewhere says nothing about this dependency.
 */
export async function follow(
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
  if (url === null || !isFollowed(request.url, url))
    throw blocked('a redirect to another origin is not followed')
  return becomesGet(request.method, status)
    ? { url, method: 'GET', headers: withoutContent(request.headers), body: undefined }
    : { ...request, url }
}

/**
 * Within an origin, or up to https on the same host, whatever the port. Credentials may come along there: whoever sent
 * the redirect has had them in the clear. The way down to http is closed.
 */
function isFollowed(from: URL, to: URL): boolean {
  const isUpgrade = from.protocol === 'http:' && to.protocol === 'https:' && from.hostname === to.hostname
  return isUpgrade || from.origin === to.origin
}

/** Methods change as browsers change them: the Fetch standard, "HTTP-redirect fetch", step 12. */
function becomesGet(method: string, status: number): boolean {
  return status === 303 ? method !== 'GET' && method !== 'HEAD' : status < 303 && method === 'POST'
}

/** The headers without those that describe a body. */
function withoutContent(headers: Request['headers']): Request['headers'] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('content-')))
}

function blocked(message: string): CheckError {
  return new CheckError('unhealthy', 'redirect_blocked', message)
}
