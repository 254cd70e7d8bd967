/** What is on the port is not Redis at all, or says what Redis says in rare moments. */
import { serve } from '../../support/net.ts'
import type { Fault, SceneScript } from '../scene.ts'

export const impostors: SceneScript = {
  async open() {
    let says = '+PONG\r\n'
    const server = await serve(socket => {
      socket.on('data', () => socket.write(says))
    })
    const dependency = { kind: 'redis', url: `redis://127.0.0.1:${server.port}` }
    const row = (id: string, fault: string, words: string, verdict: Fault['verdict']): Fault => ({
      id,
      fault,
      dependency,
      verdict,
      inject() {
        says = words
      },
      heal() {
        says = '+PONG\r\n'
      },
      times: 5,
    })
    const protocolError = { status: 'down', reason: 'protocol_error', detail: 'protocol_error' } as const
    return {
      faults: [
        row('R12', 'HTTP answers on the port', 'HTTP/1.1 400 Bad Request\r\n\r\n', protocolError),
        row('R12', 'a bulk of 2 GB is announced', '$2147483647\r\n', {
          status: 'down',
          reason: 'protocol_error',
          detail: 'body_too_large',
        }),
        row('R12', 'half a reply', '+PO', { status: 'down', reason: 'timeout', detail: 'timeout' }),
        row('R3', 'LOADING', '-LOADING Redis is loading the dataset in memory\r\n', {
          status: 'down',
          reason: 'unhealthy',
          detail: 'LOADING',
        }),
        row('R13', 'MISCONF', '-MISCONF Redis is configured to save RDB snapshots\r\n', {
          status: 'down',
          reason: 'unhealthy',
          detail: 'MISCONF',
        }),
      ],
      close: server.close,
    }
  },
}
