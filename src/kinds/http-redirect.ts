/** Redirects: followed within one origin, a few at most. */
import { CheckError } from '../dependency.ts'
import type { Answer, Request } from './http-request.ts'

/** More redirects than these are a loop, or as good as one. */
const maxRedirects = 5
const redirects = new Set([301, 302, 303, 307, 308])

/**
 * The answer at the end of the redirects, beginning with the first request.
 *
 * @param isFinal whether an answer is taken as it is, even if it is a redirect.
 * @throws CheckError `redirect_blocked` if a redirect leads to another origin, or if there are too many: credentials
 * must not go elsewhere, and an answer from elsewhere says nothing of this dependency.
 */
export async function followed(
  first: Request,
  isFinal: (answer: Answer) => boolean,
  ask: (request: Request) => Promise<Answer>,
): Promise<Answer> {
  let request = first
  for (let hops = 0; ; hops++) {
    const answer = await ask(request)
    const location = redirects.has(answer.status) ? answer.headers.location : undefined
    if (location === undefined || isFinal(answer)) return answer
    if (hops === maxRedirects) throw blocked(`more than ${maxRedirects} redirects`)
    request = redirected(request, answer.status, location)
  }
}

function redirected(request: Request, status: number, location: string): Request {
  const url = URL.parse(location, request.url.href)
  if (url === null || url.origin !== request.url.origin) throw blocked('a redirect to another origin')
  return becomesGet(request.method, status)
    ? { url, method: 'GET', headers: withoutContent(request.headers), body: undefined }
    : { ...request, url }
}

/** Methods change as browsers change them: the Fetch standard, "HTTP-redirect fetch", step 12. */
function becomesGet(method: string, status: number): boolean {
  return status === 303 ? method !== 'GET' && method !== 'HEAD' : status < 303 && method === 'POST'
}

/** The headers without those that describe a body. */
function withoutContent(headers: Request['headers']): Request['headers'] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('content-')))
}

function blocked(what: string): CheckError {
  return new CheckError('unhealthy', 'redirect_blocked', `${what} is not followed`)
}
