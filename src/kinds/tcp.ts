/**
 * TCP: the connection opens; optionally over TLS, and optionally the server says what it should. Without `expect` this
 * proves the kernel behind the port, not the application: a frozen process still accepts.
 */
import type { Socket } from 'node:net'
import { z } from 'zod'
import { CheckError, defineKind, type PhaseTrace } from '../dependency.ts'
import type { SecretUrl } from '../secret.ts'
import { closedEarly, connect, tooLarge } from './shared/connect.ts'
import {
  addressedBy,
  bareHost,
  host,
  hostPort,
  ipFamily,
  meets,
  port,
  secretText,
  secretUrl,
  type TextExpectation,
  textExpectation,
} from './shared/options.ts'
import { tlsOptions } from './shared/tls.ts'

/** An answer that has not met the expectation within these is not going to. */
const maxBytes = 64 * 1024

const options = z
  .strictObject({
    url: secretUrl(
      ['tcp', 'tls'],
      'tcp://host:port, or tls://host:port for TLS with the default options.',
    ).optional(),
    host: host.optional().describe('Host name or IP address, instead of a URL.'),
    port: port.optional().describe('Port, instead of a URL.'),
    ipFamily,
    tls: tlsOptions.optional(),
    send: secretText.optional().describe('Text to send once connected. Never shown.'),
    expect: textExpectation.optional().describe('What the server must say, within its first 64 KiB.'),
  })
  .superRefine(addressedBy(['host', 'port']))
  .superRefine(withPort)

type Options = z.output<typeof options>

export const tcp = defineKind({
  kind: 'tcp',
  schemes: ['tcp', 'tls'],
  options,
  target: options => {
    const { host, port } = address(options)
    return hostPort(host, port)
  },
  open: (options, context) => ({
    async check(signal, trace) {
      const socket = await connect(address(options), context, signal, trace)
      try {
        await converse(socket, options, trace)
      } finally {
        socket.destroy()
      }
    },
  }),
})

async function converse(socket: Socket, { send, expect }: Options, trace: PhaseTrace): Promise<void> {
  if (send !== undefined) {
    trace.enter('request')
    socket.write(send.reveal())
  }
  if (expect !== undefined) {
    trace.enter('transfer')
    await receive(socket, expect)
  }
}

/** Reads until the expectation is met. */
async function receive(socket: Socket, expect: TextExpectation): Promise<void> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    text += decoder.decode(chunk, { stream: true })
    if (meets(expect, text)) return
    if (socket.bytesRead > maxBytes) throw tooLarge(maxBytes)
  }
  throw text === '' ? closedEarly() : mismatch()
}

function mismatch(): CheckError {
  return new CheckError(
    'unhealthy',
    'body_mismatch',
    'the server closed the connection without saying what is expected',
  )
}

function address({ url, host = '', port = 0, ipFamily, tls }: Options) {
  if (url === undefined) return { host, port, ipFamily, tls }
  const { hostname, port: urlPort, protocol } = url.url()
  const secured = tls ?? (protocol === 'tls:' ? tlsOptions.parse({}) : undefined)
  return { host: bareHost(hostname), port: Number(urlPort), ipFamily, tls: secured }
}

function withPort({ url }: { url?: SecretUrl | undefined }, context: z.RefinementCtx): void {
  if (url === undefined || url.url().port !== '') return
  context.addIssue({ code: 'custom', path: ['url'], message: 'the URL needs a port: tcp://host:port' })
}
