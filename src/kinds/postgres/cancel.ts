/** Stops on the server what a check has started there. */
import type { CheckContext } from '../../model/dependency.ts'
import { type ConnectOptions, connect } from '../shared/connect.ts'
import type { Session } from './session.ts'
import { cancelRequest } from './wire.ts'

export interface Cancel {
  /**
   * Asks the server to stop the session's query, if there is a session. Best effort: it never fails. Resolves when the
   * server has done it or does not answer; a request that is under way is not made again.
   */
  send(): Promise<void>
  /** Resolves when no request is under way. */
  finished(): Promise<void>
  /** Whether it was asked for. */
  isSent(): boolean
}

/** Longer than a server needs that is alive, and less than a shutdown waits for checks to let go. */
const cancelMs = 400

/**
 * A request has a time of its own and outlives the check's signal: PgBouncer 1.18 and 1.19 end at once when we hang up
 * before they have passed it on (pgbouncer/pgbouncer#801), and later ones forget it.
 *
 * @param peer the very server that the session is with, which a name alone may not stand for.
 */
export function createCancel(session: Session, peer: ConnectOptions, context: CheckContext): Cancel {
  let isSent = false
  let underWay: Promise<void> | undefined
  const request = async () => {
    const key = session.cancelKey()
    if (key === undefined) return
    isSent = true
    await within(cancelMs, signal => deliver(cancelRequest(key), peer, { ...context, ...untraced, signal }))
  }
  const done = () => {
    underWay = undefined
  }
  return {
    async send() {
      underWay ??= request().finally(done)
      await underWay
    },
    async finished() {
      await underWay
    },
    isSent: () => isSent,
  }
}

/** Sends the request and waits for the server to hang up, by which it says that it is done. */
async function deliver(request: Buffer, peer: ConnectOptions, context: CheckContext): Promise<void> {
  try {
    const socket = await connect(peer, context)
    socket.write(request)
    await new Promise(resolve => socket.once('close', resolve).resume())
  } catch {
    // What remains is the server's own statement_timeout.
  }
}

/** Work that is aborted after so many milliseconds. */
async function within(ms: number, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(), ms)
  await work(controller.signal)
  clearTimeout(timer)
}

/** A cancel request is no part of the check that it follows. */
const untraced = { enter() {}, measure() {}, presume() {} }
