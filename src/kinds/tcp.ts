/**
 * TCP: a connection opens and stays open, optionally over TLS. Optionally, the server must send an expected text. Without
 * `expect` this proves the kernel behind the port, not the application: a frozen process still accepts.
 */
import type { Socket } from 'node:net'
import { z } from 'zod'
import { type CheckContext, CheckError } from '../model/dependency.ts'
import { defineKind } from '../model/kind.ts'
import { formatAddress } from '../model/notation.ts'
import type { Secret, SecretUrl } from '../model/secret.ts'
import { duration } from '../model/settings.ts'
import { connect } from './shared/connect.ts'
import {
  addressedBy,
  host,
  ipFamily,
  meets,
  port,
  secretText,
  secretUrl,
  type TextExpectation,
  textExpectation,
  userinfoProblem,
} from './shared/options.ts'
import { closedEarly, tooLarge } from './shared/socket.ts'
import { addressOf, tlsOptions } from './shared/tls.ts'

/** Limit of what is read while waiting for the expected text, in bytes. */
const maxBytes = 64 * 1024

/** Servers and proxies that accept a connection only to refuse it do so at once. */
const defaultSettleMs = 100

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
    settle: duration('0s', '1m')
      .optional()
      .describe(
        'How long a new connection must stay open if there is no expect; 0s to skip the wait. Default 100ms.',
      ),
    send: secretText.optional().describe('Text to send once connected. Never shown.'),
    expect: textExpectation.optional().describe('What the server must send, within the first 64 KiB.'),
  })
  .superRefine(addressedBy(['host', 'port']))
  .superRefine(refuseUnusableUrl)
  .superRefine(refuseSettleWithExpect)

type Options = z.output<typeof options>

/** Opens a connection, and optionally compares what the server says: `tcp({ host: 'mail', port: 25 })`. */
export const tcp = defineKind({
  name: 'tcp',
  schemes: ['tcp', 'tls'],
  options,
  example: { url: 'tcp://mail.example:25' },
  failures: {
    body_mismatch: [
      'unhealthy',
      'The server did not say what `expect` asks for, until it closed the connection or the deadline passed.',
      'Look at the message, which quotes the beginning of the answer.',
    ],
  },
  target: options => {
    const { host, port } = addressOf(options, 'tls')
    return formatAddress(host, port)
  },
  open: options => ({
    async check(context) {
      const socket = await connect({ ...addressOf(options, 'tls'), ...connectionSettings(options) }, context)
      try {
        await converse(socket, options, context)
      } finally {
        socket.destroy()
      }
    },
  }),
})

async function converse(socket: Socket, { send, expect }: Options, context: CheckContext): Promise<void> {
  if (send !== undefined) {
    context.enter('request')
    socket.write(send.reveal())
  }
  if (expect !== undefined) {
    context.enter('transfer')
    await receive(socket, expect, send, context)
  }
}

/** Reads until the expectation is met. */
async function receive(
  socket: Socket,
  expect: TextExpectation,
  sent: Secret | undefined,
  context: CheckContext,
): Promise<void> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    text += decoder.decode(chunk, { stream: true })
    if (meets(expect, text)) return
    if (socket.bytesRead > maxBytes) throw tooLarge(maxBytes)
    context.presume(mismatch(text, sent))
  }
  throw text === '' ? closedEarly() : mismatch(text, sent)
}

function mismatch(text: string, sent: Secret | undefined): CheckError {
  const message = `the server said ${excerpt(text, sent)}, which is not what is expected`
  return new CheckError('unhealthy', 'body_mismatch', message)
}

/** Quotes the beginning of an answer, and escapes unprintable characters. */
function excerpt(text: string, sent: Secret | undefined): string {
  const beginning = text.slice(0, 1_024)
  const clean = sent === undefined ? beginning : withoutWordsOf(sent.reveal(), beginning)
  return JSON.stringify(clean.length <= 80 ? clean : `${clean.slice(0, 79)}…`)
}

/**
 * Hides the words that were sent. They may include a password, and servers echo input that they do not understand,
 * sometimes truncated.
 */
function withoutWordsOf(sent: string, text: string): string {
  const words = [...sent.split(/\s+/), ...sent.split(/[\s:,;=&"']+/)].filter(word => word.length >= 4)
  const longestFirst = [...new Set(words)].sort((a, b) => b.length - a.length)
  const clean = longestFirst.reduce((clean, word) => clean.replaceAll(word, '<secret>'), text)
  const cutOff = longestFirst.map(word => sharedEdge(clean, word)).reduce((a, b) => Math.max(a, b), 0)
  return cutOff === 0 ? clean : `${clean.slice(0, -cutOff)}<secret>`
}

/**
 * Returns how many characters from the beginning of a word are at the end of a text; 0 if they are too few to reveal
 * anything.
 */
function sharedEdge(text: string, word: string): number {
  for (let length = Math.min(text.length, word.length - 1); length >= 4; length--)
    if (text.endsWith(word.slice(0, length))) return length
  return 0
}

/** How to connect. A check that expects an answer does not have to wait for the connection to settle first. */
function connectionSettings({ ipFamily, expect, settle = defaultSettleMs }: Options) {
  return { ipFamily, settleMs: expect === undefined ? settle : 0 }
}

function refuseUnusableUrl({ url }: { url?: SecretUrl | undefined }, context: z.RefinementCtx): void {
  if (url === undefined) return
  const refuse = (message: string) => context.addIssue({ code: 'custom', path: ['url'], message })
  if (url.url().port === '') refuse('the URL needs a port: tcp://host:port')
  const problem = userinfoProblem(url.url(), 'put a login that the server expects into send')
  if (problem !== undefined) refuse(problem)
}

function refuseSettleWithExpect(
  value: { settle?: unknown; expect?: unknown },
  context: z.RefinementCtx,
): void {
  if (value.settle === undefined || value.expect === undefined) return
  const message = 'settle is for checks without expect; remove one of them'
  context.addIssue({ code: 'custom', path: ['settle'], message })
}
