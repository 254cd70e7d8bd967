/**
 * The network between us and a server, in a network namespace of its own: dropped, rejected, unreachable, exhausted.
 * Needs root, Linux and nft.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serveHttp } from '../../support/http.ts'
import { serve } from '../../support/net.ts'
import type { Fault, Scene, SceneScript, Unplayed } from '../scene.ts'

/** An address of the namespace's own loopback, which can be taken away. */
const elsewhere = '10.9.9.9'
const distant = '10.9.9.10'
const distant6 = 'fd00:9::9'
const portRange = '/proc/sys/net/ipv4/ip_local_port_range'

const unplayed: readonly Unplayed[] = [
  {
    id: 'N8, N9',
    fault: '30 % packet loss; a link of 64 kbit/s',
    why: 'there is no single verdict: up if the answer comes within `timeout`, else `timeout`; thresholds keep it from flapping',
    heldBy: ['test/kinds/shared/connect.test.ts: one that is merely slow is not given up for those after it'],
  },
]

export const network: SceneScript = {
  isolated: true,
  unplayed,
  async open() {
    nft('add table inet faults', 'add chain inet faults input { type filter hook input priority 0; }')
    ip('addr', 'add', `${elsewhere}/32`, 'dev', 'lo')
    const scenes = await Promise.all([openFiltered(), openDeaf(), openAddresses(), openCrowded()])
    return {
      faults: scenes.flatMap(({ faults }) => faults),
      async close() {
        await Promise.all(scenes.map(scene => scene.close()))
      },
    }
  },
}

async function openFiltered(): Promise<Scene> {
  const server = await serveHttp((_request, response) => response.end('ok'))
  const dependency = { kind: 'http', url: server.url }
  const dropping = (rule: string) => ({
    inject: () => nft(`add rule inet faults input tcp dport ${server.port} ${rule}`),
    heal: () => nft('flush chain inet faults input'),
  })
  const row = (
    id: string,
    fault: string,
    rule: string,
    reason: 'connection_error' | 'timeout',
    detail: string,
  ): Fault => ({
    id,
    fault,
    dependency,
    verdict: { status: 'down', reason, detail },
    ...dropping(rule),
  })
  const faults: readonly Fault[] = [
    row('N2', 'SYN is dropped', 'tcp flags & (syn | ack) == syn drop', 'connection_error', 'connect_timeout'),
    row('N3', 'everything after the handshake is dropped', 'meta length > 60 drop', 'timeout', 'timeout'),
    row('N4', 'rejected with a reset', 'reject with tcp reset', 'connection_error', 'ECONNREFUSED'),
    row(
      'N5',
      'rejected: administratively prohibited',
      'reject with icmp type admin-prohibited',
      'connection_error',
      'EHOSTUNREACH',
    ),
    {
      id: 'N5',
      fault: 'the address is gone',
      dependency: { kind: 'tcp', url: `tcp://${elsewhere}:${await listenElsewhere()}` },
      verdict: { status: 'down', reason: 'connection_error', detail: 'ENETUNREACH' },
      inject: () => ip('addr', 'del', `${elsewhere}/32`, 'dev', 'lo'),
      heal: () => ip('addr', 'add', `${elsewhere}/32`, 'dev', 'lo'),
    },
  ]
  return { faults, close: server.stop }
}

/** Hosts with several addresses, of which one is silent; and one with IPv6 alone. */
async function openAddresses(): Promise<Scene> {
  const folder = mkdtempSync(join(tmpdir(), 'pulsecheck-hosts-'))
  const hosts = join(folder, 'hosts')
  writeFileSync(
    hosts,
    `${distant} two.example\n127.0.0.1 two.example\n${distant6} dual.example\n127.0.0.1 dual.example\n`,
  )
  execFileSync('mount', ['--bind', hosts, '/etc/hosts'])
  ip('addr', 'add', `${distant}/32`, 'dev', 'lo')
  ip('addr', 'add', `${distant6}/128`, 'dev', 'lo', 'nodad')
  const everywhere = createServer(socket => socket.on('error', () => {}).resume())
  everywhere.listen(0, '::').unref()
  await once(everywhere, 'listening')
  const { port } = everywhere.address() as { port: number }
  const alone = createServer(socket => socket.on('error', () => {}).resume())
  alone.listen(0, '::1').unref()
  await once(alone, 'listening')
  const { port: portAlone } = alone.address() as { port: number }
  const keepsUp = (id: string, fault: string, host: string, rule: string): Fault => ({
    id,
    fault,
    dependency: { kind: 'tcp', url: `tcp://${host}:${port}` },
    verdict: { status: 'up' },
    inject: () => nft(`add rule inet faults input ${rule} drop`),
    heal: () => nft('flush chain inet faults input'),
    times: 5,
  })
  const faults: readonly Fault[] = [
    keepsUp('N10', 'the first of two addresses is silent', 'two.example', `ip daddr ${distant}`),
    keepsUp('N11', 'IPv6 comes first, and is silent', 'dual.example', `ip6 daddr ${distant6}`),
    {
      id: 'N12',
      fault: 'a server on IPv6 alone (`[::1]`) stops listening',
      dependency: { kind: 'tcp', url: `tcp://[::1]:${portAlone}` },
      verdict: { status: 'down', reason: 'connection_error', detail: 'ECONNREFUSED' },
      inject: async () => {
        alone.close()
        await once(alone, 'close')
      },
      heal: async () => {
        alone.listen(portAlone, '::1')
        await once(alone, 'listening')
      },
      times: 10,
    },
  ]
  return { faults, close: async () => rmSync(folder, { recursive: true }) }
}

/** A server on every address of the namespace, for as long as this process lives. */
async function listenElsewhere(): Promise<number> {
  const server = createServer(socket => socket.on('error', () => {}))
  server.listen(0, '0.0.0.0').unref()
  await once(server, 'listening')
  return (server.address() as { port: number }).port
}

/** A server that listens with a backlog of one, and is frozen: the kernel takes no connection any more. */
async function openDeaf(): Promise<Scene> {
  const script = `require('net').createServer(s=>s.on('error',()=>{}).resume()).listen({port:0,host:'127.0.0.1',backlog:1},function(){console.log(this.address().port)})`
  const child: ChildProcess = spawn(process.execPath, ['-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = await once(child.stdout as NodeJS.ReadableStream, 'data')
  const port = Number(String(line))
  const waiting: Socket[] = []
  const fault: Fault = {
    id: 'N6',
    fault: 'the backlog of a frozen server is full',
    dependency: { kind: 'tcp', url: `tcp://127.0.0.1:${port}` },
    verdict: { status: 'down', reason: 'connection_error', detail: 'connect_timeout' },
    async inject() {
      child.kill('SIGSTOP')
      for (let i = 0; i < 4; i++) waiting.push(connect(port, '127.0.0.1').on('error', () => {}))
    },
    heal() {
      child.kill('SIGCONT')
      for (const socket of waiting.splice(0)) socket.destroy()
    },
    // The dropped SYN of a check that hangs is only sent again after a second.
    delayMs: { heal: 1_000 },
    times: 10,
  }
  return { faults: [fault], close: async () => void child.kill('SIGKILL') }
}

/** All local ports towards one server are taken: our own fault, so nothing is said of the server. */
async function openCrowded(): Promise<Scene> {
  const server = await serve(() => {})
  const before = readFileSync(portRange, 'utf8')
  const held: Socket[] = []
  const fault: Fault = {
    id: 'N14',
    fault: 'no local port is left',
    dependency: { kind: 'tcp', url: `tcp://127.0.0.1:${server.port}` },
    verdict: { status: 'unknown' },
    async inject() {
      writeFileSync(portRange, '40000 40010')
      for (let i = 0; i < 16; i++) held.push(connect(server.port, '127.0.0.1').on('error', () => {}))
    },
    heal() {
      writeFileSync(portRange, before)
      for (const socket of held.splice(0)) socket.destroy()
    },
    // Unknown once the last result is stale: 2 × interval + timeout after it.
    delayMs: { inject: 500 },
    // Once: afterwards the ports that were held are reusable at any moment (TIME_WAIT).
    times: 1,
  }
  return { faults: [fault], close: server.close }
}

function nft(...commands: readonly string[]): void {
  for (const command of commands)
    execFileSync('nft', command.split(' '), { stdio: ['ignore', 'ignore', 'inherit'] })
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] })
}
