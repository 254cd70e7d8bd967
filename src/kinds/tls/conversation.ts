/** The conversation in clear text before TLS: bounded, with nothing left over when the handshake begins. */
import type { Socket } from 'node:net'
import { CheckError } from '../../model/dependency.ts'
import { closedEarly, tooLarge } from '../shared/socket.ts'
import { isTlsRecord, speaksTls } from '../shared/tls.ts'

export interface Conversation {
  /** Our own address, which the greeting of SMTP needs. */
  readonly localAddress: string
  send(message: string | Buffer): void
  /**
   * Waits for one message of the server.
   *
   * @param parse finds the first message in what has arrived; undefined while it is incomplete. Throws if it cannot become
   * one.
   */
  receive<T>(parse: (arrived: Buffer) => Message<T> | undefined): Promise<T>
}

export interface Message<T> {
  readonly value: T
  /** How many bytes it takes. */
  readonly bytes: number
}

const maxBytes = 64 * 1024

/** Even a greeting with a legal notice has fewer lines. */
const maxMessages = 500

/** What to do if a server of a protocol that begins in clear text does not. */
export const startTlsHint = 'if TLS begins at once on this port, remove startTls'

/**
 * Talks to the server until it is ready for the TLS handshake. Anything after its go-ahead is refused: it came before
 * encryption and would be taken for what comes after (CVE-2011-0411).
 *
 * @throws CheckError, or the error of the socket.
 */
export async function converse(
  socket: Socket,
  talk: (conversation: Conversation) => Promise<void>,
): Promise<void> {
  let arrived: Buffer = Buffer.alloc(0)
  let total = 0
  let messages = 0
  let failure: Error | undefined
  let wake = () => {}
  const take = (chunk: Buffer) => {
    total += chunk.length
    if (total > maxBytes) return fail(tooLarge(maxBytes))
    if (total === chunk.length && isTlsRecord(chunk)) return fail(speaksTls('remove startTls'))
    arrived = Buffer.concat([arrived, chunk])
    wake()
  }
  const fail = (error: Error) => {
    failure ??= error
    wake()
  }
  const close = () => fail(closedEarly('before TLS began'))
  const receive = async <T>(parse: (arrived: Buffer) => Message<T> | undefined): Promise<T> => {
    if (++messages > maxMessages) throw tooMany()
    for (;;) {
      const message = parse(arrived)
      if (message !== undefined) {
        arrived = arrived.subarray(message.bytes)
        return message.value
      }
      if (failure !== undefined) throw failure
      await new Promise<void>(resolve => {
        wake = resolve
      })
    }
  }
  socket.on('data', take).on('error', fail).on('close', close).on('end', close)
  try {
    const send = (message: string | Buffer) => void socket.write(message)
    await talk({ localAddress: socket.localAddress ?? '127.0.0.1', send, receive })
    if (arrived.length > 0) throw leftOver()
  } finally {
    socket.off('data', take).off('error', fail).off('close', close).off('end', close)
  }
}

/** Receives one line, without its end. */
export function receiveLine({ receive }: Conversation): Promise<string> {
  return receive(arrived => {
    const end = arrived.indexOf('\n')
    if (end === -1) return undefined
    return { value: arrived.toString('latin1', 0, end).replace(/\r$/, ''), bytes: end + 1 }
  })
}

/** The failure of a server that does not begin TLS. */
export function refused(why: string): CheckError {
  return new CheckError('tls_error', 'starttls_refused', why)
}

/** The failure of a server that refuses the connection with its greeting. */
export function turnedAway(words: string): CheckError {
  return new CheckError('unhealthy', 'greeting_refused', `the server greets with ${quote(words)}`)
}

export function notSpoken(protocol: string): CheckError {
  return new CheckError('protocol_error', 'protocol_error', `the server does not speak ${protocol}`)
}

/** Quotes the words of a server, shortened, with escapes for what does not print. Nothing that was sent is secret. */
export function quote(words: string): string {
  return JSON.stringify(words.length <= 80 ? words : `${words.slice(0, 79)}…`)
}

function leftOver(): CheckError {
  const message =
    'the server sent more than its go-ahead before the TLS handshake; somebody may have injected it'
  return new CheckError('protocol_error', 'plaintext_after_starttls', message)
}

function tooMany(): CheckError {
  return new CheckError('protocol_error', 'body_too_large', `the server sent more than ${maxMessages} lines`)
}
