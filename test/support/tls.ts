/** TLS servers that Node's own cannot play: the `openssl s_server` command on a free loopback port. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Certificate } from './certificates.ts'

export interface OpensslServer {
  readonly port: number
  stop(): Promise<void>
}

/** Serves a page about the connection to whoever gets through the handshake, under further arguments of `s_server`. */
export async function serveOpenssl(
  certificate: Certificate,
  ...further: readonly string[]
): Promise<OpensslServer> {
  const identity = ['-cert', certificate.certFile, '-key', certificate.keyFile]
  const args = ['s_server', '-accept', '127.0.0.1:0', '-www', ...identity, ...further]
  const server = spawn('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'] })
  const port = await acceptingPort(server.stdout)
  const stop = async () => {
    server.kill('SIGKILL')
    await once(server, 'exit')
  }
  return { port, stop }
}

/** It prints `ACCEPT 127.0.0.1:34567` once it listens. */
async function acceptingPort(output: AsyncIterable<Buffer>): Promise<number> {
  let said = ''
  for await (const chunk of output) {
    said += chunk
    const port = /ACCEPT \S+:(\d+)\s/.exec(said)?.[1]
    if (port !== undefined) return Number(port)
  }
  throw new Error('openssl s_server did not start')
}
