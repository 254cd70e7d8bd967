/**
 * Real name servers on free loopback ports, each a process of its own: NSD, which is authoritative for a zone, and
 * dnsmasq, which forwards to it and caches. Need `nsd` and `dnsmasq` on PATH (Debian, Ubuntu: `apt-get install nsd
 * dnsmasq-base`).
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { closedPort, until } from './net.ts'

export interface RealNameServer {
  readonly port: number
  stop(): Promise<void>
}

/** Serves a zone from its file, by UDP and TCP. */
export async function startNsd(zone: string, records: string): Promise<RealNameServer> {
  const folder = await mkdtemp(join(tmpdir(), 'pulsecheck-nsd-'))
  const port = await closedPort()
  const lines = [
    'server:',
    `  ip-address: 127.0.0.1@${port}`,
    '  server-count: 1',
    '  username: ""',
    '  chroot: ""',
    `  zonesdir: "${folder}"`,
    ...['pidfile', 'xfrdfile', 'zonelistfile'].map(key => `  ${key}: "${join(folder, key)}"`),
    'remote-control:',
    '  control-enable: no',
    'zone:',
    `  name: ${zone}`,
    '  zonefile: zone',
  ]
  await writeFile(join(folder, 'zone'), `$ORIGIN ${zone}.\n$TTL 300\n${records}\n`)
  await writeFile(join(folder, 'nsd.conf'), `${lines.join('\n')}\n`)
  const child = await launch('nsd', ['-d', '-c', join(folder, 'nsd.conf')], port)
  return {
    port,
    async stop() {
      await end(child, 'SIGTERM')
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Forwards every question to another server. */
export async function startDnsmasq(upstreamPort: number): Promise<RealNameServer> {
  const port = await closedPort()
  const own = [
    '--keep-in-foreground',
    '--conf-file=/dev/null',
    '--no-resolv',
    '--no-hosts',
    '--user=',
    '--pid-file=',
  ]
  const where = [`--port=${port}`, '--listen-address=127.0.0.1', '--bind-interfaces']
  const child = await launch('dnsmasq', [...own, ...where, `--server=127.0.0.1#${upstreamPort}`], port)
  return { port, stop: () => end(child, 'SIGKILL') }
}

/** Debian keeps servers off the PATH of people. */
const env = { ...process.env, PATH: [process.env.PATH, '/usr/sbin'].join(delimiter) }

async function launch(program: string, args: readonly string[], port: number): Promise<ChildProcess> {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], env })
  let said = ''
  child.stderr?.on('data', data => {
    said = `${said}${data}`.slice(-2_000)
  })
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  child.once('exit', () => process.off('exit', kill))
  try {
    await once(child, 'spawn')
  } catch (error) {
    throw new Error(`these tests need ${program}`, { cause: error })
  }
  await until(() => child.exitCode !== null || accepts(port), `${program} listens on port ${port}`)
  if (child.exitCode !== null) throw new Error(`${program} ended with code ${child.exitCode}: ${said}`)
  return child
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill(signal)
  await once(child, 'exit')
}

function accepts(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
