/** gRPC servers on free loopback ports: the health service of the gRPC authors on their own server, and answers by hand. */
import { createSecureServer, createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2'
import { Server, ServerCredentials, type ServerInterceptor } from '@grpc/grpc-js'
import { HealthImplementation, type ServingStatusMap } from 'grpc-health-check'
import type { Certificate } from './certificates.ts'
import { listen } from './net.ts'

export interface GrpcServer {
  readonly port: number
  readonly health: HealthImplementation
  stop(): Promise<void>
}

export interface GrpcServerOptions {
  readonly statuses?: ServingStatusMap
  readonly credentials?: ServerCredentials
  readonly interceptors?: ServerInterceptor[]
}

/** The health service, which says that the whole server is SERVING. */
export async function serveHealth({
  statuses = { '': 'SERVING' },
  ...more
}: GrpcServerOptions = {}): Promise<GrpcServer> {
  const health = new HealthImplementation(statuses)
  return { ...(await serveGrpc(server => health.addToServer(server), more)), health }
}

/** A server of gRPC without any service but those that are added. */
export async function serveGrpc(
  add: (server: Server) => void,
  {
    credentials = ServerCredentials.createInsecure(),
    interceptors = [],
  }: Omit<GrpcServerOptions, 'statuses'> = {},
): Promise<Omit<GrpcServer, 'health'>> {
  const server = new Server({ interceptors })
  add(server)
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', credentials, (error, port) => (error ? reject(error) : resolve(port))),
  )
  return { port, stop: async () => server.forceShutdown() }
}

/** Server credentials of a certificate; with an authority, clients need a certificate of it. */
export function createCredentials({ certPem, keyPem }: Certificate, clientCa?: string): ServerCredentials {
  const pair = { cert_chain: Buffer.from(certPem), private_key: Buffer.from(keyPem) }
  const ca = clientCa === undefined ? null : Buffer.from(clientCa)
  return ServerCredentials.createSsl(ca, [pair], clientCa !== undefined)
}

export interface Http2Call {
  readonly stream: ServerHttp2Stream
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

/** A server of HTTP/2 that answers every request by hand. */
export async function serveHttp2(
  answer: (call: Http2Call) => void,
  tls?: Certificate,
): Promise<{ port: number; stop(): Promise<void> }> {
  const server: Http2Server = tls
    ? createSecureServer({ cert: tls.certPem, key: tls.keyPem })
    : createServer()
  const sessions = new Set<{ destroy(): void }>()
  server.on('session', session => {
    sessions.add(session)
    session.on('error', () => {}).once('close', () => sessions.delete(session))
  })
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {}).resume()
    answer({ stream, headers })
  })
  const port = await listen(server)
  const stop = async () => {
    for (const session of sessions) session.destroy()
    await new Promise(resolve => server.close(resolve))
  }
  return { port, stop }
}

/** A frame of HTTP/2: RFC 9113, section 4.1. */
export function http2Frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

export const emptySettings = http2Frame(4, 0, 0)
