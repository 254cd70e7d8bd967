/**
 * gRPC: the Check call of the standard health service, grpc.health.v1, over a fresh HTTP/2 connection.
 * https://github.com/grpc/grpc/blob/master/doc/health-checking.md
 */
import type { Socket } from 'node:net'
import { domainToASCII } from 'node:url'
import { z } from 'zod'
import { defineKind } from '../../model/kind.ts'
import { formatAddress } from '../../model/notation.ts'
import type { Secret, SecretUrl } from '../../model/secret.ts'
import { connect } from '../shared/connect.ts'
import { revealFields, secretFields } from '../shared/fields.ts'
import { addressedBy, host, ipFamily, port, secretUrl, userinfoProblem } from '../shared/options.ts'
import { isTls } from '../shared/socket.ts'
import { addressOf, tlsOptions } from '../shared/tls.ts'
import type { Call } from './call.ts'
import { failure, failures } from './failures.ts'

/** Key, ASCII value and binary value: PROTOCOL-HTTP2.md of gRPC, "Custom-Metadata". */
const keyName = /^[0-9a-z_.-]+$/
const asciiValue = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/

const callMetadata = secretFields('key', (key, value) => {
  if (!keyName.test(key)) return 'a metadata key has letters, digits, "-", "_" and ".", and no spaces'
  if (key === 'host' || key === 'content-type' || key.startsWith('grpc-')) return 'this key cannot be set'
  if (key.endsWith('-bin'))
    return base64.test(value) ? undefined : 'the value of a key that ends in -bin must be base64'
  return asciiValue.test(value)
    ? undefined
    : 'a metadata value has printable ASCII characters, and no space at either end'
})

const options = z
  .strictObject({
    url: secretUrl(
      ['grpc', 'grpcs'],
      'grpc://host:port, or grpcs://host:port for TLS with the default options.',
    ).optional(),
    host: host.optional().describe('Host name or IP address, instead of a URL.'),
    port: port.optional().describe('Port, instead of a URL.'),
    service: z
      .string()
      .max(1_024)
      .default('')
      .describe('Full name of the service to ask about: orders.v1.Orders. Default: the server as a whole.'),
    metadata: callMetadata.optional().describe('Metadata of the call. Its values are never shown.'),
    authority: z
      .string()
      .regex(/^[\x21-\x7e]+$/, { error: 'expected a host name, with or without a port' })
      .regex(/^[^/?#@]+$/, { error: 'expected a host name, with or without a port' })
      .optional()
      .describe('The :authority of the call, for proxies that route by it. Default: host:port.'),
    ipFamily,
    tls: tlsOptions.optional(),
    traceparent: z.boolean().default(false).describe('Send W3C traceparent metadata. Default false.'),
  })
  .superRefine(addressedBy(['host', 'port']))
  .superRefine(refuseUnusableUrl)
  .superRefine(refuseTwoTraces)

type Options = z.output<typeof options>

/** Calls the standard health service of gRPC: `grpc({ url: 'grpc://orders:50051' })`. */
export const grpc = defineKind({
  name: 'grpc',
  schemes: ['grpc', 'grpcs'],
  options,
  example: { url: 'grpc://orders.example:50051' },
  measurements: {
    status_code: 'gRPC status of the last answer; 0 is OK.',
    serving_status:
      'Serving status of the last answer: 0 unknown, 1 serving, 2 not serving, 3 service unknown.',
  },
  failures,
  target: options => {
    const { host, port } = addressOf(options, 'grpcs')
    return options.service === ''
      ? formatAddress(host, port)
      : `${formatAddress(host, port)}/${options.service}`
  },
  open(options) {
    const call = callOf(options)
    // A server may echo credentials in any encoding, so messages quote it only if it gets none.
    const quotes = Object.keys(call.metadata).length === 0
    // These files load node:http2 and the protobuf library.
    const loading = Promise.all([import('./call.ts'), import('./answer.ts')])
    return {
      async check(context) {
        const [{ callOnce }, { encodeRequest, verify }] = await loading
        const { ipFamily, service, traceparent } = options
        const socket = await connect({ ...addressOf(options, 'grpcs'), ipFamily, alpn: ['h2'] }, context)
        try {
          verifyHttp2(socket)
          const traced = traceparent ? { traceparent: context.traceparent() } : {}
          const message = encodeRequest(service)
          verify(await callOnce(socket, { ...call, ...traced, message }, context), service, quotes, context)
        } finally {
          socket.destroy()
        }
      },
    }
  },
})

/** Everything but the message. */
function callOf(options: Options): Omit<Call, 'message'> {
  const { host, port, tls } = addressOf(options, 'grpcs')
  return {
    path: '/grpc.health.v1.Health/Check',
    scheme: tls === undefined ? 'http' : 'https',
    authority: options.authority ?? formatAddress(domainToASCII(host) || host, port),
    metadata: encodeMetadata(options.metadata ?? {}),
  }
}

/** Removes the padding of base64, as PROTOCOL-HTTP2.md requires. */
function encodeMetadata(metadata: Readonly<Record<string, Secret>>): Readonly<Record<string, string>> {
  const fields = Object.entries(revealFields(metadata))
  return Object.fromEntries(
    fields.map(([key, value]) => [key, key.endsWith('-bin') ? value.replace(/=+$/, '') : value]),
  )
}

/** Over TLS, HTTP/2 must be negotiated: RFC 9113, section 3.2. */
function verifyHttp2(socket: Socket): void {
  if (isTls(socket) && socket.alpnProtocol !== 'h2')
    throw failure('protocol_error', 'the server did not agree on HTTP/2 in the TLS handshake (ALPN)')
}

/** Refuses parts of a URL for which a gRPC call has no use. */
function refuseUnusableUrl({ url }: { url?: SecretUrl | undefined }, context: z.RefinementCtx): void {
  if (url === undefined) return
  const { port, pathname, search, hash } = url.url()
  const refuse = (message: string) => context.addIssue({ code: 'custom', path: ['url'], message })
  if (port === '') refuse('the URL needs a port: grpc://host:port')
  const problem = userinfoProblem(url.url(), 'set credentials as metadata')
  if (problem !== undefined) refuse(problem)
  if (!['', '/'].includes(pathname) || search !== '' || hash !== '')
    refuse('nothing may follow the port; set the service as service')
}

function refuseTwoTraces(
  { metadata = {}, traceparent }: { metadata?: object | undefined; traceparent: boolean },
  context: z.RefinementCtx,
): void {
  if (!traceparent || !Object.keys(metadata).some(key => key.toLowerCase() === 'traceparent')) return
  const message = 'traceparent is set as metadata too; remove one of them'
  context.addIssue({ code: 'custom', path: ['traceparent'], message })
}
