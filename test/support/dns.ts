/** A name server that answers as the test says, over UDP and TCP on one loopback port. */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIP } from 'node:net'
import { type ByteServer, serve } from './net.ts'

export interface Question {
  readonly name: string
  readonly type: 'A' | 'AAAA'
  readonly transport: 'udp' | 'tcp'
  /** The question as it came. */
  readonly bytes: Buffer
}

export interface Reply {
  /** Records of the type that was asked for. */
  readonly addresses?: readonly string[]
  /** 2 SERVFAIL, 3 NXDOMAIN, 5 REFUSED. */
  readonly rcode?: number
  readonly truncated?: boolean
  readonly delayMs?: number
}

/** Undefined: silence. Bytes are sent as they are. */
export type Answer = (question: Question) => Reply | Buffer | undefined

export interface NameServer {
  readonly port: number
  /** As in resolv.conf. */
  readonly line: string
  readonly questions: readonly Question[]
  close(): Promise<void>
}

export async function serveNames(answer: Answer): Promise<NameServer> {
  const questions: Question[] = []
  const respond: Respond = (bytes, transport, send) => {
    const question = { ...parse(bytes), transport, bytes }
    questions.push(question)
    const reply = answer(question)
    if (reply === undefined) return
    const sent = Buffer.isBuffer(reply) ? reply : encode(question, reply)
    setTimeout(() => send(sent), Buffer.isBuffer(reply) ? 0 : (reply.delayMs ?? 0))
  }
  const { tcp, udp } = await onePort(respond)
  return {
    port: tcp.port,
    line: `nameserver [127.0.0.1]:${tcp.port}\n`,
    questions,
    async close() {
      udp.close()
      await tcp.close()
    },
  }
}

type Respond = (bytes: Buffer, transport: Question['transport'], send: (bytes: Buffer) => void) => void

/** Another process may hold the UDP port of the number that TCP got. */
async function onePort(respond: Respond): Promise<{ tcp: ByteServer; udp: Socket }> {
  const tcp = await serve(socket =>
    socket.on('data', data =>
      respond(data.subarray(2), 'tcp', bytes => {
        const length = Buffer.alloc(2)
        length.writeUInt16BE(bytes.length)
        socket.write(Buffer.concat([length, bytes]))
      }),
    ),
  )
  let open = true
  const udp = createSocket('udp4', (bytes, peer) =>
    respond(bytes, 'udp', sent => open && udp.send(sent, peer.port, peer.address)),
  )
  udp.once('close', () => {
    open = false
  })
  udp.bind(tcp.port, '127.0.0.1')
  try {
    await once(udp, 'listening')
    return { tcp, udp }
  } catch {
    await tcp.close()
    return await onePort(respond)
  }
}

function parse(bytes: Buffer): Pick<Question, 'name' | 'type'> {
  const labels: string[] = []
  let at = 12
  for (let length = bytes[at] ?? 0; length > 0; length = bytes[at] ?? 0) {
    labels.push(bytes.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), type: bytes.readUInt16BE(at + 1) === 28 ? 'AAAA' : 'A' }
}

/** The response with our records, each with a pointer to the name in the question. */
export function encode({ bytes, name, type }: Question, reply: Reply): Buffer {
  const message = Buffer.from(bytes.subarray(0, 12 + (name === '' ? 1 : name.length + 2) + 4))
  const addresses = (reply.addresses ?? []).filter(each => isIP(each) === (type === 'A' ? 4 : 6))
  message.writeUInt16BE(0x8180 | (reply.truncated === true ? 0x200 : 0) | (reply.rcode ?? 0), 2)
  message.writeUInt16BE(addresses.length, 6)
  message.writeUInt32BE(0, 8)
  return Buffer.concat([message, ...addresses.map(address => record(type, address))])
}

function record(type: Question['type'], address: string): Buffer {
  const data = type === 'A' ? Buffer.from(address.split('.').map(Number)) : ipv6(address)
  const head = Buffer.from([0xc0, 12, 0, type === 'A' ? 1 : 28, 0, 1, 0, 0, 14, 16, 0, data.length])
  return Buffer.concat([head, data])
}

function ipv6(address: string): Buffer {
  const [left = '', right = ''] = address.split('::')
  const groups = (text: string) => (text === '' ? [] : text.split(':'))
  const zeros = Array(8 - groups(left).length - groups(right).length).fill('0')
  const all = address.includes('::') ? [...groups(left), ...zeros, ...groups(right)] : groups(left)
  return Buffer.from(all.map(group => group.padStart(4, '0')).join(''), 'hex')
}
