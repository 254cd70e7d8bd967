/**
 * TLS itself: the handshake succeeds, the chain and the name verify, no certificate expires soon, and what is agreed on
 * is as expected. Protocols that begin in the clear are asked for TLS first (STARTTLS).
 */
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { z } from 'zod'
import { formatAddress } from '../../model/address.ts'
import { type CheckContext, CheckError } from '../../model/dependency.ts'
import { defineKind } from '../../model/kind.ts'
import { duration } from '../../model/settings.ts'
import { type ConnectOptions, connect } from '../shared/connect.ts'
import { host, ipFamily, pattern, port } from '../shared/options.ts'
import { type Session, tlsOptions, verifyPeer } from '../shared/tls.ts'
import { measure, measurements } from './chain.ts'
import { protocols, type StartTls, startTls } from './starttls.ts'

/** A server of TLS 1.3 refuses a client certificate only after the handshake: as long as tcp waits by default. */
const settleMs = 100

/** Within this time, somebody has to act: certificates of 90 days are renewed a month before they expire. */
const defaultExpiresWithin = 14 * 86_400_000

const protocolName = z.string().min(1).max(255)

const expectation = z.strictObject({
  protocol: z.enum(['TLSv1.2', 'TLSv1.3']).optional().describe('Version of TLS that must be agreed on.'),
  cipher: pattern
    .optional()
    .describe('Pattern (RE2 syntax) that must match in the cipher suite, by its name at IANA.'),
  alpn: protocolName.optional().describe('Protocol that must be agreed on (ALPN): h2.'),
})

const options = z
  .strictObject({
    host: host.describe('Host name or IP address.'),
    port: port.optional().describe('Port. Default 443, or the usual one of startTls.'),
    ipFamily,
    startTls: z
      .enum(protocols)
      .optional()
      .describe('Protocol that begins in the clear and is asked for TLS. Default: TLS begins at once.'),
    tls: tlsOptions
      .extend({
        expiresWithin: duration('0s', '10y')
          .default(defaultExpiresWithin)
          .describe(
            'The check fails once a presented certificate expires within this time. Default 14d; 0s: no such limit.',
          ),
      })
      .prefault({})
      .describe('TLS towards the dependency. It is on without this key, too.'),
    alpn: z
      .array(protocolName)
      .min(1)
      .max(16)
      .optional()
      .describe('Protocols to offer inside TLS (ALPN). Default: that of expect.alpn, or none.'),
    expect: expectation.optional().describe('What must be agreed on.'),
  })
  .superRefine(offersWhatItExpects)

type Options = z.output<typeof options>

export const tls = defineKind({
  name: 'tls',
  options,
  example: { host: 'mail.example' },
  measurements,
  failures: {
    certificate_expires_soon: [
      'tls_error',
      'A certificate of the chain expires within `tls.expiresWithin`; the message names it.',
      'Renew it, and have the server load it.',
    ],
    starttls_refused: [
      'tls_error',
      'The server offers no TLS in the protocol of `startTls`, or refuses to begin it.',
      'Switch TLS on there; check the port and `startTls`.',
    ],
    greeting_refused: [
      'unhealthy',
      'The server turns the connection away with its greeting, which the message quotes.',
      'Look at its limits and access rules.',
    ],
    plaintext_after_starttls: [
      'protocol_error',
      'More than the go-ahead came before the TLS handshake.',
      'Update the server; look for somebody in between who injects commands.',
    ],
    protocol_mismatch: ['unhealthy', 'The version of TLS is not `expect.protocol`.', 'Configure the server.'],
    cipher_mismatch: [
      'unhealthy',
      'The cipher suite does not match `expect.cipher`.',
      'Configure the server.',
    ],
    alpn_mismatch: ['unhealthy', 'ALPN did not agree on `expect.alpn`.', 'Configure the server.'],
  },
  target: options => formatAddress(options.host, portOf(options)),
  open: options => ({
    async check(context) {
      let chain: Session['chain'] = []
      const afterHandshake = (session: Session) => {
        chain = session.chain
        measure(session, context)
      }
      const socket = await connect({ ...manner(options), afterHandshake }, context)
      try {
        if (socket instanceof TLSSocket) judge({ socket, chain }, options, context)
      } finally {
        await leave(socket, options)
      }
    },
  }),
})

/** How to connect. The certificate is judged afterwards, so that a session which is refused is ended properly, too. */
function manner(options: Options): ConnectOptions {
  const { host, ipFamily, tls, expect } = options
  const { alpn = expect?.alpn === undefined ? undefined : [expect.alpn] } = options
  return {
    host,
    port: portOf(options),
    ipFamily,
    tls: { ...tls, verify: false, expiresWithin: undefined },
    beforeTls: dialogueOf(options)?.ask,
    settleMs,
    ...(alpn !== undefined && { alpn }),
  }
}

function dialogueOf(options: Options): StartTls | undefined {
  return options.startTls && startTls[options.startTls]
}

function portOf(options: Options): number {
  return options.port ?? dialogueOf(options)?.port ?? 443
}

/** @throws CheckError if the certificate is refused, or something else is agreed on than expected. */
function judge(session: Session, { host, tls, expect = {} }: Options, context: CheckContext): void {
  const { socket } = session
  const { protocol, cipher, alpn } = expect
  verifyPeer(session, { ...tls, expiresWithin: tls.expiresWithin || undefined }, host, context)
  const version = socket.getProtocol()
  const suite = socket.getCipher().standardName
  const agreed = socket.alpnProtocol || 'none'
  if (protocol !== undefined && version !== protocol)
    throw unhealthy('protocol_mismatch', `version ${version}`)
  if (cipher !== undefined && !cipher.test(suite)) throw unhealthy('cipher_mismatch', `cipher suite ${suite}`)
  if (alpn !== undefined && agreed !== alpn) throw unhealthy('alpn_mismatch', `ALPN protocol ${agreed}`)
}

function unhealthy(detail: string, agreed: string): CheckError {
  return new CheckError('unhealthy', detail, `the server agrees on ${agreed}, which is not what is expected`)
}

/** What goes wrong at the end says nothing about TLS. */
async function leave(socket: Socket, options: Options): Promise<void> {
  await dialogueOf(options)
    ?.leave?.(socket)
    .catch(() => {})
  socket.destroySoon()
}

function offersWhatItExpects(
  { alpn, expect }: Pick<Options, 'alpn' | 'expect'>,
  context: z.RefinementCtx,
): void {
  if (alpn === undefined || expect?.alpn === undefined || alpn.includes(expect.alpn)) return
  const message = 'alpn does not offer this protocol; add it there, or leave alpn out'
  context.addIssue({ code: 'custom', path: ['expect', 'alpn'], message })
}
