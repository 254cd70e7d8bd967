/** What every socket of a check has in common: that it ends with the check, and how it fails. */
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { CheckError } from '../../model/dependency.ts'

/** Ties a socket to the check: destroyed on abort, and never an unhandled `error` event. */
export function guard(socket: Socket, signal: AbortSignal): void {
  const abort = () => socket.destroy()
  socket.on('error', () => {})
  socket.once('close', () => signal.removeEventListener('abort', abort))
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort)
}

interface Events {
  readonly connect: undefined
  readonly secureConnect: undefined
  readonly data: Buffer
}

/** Resolves with the value of the event; rejects if the socket fails or closes first. */
export function waitFor<Name extends keyof Events>(socket: Socket, name: Name): Promise<Events[Name]> {
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void) => {
      socket.off(name, done).off('error', failed).off('close', closed).off('end', closed)
      finish()
    }
    const done = (value: Events[Name]) => settle(() => resolve(value))
    const closed = () => settle(() => reject(closedEarly()))
    const failed = (error: Error) => settle(() => reject(error))
    socket.on(name, done).on('error', failed).on('close', closed).on('end', closed)
  })
}

/**
 * Resolves when the socket has received data, or has stayed open for `ms`; rejects when it fails or the server closes it
 * first. It never sends a FIN: a server's close in reply to one would look like a refusal.
 */
export function staysOpen(socket: Socket, ms: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void) => {
      clearTimeout(timer)
      socket.off('data', done).off('error', failed).off('close', closed).off('end', closed)
      finish()
    }
    const done = () => settle(resolve)
    const failed = (error: Error) => settle(() => reject(error))
    const closed = () => settle(() => reject(closedEarly('soon after it was made')))
    // Timers fire before sockets are read: after a stall of our own process, the close may still be queued.
    const timer = setTimeout(() => setImmediate(() => setImmediate(done)), Math.max(0, ms))
    if (socket.errored) return failed(socket.errored)
    if (socket.destroyed) return closed()
    socket.on('data', done).on('error', failed).on('close', closed).on('end', closed)
  })
}

/** Whether a connection is over TLS. Node's class would tell as well, but loading it takes 4 MiB. */
export function isTls(socket: object): socket is TLSSocket {
  return 'encrypted' in socket
}

/** The failure of a server that hung up too early; `when` completes the sentence. */
export function closedEarly(when = 'before it answered'): CheckError {
  return new CheckError('connection_error', 'closed_early', `the server closed the connection ${when}`)
}

export function tooLarge(maxBytes: number): CheckError {
  return new CheckError('protocol_error', 'body_too_large', `the server sent more than ${maxBytes} bytes`)
}
