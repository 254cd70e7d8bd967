/** Stops on the server what a check has started there. */
import type { CheckerContext, PhaseTrace } from '../dependency.ts'
import type { Session } from './postgres-session.ts'
import { cancelRequest } from './postgres-wire.ts'
import { type ConnectOptions, connect } from './shared/connect.ts'

export interface Cancel {
  /** Asks the server to stop the session's query, if there is a session. Best effort: it never fails. */
  send(signal: AbortSignal): Promise<void>
  /** The same within a time that every command and every shutdown waits for. */
  sendInTime(): Promise<void>
  /** Whether it was asked for. */
  isSent(): boolean
}

/** Longer than a server needs that is alive, and less than a shutdown waits for checks to let go. */
const cancelMs = 400

/** @param peer the very server that the session is with, which a name alone may not stand for. */
export function createCancel(session: Session, peer: ConnectOptions, context: CheckerContext): Cancel {
  let isSent = false
  const send = async (signal: AbortSignal) => {
    const key = session.cancelKey()
    if (key === undefined) return
    isSent = true
    try {
      const socket = await connect(peer, context, signal, untraced)
      // The server hangs up when it has done it; PgBouncer forgets the request if we hang up first.
      socket.write(cancelRequest(key))
      await new Promise(resolve => socket.once('close', resolve).resume())
    } catch {
      // What remains is the server's own statement_timeout.
    }
  }
  return { send, sendInTime: () => within(cancelMs, send), isSent: () => isSent }
}

/** Work that is aborted after so many milliseconds. */
async function within(ms: number, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(), ms)
  await work(controller.signal)
  clearTimeout(timer)
}

const untraced: PhaseTrace = { enter() {}, measure() {}, traceparent: () => '', presume() {} }
