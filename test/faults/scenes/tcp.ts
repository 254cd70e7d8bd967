/** TCP: a server that changes its mind about connections and banners. */
import type { Socket } from 'node:net'
import { flood, serve } from '../../support/net.ts'
import type { Fault, SceneScript, Verdict } from '../scene.ts'

const welcome: (socket: Socket) => void = socket => socket.write('220 mail.example ESMTP\r\n')

export const tcp: SceneScript = {
  async open() {
    let greet = welcome
    const server = await serve(socket => greet(socket))
    const url = `tcp://127.0.0.1:${server.port}`
    const expecting = { kind: 'tcp', url, expect: { contains: '220 ' } }
    const row = (
      id: string,
      fault: string,
      bad: typeof greet,
      verdict: Verdict,
      dependency: object = expecting,
    ): Fault => ({
      id,
      fault,
      dependency: { ...dependency },
      verdict,
      inject() {
        greet = bad
      },
      heal() {
        greet = welcome
      },
    })
    const down = (reason: NonNullable<Verdict['reason']>, detail: string): Verdict => ({
      status: 'down',
      reason,
      detail,
    })
    return {
      faults: [
        row(
          'N13',
          'a proxy without a backend closes at once',
          socket => socket.destroy(),
          down('connection_error', 'closed_early'),
          { kind: 'tcp', url },
        ),
        row('Q4', 'no banner comes', () => {}, down('timeout', 'timeout')),
        row(
          'Q4',
          'another banner, and the connection stays open',
          socket => socket.write('554 go away\r\n'),
          down('unhealthy', 'body_mismatch'),
        ),
        row('Q4', 'a banner of a byte each 50 ms', drip, down('unhealthy', 'body_mismatch')),
        row('Q4', 'an endless banner', flood, down('protocol_error', 'body_too_large')),
      ],
      unplayed: [
        {
          id: 'N7',
          fault: 'frozen, and the kernel accepts',
          why: 'up, by design: TCP proves the kernel; see README, "Limits"',
        },
        { id: 'Q1, Q2, Q3', fault: 'gRPC', why: 'no such kind yet' },
      ],
      close: server.close,
    }
  },
}

function drip(socket: Socket): void {
  const timer = setInterval(() => socket.write('x'), 50)
  socket.once('close', () => clearInterval(timer))
}
