/** A client on loopback that says exactly the bytes it is told to, and reads only when it wants to. */
import { connect, type OnReadOpts, type Socket } from 'node:net'
import type { Answers } from './answers.ts'

export interface Attack {
  readonly port: number
  /** The addresses that the attack comes from in turn, such as `127.0.0.66`. Default: the system's choice. */
  readonly from?: string | readonly string[]
  /** The attack ends after so long. */
  readonly durationMs: number
  /** Takes what the server answers, where the attack reads it. Default: nobody does. */
  readonly answers?: Answers
}

/** A request on a connection that stays open. */
export function get(path: string, headers = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`
}

/** Connects and writes. Errors are part of an attack: they only close the socket. */
export function open(
  { port, from }: Pick<Attack, 'port' | 'from'>,
  bytes: string | Buffer,
  onread?: OnReadOpts,
): Socket {
  const localAddress = typeof from === 'string' ? from : from?.[Math.floor(Math.random() * from.length)]
  const socket = connect({
    port,
    host: '127.0.0.1',
    ...(localAddress !== undefined && { localAddress }),
    ...(onread !== undefined && { onread }),
  })
  socket.on('error', () => {})
  if (bytes.length > 0) socket.write(bytes)
  return socket
}

/** Runs `step` again and again, `everyMs` apart, until the attack's time is over. */
export async function repeat({ durationMs }: Attack, everyMs: number, step: () => void): Promise<void> {
  const steps = setInterval(step, everyMs)
  step()
  await new Promise(resolve => setTimeout(resolve, durationMs))
  clearInterval(steps)
}

/** Keeps so many sockets open, a few new ones at a time so that the system's queue of new connections does not overflow. */
export function keepOpen(sockets: Set<Socket>, count: number, make: () => Socket): number {
  let made = 0
  for (; made < 50 && sockets.size < count; made++) {
    const socket = make()
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  }
  return made
}
