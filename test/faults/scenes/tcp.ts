/** TCP: a server that changes its mind about connections and banners. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { closedPort, flood, listen, serve } from '../../support/net.ts'
import type { Fault, Scene, SceneScript, Unplayed, Verdict } from '../scene.ts'

const welcome: (socket: Socket) => void = socket => socket.write('220 mail.example ESMTP\r\n')

const unplayed: readonly Unplayed[] = [
  {
    id: 'N7',
    fault: 'the process is frozen, and its kernel still accepts',
    why: '`up` without `expect`, by design: it proves the kernel behind the port. With `expect` it is `timeout`, as in Q4; so are frozen servers of other kinds: R1, P1',
    heldBy: ['test/kinds/tcp.test.ts: a connection alone is enough without expect'],
  },
  { id: 'Q1, Q2, Q3', fault: 'gRPC', why: 'there is no such kind yet' },
]

export const tcp: SceneScript = {
  unplayed,
  async open() {
    let greet = welcome
    const proxied = await openProxied()
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
        ...proxied.faults,
      ],
      async close() {
        await proxied.close()
        await server.close()
      },
    }
  },
}

/** A real HAProxy, before a server that goes away. */
async function openProxied(): Promise<Scene> {
  const [front, back] = [await closedPort(), await closedPort()]
  const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-haproxy-'))
  const config = [
    'defaults\n mode tcp\n retries 0\n timeout connect 1s\n timeout client 5s\n timeout server 5s',
    `listen service\n bind 127.0.0.1:${front}\n server one 127.0.0.1:${back}\n`,
  ]
  writeFileSync(join(folder, 'haproxy.cfg'), config.join('\n'))
  const backend = createServer(socket => socket.on('error', () => {}).resume())
  const open = async () => void (await listen(backend, back))
  await open()
  const path = `${process.env.PATH}:/usr/sbin`
  const proxy = spawn('haproxy', ['-db', '-q', '-f', join(folder, 'haproxy.cfg')], {
    stdio: 'ignore',
    env: { PATH: path },
  })
  await once(proxy, 'spawn')
  const fault: Fault = {
    id: 'N13',
    fault: 'HAProxy accepts, and nobody is behind it',
    dependency: { kind: 'tcp', url: `tcp://127.0.0.1:${front}` },
    verdict: { status: 'down', reason: 'connection_error', detail: ['closed_early', 'ECONNRESET'] },
    async inject() {
      backend.close()
      await once(backend, 'close')
    },
    heal: open,
  }
  return {
    faults: [fault],
    async close() {
      proxy.kill('SIGKILL')
      backend.close()
      rmSync(folder, { recursive: true })
    },
  }
}

function drip(socket: Socket): void {
  const timer = setInterval(() => socket.write('x'), 50)
  socket.once('close', () => clearInterval(timer))
}
