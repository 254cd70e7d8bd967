/** A client on loopback that says exactly the bytes it is told to, and reads only when it wants to. */
import { connect, type Socket } from 'node:net'

export interface Attack {
  readonly port: number
  /** The address that the attack comes from, such as `127.0.0.66`. Default: the system's choice. */
  readonly from?: string
  /** The attack ends after so long. */
  readonly durationMs: number
}

/** A request on a connection that stays open. */
export function get(path: string, headers = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`
}

/** Connects and writes. Errors are part of an attack: they only close the socket. */
export function open({ port, from }: Pick<Attack, 'port' | 'from'>, bytes: string): Socket {
  const socket = connect({ port, host: '127.0.0.1', ...(from !== undefined && { localAddress: from }) })
  socket.on('error', () => {})
  if (bytes !== '') socket.write(bytes)
  return socket
}

/** Runs `step` again and again, `everyMs` apart, until the attack's time is over. */
export async function repeat({ durationMs }: Attack, everyMs: number, step: () => void): Promise<void> {
  const steps = setInterval(step, everyMs)
  step()
  await new Promise(resolve => setTimeout(resolve, durationMs))
  clearInterval(steps)
}
