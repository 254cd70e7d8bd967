/**
 * `pulsecheck healthcheck`: probes a running instance, for images without curl. It imports little but Node's own modules,
 * since an orchestrator runs it every few seconds.
 */
import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { formatDuration } from '../model/notation.ts'
import { Exit, exitCodes, print } from './ending.ts'

interface HealthcheckOptions {
  /** Probe readiness instead of liveness, unless the URL has a path. */
  readonly ready?: boolean
  /** Deadline of the whole answer, in milliseconds. */
  readonly timeout: number
  /** Accept any certificate. */
  readonly insecure?: boolean
}

/** An answer is cut to this many characters. */
const maxShown = 300

/**
 * Prints one line and resolves if the status is 2xx.
 *
 * @param text where the instance listens; a path in it replaces the default one.
 * @throws Exit 1 with one line for any other answer, 2 for anything but an http or https URL.
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
  const isSecure = url.protocol === 'https:'
  const { get } = process.getBuiltinModule(isSecure ? 'node:https' : 'node:http')
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

/** An error that stands for several failed addresses has no message of its own. */
function messageOf(error: Error & { errors?: readonly Error[] }): string {
  return oneLine(error.message || (error.errors ?? []).map(({ message }) => message).join(', ') || error.name)
}
