/**
 * `pulsecheck healthcheck`: asks a running instance as an orchestrator would, where the image has no curl. It imports
 * Node's own modules alone, since it is started every few seconds.
 */
import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { formatDuration } from '../model/duration.ts'
import { Exit, exitCodes } from './exit.ts'
import { print } from './output.ts'

export interface HealthcheckOptions {
  /** Ask for readiness in place of liveness, where the URL names no path. */
  readonly ready?: boolean
  /** For the whole answer, in milliseconds. */
  readonly timeout: number
  /** Take any certificate. */
  readonly insecure?: boolean
}

/** Of an answer, so much is shown. */
const maxShown = 300

/**
 * Resolves for a status of 2xx, after one line on standard output.
 *
 * @param text where the instance listens, or with a path exactly what to ask.
 * @throws Exit 1 with one line for anything else, 2 for what is no http or https URL.
 */
export async function healthcheck(text: string, options: HealthcheckOptions): Promise<void> {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new Exit(exitCodes.usage, ['error: write a URL such as http://127.0.0.1:9797'])
  if (url.pathname === '/') url.pathname = options.ready === true ? '/readyz' : '/healthz'
  const shown = `${url.origin}${url.pathname}`
  const answer = await ask(url, options).catch(error => {
    throw new Exit(exitCodes.failed, [`${shown}: ${messageOf(error)}`])
  })
  const line = `${shown}: ${answer.status} ${answer.body}`.trimEnd()
  if (answer.status < 200 || answer.status > 299) throw new Exit(exitCodes.failed, [line])
  await print(process.stdout, `${line}\n`)
}

async function ask(
  url: URL,
  { timeout, insecure = false }: HealthcheckOptions,
): Promise<{ status: number; body: string }> {
  const options = { agent: false, headers: { connection: 'close' }, rejectUnauthorized: !insecure }
  const answer = Promise.withResolvers<IncomingMessage>()
  const { get } = await (url.protocol === 'https:' ? import('node:https') : import('node:http'))
  const request = get(url, options, answer.resolve)
  request.on('error', answer.reject)
  const late = Promise.withResolvers<never>()
  const error = new Error(`no answer within ${formatDuration(timeout)}`)
  const timer = setTimeout(() => late.reject(error), timeout)
  const read = async (response: IncomingMessage) => ({
    status: response.statusCode ?? 0,
    body: oneLine(await text(response)),
  })
  try {
    return await Promise.race([answer.promise.then(read), late.promise])
  } finally {
    clearTimeout(timer)
    request.destroy()
  }
}

function oneLine(body: string): string {
  const line = body.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim()
  return line.length <= maxShown ? line : `${line.slice(0, maxShown - 1)}…`
}

/** Several addresses that all fail have no message of their own. */
function messageOf(error: Error & { errors?: readonly Error[] }): string {
  return oneLine(error.message || (error.errors ?? []).map(({ message }) => message).join(', ') || error.name)
}
