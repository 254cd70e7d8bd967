/**
 * TLS itself: the handshake succeeds, the chain and the name verify, no certificate expires soon, and version, cipher and
 * protocol are as expected. Protocols that begin in clear text are asked for TLS first (STARTTLS).
 */
import type { Socket } from 'node:net'
import { z } from 'zod'
import { type CheckContext, CheckError } from '../../model/dependency.ts'
import { defineKind } from '../../model/kind.ts'
import { formatAddress, formatDuration } from '../../model/notation.ts'
import { duration } from '../../model/settings.ts'
import { type ConnectOptions, connect } from '../shared/connect.ts'
import { host, ipFamily, port } from '../shared/options.ts'
import { isTls } from '../shared/socket.ts'
import { type TlsSession, tlsOptions } from '../shared/tls.ts'
import { startTlsHint } from './conversation.ts'
import { expectation, judge, measure, measurements, protocolName } from './session.ts'
import { protocols, recognizeProtocol, type StartTls, startTls } from './starttls.ts'

/** A TLS 1.3 server refuses a client certificate only after the handshake. As long as tcp waits by default. */
const settleMs = 100

/** By then somebody has to act: 90-day certificates are renewed a month before they expire. */
const defaultExpiresWithin = 14 * 86_400_000

const options = z
  .strictObject({
    host: host.describe('Host name or IP address.'),
    port: port.optional().describe('Port. Default 443, or the usual port of the startTls protocol.'),
    ipFamily,
    startTls: z
      .enum(protocols)
      .optional()
      .describe('Protocol that starts in clear text and is upgraded to TLS. Default: TLS from the start.'),
    tls: tlsOptions
      .extend({
        expiresWithin: duration('0s', '10y')
          .default(defaultExpiresWithin)
          .describe(
            'The check fails once a presented certificate expires within this time. Default 14d; 0s: no such limit.',
          ),
      })
      .prefault({})
      .describe('TLS to the dependency. It is on even without this key.'),
    alpn: z
      .array(protocolName)
      .min(1)
      .max(16)
      .optional()
      .describe('Protocols to offer (ALPN). Default: expect.alpn, or none.'),
    expect: expectation.optional().describe('What must be negotiated.'),
  })
  .superRefine(refuseUnofferedAlpn)

type Options = z.output<typeof options>

/** Completes a handshake and looks at the certificates: `tls({ host: 'orders', port: 443 })`. */
export const tls = defineKind({
  name: 'tls',
  options,
  example: { host: 'mail.example' },
  measurements,
  failures: {
    certificate_expires_soon: [
      'tls_error',
      'A certificate of the chain expires within `tls.expiresWithin`; the message names it.',
      'Renew it, and make the server load it.',
    ],
    starttls_refused: [
      'tls_error',
      'The server offers no TLS in the protocol of `startTls`, or refuses to begin it.',
      'Turn TLS on there; check the port and `startTls`.',
    ],
    greeting_refused: [
      'unhealthy',
      'The server refuses the connection with its greeting, which the message quotes.',
      'Look at its limits and access rules.',
    ],
    plaintext_after_starttls: [
      'protocol_error',
      'More than the go-ahead came before the TLS handshake.',
      'Update the server; check whether somebody in between injects commands.',
    ],
    protocol_mismatch: ['unhealthy', 'The version of TLS is not `expect.protocol`.', 'Configure the server.'],
    cipher_mismatch: [
      'unhealthy',
      'The cipher suite does not match `expect.cipher`.',
      'Configure the server.',
    ],
    alpn_mismatch: ['unhealthy', 'ALPN did not negotiate `expect.alpn`.', 'Configure the server.'],
  },
  target: options => formatAddress(options.host, portOf(options)),
  open: options => ({
    async check(context) {
      let chain: TlsSession['chain'] = []
      const afterHandshake = (session: TlsSession) => {
        chain = session.chain
        measure(session, context)
      }
      const socket = await connect({ ...connectOptionsOf(options, context), afterHandshake }, context).catch(
        error => explainFailure(error, options, context),
      )
      try {
        if (isTls(socket)) judge({ socket, chain }, options, context)
      } finally {
        await leave(socket, options)
      }
    },
  }),
})

/** How to connect. The certificate is judged afterwards, so that a refused session ends properly too. */
function connectOptionsOf(options: Options, context: CheckContext): ConnectOptions {
  const { host, ipFamily, tls, expect } = options
  const { alpn = expect?.alpn === undefined ? undefined : [expect.alpn] } = options
  return {
    host,
    port: portOf(options),
    ipFamily,
    tls: { ...tls, verify: false, expiresWithin: undefined },
    beforeTls: requestOf(options, context),
    settleMs,
    alpn,
  }
}

/** Asks for TLS. A server that says nothing until the deadline may be waiting for the handshake. */
function requestOf(options: Options, context: CheckContext): ConnectOptions['beforeTls'] {
  const dialogue = dialogueOf(options)
  return (
    dialogue &&
    (async socket => {
      const message = `no answer in clear text within ${formatDuration(context.timeoutMs)}; ${startTlsHint}`
      context.presume(new CheckError('timeout', 'timeout', message))
      socket.once('data', () => context.presume(undefined))
      await dialogue.ask(socket)
    })
  )
}

/** @throws the failure, with a hint if the server begins in clear text where TLS should begin at once. */
async function explainFailure(error: unknown, options: Options, context: CheckContext): Promise<never> {
  const isPlain = error instanceof Error && 'code' in error && error.code === plainTextCode
  if (!isPlain || options.startTls !== undefined) throw error
  const { host, ipFamily } = options
  context.presume(new CheckError('tls_error', plainTextCode, error.message, { cause: error }))
  const protocol = await recognizeProtocol({ host, port: portOf(options), ipFamily }, context)
  if (protocol === undefined) throw error
  const message = `the server speaks plain ${protocol.toUpperCase()}; set startTls: ${protocol}`
  throw new CheckError('tls_error', plainTextCode, message, { cause: error })
}

/** What arrived is no TLS record. */
const plainTextCode = 'ERR_SSL_WRONG_VERSION_NUMBER'

function dialogueOf(options: Options): StartTls | undefined {
  return options.startTls && startTls[options.startTls]
}

function portOf(options: Options): number {
  return options.port ?? dialogueOf(options)?.port ?? 443
}

/** A failure at the end says nothing about TLS. */
async function leave(socket: Socket, options: Options): Promise<void> {
  await dialogueOf(options)
    ?.leave?.(socket)
    .catch(() => {})
  socket.destroySoon()
}

function refuseUnofferedAlpn(
  { alpn, expect }: Pick<Options, 'alpn' | 'expect'>,
  context: z.RefinementCtx,
): void {
  if (alpn === undefined || expect?.alpn === undefined || alpn.includes(expect.alpn)) return
  const message = 'alpn does not offer this protocol; add it there, or leave alpn out'
  context.addIssue({ code: 'custom', path: ['expect', 'alpn'], message })
}
